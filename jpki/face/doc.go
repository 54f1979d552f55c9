// Package face reads the visual application of a My Number Card (券面事項確認AP): what is printed on
// the card, as pictures, with the holder's photograph.
//
//	r := face.Reader{Policy: cvc.Policy{Authorities: authorities, Required: true}}
//	data, err := r.Read(ctx, card, face.ByNumberB(b))
//
// The verification numbers, which are composed of what is printed on the card, unlock the application
// (package verification). There is no PIN. [Counters] returns the attempts left and uses up none. Show
// them before you ask for a secret.
//
// # What is checked
//
// A certification authority issued a CV certificate for a key, and that key signed the data. Reader
// checks the data's signature, and that of the CV certificate if the [cvc.Policy] lists the authority
// that it names. It rejects data that does not match. [Data.Issuer] reports who issued the certificate.
// It is trust.IssuerUnknown if the policy does not list the authority: such data could come from
// anybody.
//
// The data contains a public key of the card. Reader has the card sign a fresh random challenge with
// the private key and verifies the signature. A card to which the data was copied can't make this
// signature; a device that forwards the challenge to the genuine card can.
//
// # What is not checked
//
// The expiry date and the security code are not signed. They are in [Unsigned]: do not show them as
// confirmed. Whether the card is lost, revoked or expired, and whether the person who shows it is
// the one in the photograph, is not checked.
//
// # The format
//
// The format is not in a public specification. It was worked out from test cards and published
// programs. Elements that this package does not know are skipped. The photograph is in JPEG 2000; the
// other pictures are PNG.
package face
