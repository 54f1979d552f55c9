// Package trust checks the certificates of the My Number Card's JPKI application
// without a card: whether a certificate is well formed and of the right kind, whether
// it is valid at a given time, and who issued it.
//
// # Where to start
//
// [Parse] a certificate, check it with [CheckAuthenticationCertificate], and ask a [Policy] who
// issued it:
//
//	policy := trust.Policy{Anchors: trust.JLIS(), Required: true}
//	issuer, err := policy.Issuer(certificate, time.Now(), cardCA)
//
// Package jpki does all of this for the certificate of the card in the reader.
//
// # Trust anchors
//
// J-LIS, the Japan Agency for Local Authority Information Systems, runs the CAs of the JPKI (Japanese
// Public Key Infrastructure). [JLIS] returns the SHA-256 fingerprints of its CA certificates for user
// authentication (利用者証明用認証局). The certificates themselves are read from the card. The anchors of
// [JLISSignature], for digital signatures, include the CA certificates, because a signed document need
// not contain them. Callers may give CA certificates of their own; the simulator's is accepted only if
// the caller passes it. Names prove nothing: anybody can create a certificate with J-LIS's names.
//
// A program that trusts further CA certificates lists them in its [Policy].
//
// # What is not checked
//
// Revocation. Only some verifiers may query it: see package revocation.
//
// All functions are safe for concurrent use.
package trust
