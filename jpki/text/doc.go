// Package text reads the text application of a My Number Card (券面事項入力補助AP): the holder's name,
// address, date of birth and sex as text, and the individual number (個人番号).
//
//	r := text.Reader{Policy: cvc.Policy{Authorities: authorities, Required: true}}
//	attributes, err := r.Attributes(ctx, card, text.ByNumberB(b))
//
// The application has secrets of its own: a PIN of 4 digits with 3 attempts, and the verification numbers
// A and B, which are composed of what is printed on the card (package verification). [Counters] returns
// the attempts left and uses up none. Show them before you ask for a secret.
//
// # What is checked
//
// The card has a record with digests of its files, signed with a key whose CV certificate an authority
// issued. Reader checks the digest of the file that it reads and the record's signature, and the CV
// certificate's signature if the [cvc.Policy] lists the authority that it names. It rejects a file that
// does not match. [Attributes.Issuer] reports who issued the CV certificate. It is trust.IssuerUnknown if
// the policy does not list the authority: such data could come from anybody.
//
// The signatures do not show that the card in the reader is the one that the data was issued for: data and
// signatures can be copied to another card. Package face checks that for the visual application, and
// jpki.Authenticate for the JPKI application. Neither the card's validity nor the holder's present address
// is checked.
//
// # The individual number
//
// The Number Act (番号法, the act on the use of numbers to identify a specific individual) limits the purposes
// for which anybody may ask for the individual number, collect it or store it (articles 15, 19 and 20).
// [Reader.Attributes] does not read it. [Reader.MyNumberUnderNumberAct] does, and is for those purposes
// only. Verification number A is the individual number. This is not legal advice.
//
// # The format
//
// The format is not in a public specification. It was worked out from test cards and published
// programs. Elements that this package does not know are skipped.
package text
