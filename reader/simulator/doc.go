// Package simulator simulates My Number Cards and card readers, so that you can test
// a program without hardware. It uses no cgo, no files and no network.
//
// # A test
//
// Create a [Driver], which implements reader.Driver, and add a reader to it. Create a
// card and insert it. Then run the code under test with the driver:
//
//	func TestWrongPIN(t *testing.T) {
//		card, err := simulator.NewCard(simulator.Contact, simulator.WithInsecureSeed("test"))
//		require.NoError(t, err)
//		driver := simulator.New()
//		slot := driver.AddReader("Simulated Reader")
//		require.NoError(t, slot.Insert(card))
//
//		err = logIn(t.Context(), driver, "0000") // the code under test
//
//		require.ErrorIs(t, err, credential.ErrWrong)
//		require.Equal(t, 2, card.State().AuthAttempts)
//		require.False(t, card.State().AuthVerified, "logged out")
//	}
//
// The [Profile] chooses the kind of card. The constants [PIN] and [Password] are the PIN and the
// signature password of every new card that has them. [Card.State] returns the card's internal
// state, such as whether the PIN is verified. [Reader.InUse] returns the number of connections
// that the code under test has not closed. With [WithInsecureSeed] the keys are the same in every
// run. They are generated once per process, so that further cards are created quickly.
//
// # Applications
//
// Simulated cards of the current generation have the JPKI application, the text application
// (券面事項入力補助AP) and the visual application (券面事項確認AP). The common application (共通AP) and the
// resident-register application (住基AP) execute only the commands that were measured on test cards.
// Simulated phones have the JPKI application only.
//
// The text and visual applications contain the data of a [Persona]: an invented person. In place of the
// photograph it has a drawing, in JPEG 2000. [WithPersona] selects a different persona. [NumberB] is
// verification number B of the card of [DefaultPersona]. The data is signed, and the keys that sign it are
// certified by authorities of the simulator. A test that has to trust them lists [Card.Authorities] in a
// cvc.Policy.
//
// # Faults
//
// A [Fault] makes a reader misbehave at operations that the caller chooses; its [Action] says how.
// Lasting properties of a card are set with a [Profile] or an [Option], those of the smart-card
// service with a [DriverOption].
//
// [Reader.AddFault] adds a [Fault]: at the nth connection, transaction or command, or at
// the nth command of some kind, the reader performs an [Action]. [SendsSecret] and
// [ReadsAttempts] distinguish the two uses of VERIFY.
//
//	PullCard, SwapCard, ResetCard      remove, exchange or reset the card
//	StopService, RestartService        stop the smart-card service, or restart it
//	FailBefore                         return an error; the card does not receive the command
//	FailAfter                          return an error after the card has executed the command
//	Answer, AnswerStatus, ChangeLength replace the response, or change its length
//	Hang                               block until the card is removed
//	HoldTransaction                    have another program use the card
//	Call                               run a function, such as another program's access
//	After                              do any of these after the card has executed the command
//
// [RejectShortFileIdentifiers] returns a complete Fault, which rejects short file identifiers.
// [WithIdleReset] resets the card in an idle transaction, as Windows does.
//
// # How close it is to the real card
//
// The specification of the card is not public. The simulated behavior is of four kinds. Comments
// in the source mark all but the first:
//
//   - Documented: ISO/IEC 7816-4, the certificate profiles and the numbers of attempts
//     that J-LIS publishes, and PC/SC. Examples: a card refuses to sign until the PIN is
//     verified, counts the attempts left, and locks the PIN when none is left.
//   - Observed, or measured: behavior of test cards that is not in a public
//     specification. Examples: many status words and files; a card stays unlocked after
//     a warm reset.
//   - Assumed: known from one source, or only plausible. It may be wrong.
//   - Invented: the profile [Announced2028], which stands for the card announced for
//     2028, with EC P-384 keys and two secrets. Its application identifier
//     (D392F000260100000002), its files, attempts and signature scheme are made up. Use
//     it to test whether a program copes with another generation of the card. It says
//     nothing about the real one. It has none of the applications of today's cards.
//
// # Keys and certificates
//
// Keys are 2048-bit RSA keys, except those of [Announced2028]. The certificates have the structure
// of real ones, but their names contain O=JPKI-SIMULATOR, and the simulator's own CAs issue them.
// Nobody should trust them. A test that has to trust a simulated card trusts its
// [Card.CACertificate].
//
// # Errors
//
// Connections return the errors of package reader. A [Card] itself answers with status
// words only.
//
// # Concurrency
//
// Everything is safe for concurrent use. A reader serves several connections as PC/SC
// does: they share the card, and one at a time has a transaction.
//
// # What is absent
//
// The applications of municipalities are absent, and so are secure messaging and the phones' own
// protocols below the APDU layer. The individual number of the default persona has a wrong check digit,
// so it belongs to nobody.
package simulator
