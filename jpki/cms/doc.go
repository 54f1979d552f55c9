// Package cms signs data with the My Number Card, and verifies such signatures, in the Cryptographic
// Message Syntax (CMS, RFC 5652), the successor of PKCS #7. Package pdf puts these signatures into PDF
// files.
//
// # Where to start
//
// [Sign] makes a detached signature: the data stay in a file of their own. [SignAttached] writes one file
// with the data inside. A signer is a *jpki.Signer:
//
//	signer, err := jpki.NewSignatureSigner(ctx, driver.Connect, reader, ask)
//	...
//	signature, err := cms.Sign(ctx, signer, file, cms.Options{})
//
// A [Verifier] checks a signature and says what it checked:
//
//	v := cms.Verifier{Trust: trust.Policy{Anchors: trust.JLISSignature(), Required: true}}
//	signatures, err := v.Verify(ctx, signature, file)
//
// # What a signature means
//
// A signature with the signature key (署名用電子証明書の鍵) legally binds the holder, as the impression of a registered seal
// does. A signature with the key for user authentication does not. A signature with either key looks right, so Sign and
// Verify refuse the authentication key unless AllowAuthenticationKey is set.
//
// # What is signed
//
// The signed attributes are the content type, the SHA-256, SHA-384 or SHA-512 digest of the data, the time by the
// signer's clock, and the digest of the certificate (ESS signing certificate v2, RFC 5035). The signer's clock proves
// nothing. A time stamp (RFC 3161) proves the time if its issuer is trusted. Without a trusted time stamp, the
// certificate must be valid when the signature is verified.
//
// # What is not checked
//
// Revocation, unless the Verifier has a policy for it. Only some verifiers may query it: see package revocation.
//
// # Why this package parses CMS itself
//
// The Go libraries that were examined read a whole file into memory and accept BER. This package reads DER only. It
// signs data of any size, and verifies detached signatures of data of any size.
//
// All functions are safe for concurrent use if the signer is.
package cms
