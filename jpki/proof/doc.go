// Package proof verifies a card's response to a challenge. The verifier needs no card and no reader.
//
// To verify a card, a service makes a [Challenge] with its own name as the audience, a purpose, the
// time, and a fresh nonce. At the terminal, jpki.Prove verifies the PIN, has the card sign the
// challenge in the same transaction, and returns [Evidence]: the challenge, the certificates and
// the signature. [Verifier.Verify], which can run on any machine, checks the evidence and returns a
// [Holder]. No other function makes a valid Holder, so a program that was given one knows that the
// key of its certificate signed a challenge. jpki.Authenticate does all of this in one process.
//
// # What evidence proves
//
// A genuine card signs with its authentication key only while its PIN is verified. If the issuer
// is trusted, evidence therefore shows that the card was unlocked with its PIN, and that it signed
// this challenge after the challenge was made. If the issuer is unknown
// ([Verifier.AllowUnknownIssuer]), evidence proves only possession of the key. It does not prove
// where the card was: a relay can forward a challenge to a terminal elsewhere, where the holder
// entered the PIN for another reason.
//
// It does not prove that the certificate is not revoked. Only some verifiers may ask J-LIS about
// that: see package revocation. A server of such a verifier, or of its customer, sets
// [Verifier.Revocation].
//
// # Formats
//
// [Challenge.Message] and [Evidence.MarshalJSON] describe the bytes. testdata/proof holds a
// JSON schema and test vectors, made and verified without Go.
//
// # Other signatures by the same key
//
// The authentication key also signs TLS handshakes and SSH logins. A signature for one purpose
// is not valid for another, because the signed messages differ:
//
//   - A challenge's message starts with "mykeykit proof v1" and a zero byte.
//   - TLS 1.3 signs a message that starts with 64 spaces (RFC 8446 §4.4.3), and TLS 1.2 the
//     handshake, which starts with the byte 1 of a ClientHello (RFC 5246 §7.4.8).
//   - SSH signs a message that starts with the length of a session identifier, whose first
//     byte is 0 (RFC 4252 §7), or with "SSHSIG". The SSH agent of card-info
//     signs nothing else.
//   - A CMS signature is over attributes in DER, which start with the byte 0x31. A CMS
//     signature without attributes is over the document itself, which may start like a
//     challenge: do not make such signatures with this key. Package cms always signs
//     attributes.
//
// These rules bind the program that computes the digest. A program that has a jpki.Signer and the
// holder's PIN can have any digest signed, including that of a challenge.
package proof
