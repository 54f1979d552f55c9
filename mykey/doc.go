// Package mykey derives identifiers of 8 characters in the style of the
// マイキーID from a card's user-authentication certificate.
//
// It is not the official マイキーID: that one is random, issued by a server of
// the state, and can't be computed from a card. An [ID] looks like one, is
// unrelated to the individual number, and is the same each time for one
// certificate in one [Namespace].
//
// # Where to start
//
// Make a key with [GenerateKey] and keep it safe; a [NewNamespace] of it
// derives with [Namespace.Derive]. Pass only certificates whose card has proved
// its key, as jpki.Authenticate has it do: a certificate alone can be read from
// any card without a PIN. That J-LIS issued it is not checked yet. [Parse] takes an identifier as people type it.
//
// # How it is made
//
// HMAC-SHA-256, under the namespace's key, of a version string, the
// namespace's name, an attempt number and the SHA-256 of the certificate's
// SubjectPublicKeyInfo; of that the first 40 bits, as 8 characters of Crockford's
// base 32. It needs a key because what certificates hold can be enumerated in
// seconds, and a key for each namespace so that two services can't join their
// lists. The certificate's serial number (発行の番号), which the law regulates,
// is not used. A key in another encoding than DER's, which would have another
// identifier, is refused. The known answers in testdata/identifiers.json were computed
// without this package.
//
// Who loses the key loses all identifiers; who leaks it lets others tell which
// certificate has which.
//
// # How long it lasts
//
// The certificate changes at renewal (at the latest at its holder's fifth
// birthday after issue) and when a card is issued anew, and the identifier with
// it. Nothing on the card links the old to the new.
//
// A [Month] says when: the day is the holder's birthday, and would link the
// identifiers of different namespaces.
//
// # Collisions
//
// 40 bits are enough for a city, not for a country without a registry that
// sees when an identifier is taken (that is what the attempt number is for):
//
//	cards          colliding pairs expected   cards that share an identifier
//	100,000                        0.0045                            0.009
//	1,000,000                       0.455                            0.909
//	3,000,000                        4.09                             8.19
//	10,000,000                       45.5                             90.9
//	100,000,000                     4,547                            9,095
//
// # Errors, concurrency
//
// Errors match [ErrKey], [ErrNamespace], [ErrCertificate], [ErrFormat],
// [ErrCheckSymbol] or [ErrMonth] and quote nothing. Everything may be used by any number of
// goroutines.
package mykey
