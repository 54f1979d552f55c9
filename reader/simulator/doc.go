// Package simulator simulates My Number Cards and card readers, so that a program
// can be tested from its first byte to its last screen without hardware. It uses
// no cgo, no file and no network.
//
// A [Card] answers command APDUs as the real card does, as far as that is
// publicly known: it rejects what needs a PIN, counts the attempts left, locks, and
// stays unlocked where the real card stays unlocked. Behavior that is not well known
// is marked "assumed" in this package's source.
//
// # Where to start
//
// [New] returns a [Driver], which implements reader.Driver. Add a reader to
// it, make a card of some [Profile] with [NewCard], and insert it:
//
//	driver := simulator.New()
//	slot := driver.AddReader("Simulated Reader")
//	card, err := simulator.NewCard(simulator.Contact)
//	err = slot.Insert(card)
//
// Every card's PIN is [PIN] and its signature password is [Password].
// [Card.State] returns what a real card does not reveal.
//
// # Readers that misbehave
//
// [Reader.Fail] adds a rule, a [Fault]: at the nth connection, transaction or
// command, or at the nth command of some kind, something happens. [SendsSecret] and
// [AsksAttempts] tell the two kinds of VERIFY apart.
//
//	PullCard, SwapCard, ResetCard      the card goes, is exchanged, is reset
//	StopService, RestartService        the service goes, and comes back
//	FailBefore, FailAfter              the wire fails, before or after the card has worked
//	Answer, AnswerStatus, Lengthen     an answer that is not the card's
//	RefuseShortIdentifiers             files have to be selected
//	Hang                               nothing, until the card is pulled
//	Hold, Meanwhile                    another program's doings
//	After                              any of them, when the card has worked
//
// [WithIdleReset] resets a card in an idle transaction, as Windows does, and
// [Reader.InUse] tells a test what was left open.
//
// # Keys and certificates
//
// Keys are real RSA keys of 2048 bits and the certificates have the real
// ones' structure, under names with O=JPKI-SIMULATOR and CA certificates that
// are made with the card. With [WithInsecureSeed] the keys are the same in
// every run. They prove nothing to anybody.
//
// # An invented card
//
// [Announced2028] stands for the card that is announced for 2028, with EC P-384 keys
// and two secrets. INVENTED: its application has the identifier D392F000260100000002,
// and this identifier, its files, its attempts and the way it signs are made up. It
// shows whether a program copes with a card that is not today's; it says nothing of
// the real one. It has no application of today's cards.
//
// # Errors
//
// Connections report the errors of package reader. A card itself knows status
// words only.
//
// # Concurrency
//
// Everything here is safe for concurrent use. A reader serves several
// connections as PC/SC does: shared, one transaction at a time.
//
// # What is absent
//
// The applications with name, address and individual number can be selected, and
// have only those files whose answers were measured on test cards; the individual
// number in one is nobody's. Secure messaging, and the phones' own protocols below the
// APDU.
package simulator
