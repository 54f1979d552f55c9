// Package revocation asks whether a certificate was revoked, through a [Checker] that the
// caller provides. This package queries nothing itself.
//
//	verifier.Revocation = &revocation.Policy{Checker: platform, MaxAge: time.Hour}
//
// Set a [Policy] in a proof.Verifier or a cms.Verifier. Without one, revocation is not checked, and
// the proof.Holder says so. With one, the verifier accepts evidence only if the checker answers that
// the certificate is good, from information that is not older than MaxAge. Everything else is
// rejected: with [ErrRevoked], or with [ErrUnknown] if there is no usable answer.
//
// # Who may ask
//
// Under the JPKI Act (articles 17 and 36), J-LIS may give revocation information on
// user-authentication certificates to two groups only: the verifiers that the act lists,
// and those that the competent ministers have certified. Everybody else asks, under a
// contract, a certified company that verifies certificates for others (a platform
// operator, プラットフォーム事業者). A checker is therefore the program of such a verifier, or a
// client of such an operator; it runs on a server. Programs at a terminal never ask, and
// jpki.Authenticate never does. A platform operator wants the certificate, the digest and
// the signature rather than the serial number, so a [Question] has them all. It is
// personal data, and whoever asks must not keep the certificate. This is not legal
// advice.
//
// # What an answer means
//
// [Good] means: at the time [Answer.AsOf], the source had no record of a revocation. It does not
// mean that the certificate is not revoked now, or that the holder is still alive or still has the
// card. It says nothing about other certificates. J-LIS updates its CRL once a day and its OCSP
// responder every 15 minutes.
//
// # Caching
//
// A policy keeps definite answers in memory and doesn't ask twice:
//
//   - Good is used again for the same certificate while its information is not older than
//     MaxAge. With a long MaxAge, a revocation is therefore noticed up to MaxAge late.
//   - Revoked is used again for 24 hours. J-LIS doesn't reinstate certificates, but the
//     source may have made a mistake.
//   - Neither is used after the certificate has expired.
//   - Unknown is not kept, whatever its cause: the next check asks the source again.
//
// Concurrent questions about one certificate share one query and its answer. A policy keeps at most
// 4,096 answers, by the digest of the certificate. Answers are not shared between servers.
package revocation
