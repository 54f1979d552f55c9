// Package mykey derives 8-character identifiers in the style of the government's My
// Key ID (マイキーID) from a card's user-authentication certificate.
//
// An [ID] is not the official My Key ID. That one is random and issued by a
// government server; it can't be computed from a card. An ID only has the same
// form. It has no relation to the individual number, and it is always the same for
// the same certificate in the same [Namespace].
//
// # Getting started
//
// Generate a key with [GenerateKey] and store it safely. Create a namespace with
// [NewNamespace] and derive identifiers with [Namespace.Derive]. It takes a proof.Holder,
// which jpki.Authenticate or a proof.Verifier returns, rather than a certificate: anybody can read
// a certificate from a card without a PIN. Derive does not look at the issuer. [Parse] reads an
// identifier that a person has typed.
//
// # Derivation
//
// An identifier is the first 40 bits of an HMAC-SHA-256, encoded as 8 characters
// of Crockford's base 32. The HMAC key is the namespace's key. The input is a
// version string, the namespace's name, an attempt number, and the SHA-256 digest
// of the certificate's SubjectPublicKeyInfo.
//
// The derivation is keyed because otherwise anyone who has a certificate could
// compute its identifier. Each namespace has its own key, so that two services
// can't match their lists of identifiers. The certificate's serial number
// (発行の番号) is not an input: its use is regulated by law, and serial numbers can
// be enumerated within seconds. Package proof rejects a public key that is
// not DER-encoded: the same key in two encodings would have two identifiers. The test
// vectors in testdata/identifiers.json were computed without this package.
//
// Lose the key and you lose every identifier; leak it and others can link
// certificates to identifiers.
//
// # Lifetime
//
// A renewed or reissued card has a new certificate, and so a new identifier. A certificate
// normally expires on its holder's fifth birthday after the date of issue or, if it
// replaced one that was about to expire, on the sixth. Nothing on the card links the old
// certificate to the new one.
//
// Store the expiry as a [Month]. The exact day is the holder's birthday and would
// link the identifiers of different namespaces.
//
// # Collisions
//
// Among a million cards the probability of a collision is 37%, among three million
// 98%. Use a registry if you expect that many: it detects a collision, and the next
// attempt number gives the next candidate.
//
//	cards          colliding pairs expected   cards that share an identifier
//	100,000                        0.0045                            0.009
//	1,000,000                       0.455                            0.909
//	3,000,000                        4.09                             8.19
//	10,000,000                       45.5                             90.9
//	100,000,000                     4,547                            9,095
//
// Package mykey/registry is such a registry.
//
// # Errors and concurrency
//
// Errors match [ErrKey], [ErrNamespace], [ErrHolder], [ErrFormat],
// [ErrCheckSymbol] or [ErrMonth], or are those of the source of random numbers.
// They never contain the input. Everything in this package is safe for concurrent
// use.
package mykey
