// Package jpki uses the JPKI application (公的個人認証AP) of Japan's My Number
// Card: the tries left for its PIN, the PIN itself, the user-authentication
// certificate (利用者証明用電子証明書), and the proof that the card holds the
// certificate's key.
//
// # Where to start
//
// A kiosk calls [Authenticate]: with a [PIN] that was typed before, it does
// everything in one short transaction and says what was established. A program
// that wants single steps calls [Do], or [Open] and the methods of
// [Application]. A desktop program that needs the key as Go understands keys
// makes a [Signer]. Any apdu.Transmitter is a card; package reader has them.
//
// # A try is never lost by accident
//
// Three misses lock the PIN, and only the municipal office unlocks it. So:
//
//   - [ParsePIN] checks the form before anything is sent, full-width digits
//     included; a [PIN] can be used once and then is gone.
//   - The counter is asked first. With one try left nothing is sent unless the
//     caller says [AllowLastTry].
//   - The certificate is looked at before the PIN is sent, wherever the card
//     shows it without one: a missing, expired or wrong one costs no try.
//   - Nobody is waited for while the card is held, and what was typed for one card
//     goes to no other: [ForCard].
//   - VERIFY is sent once. If its outcome is lost the counter is read again and
//     reported, as [ErrPINOutcomeUnknown].
//
// # A verified card is not left behind
//
// On this card the verified state survives a reset, a disconnect, the end of
// the process and selecting the application again. [Authenticate] and [Do]
// leave by selecting another application, on every path; closing the
// connection then cuts the card's power. If that fails the card may still be
// unlocked, and [ErrStillVerified] says so, beside whatever failed before. A card
// that was removed has lost its power: nothing is lost. [LogOut] is for a card that
// another program left, as one that was killed.
//
// # Errors
//
// Each domain error, as [ErrNoApplication] or [*PINError], unwraps to the
// status word or transport error behind it. None holds a PIN or a part of a
// certificate.
//
// # What is not checked
//
// Revocation: only certified verifiers may ask for it. The issuer, unless asked
// for with [WithChain] or [RequireChain]: anybody can make a certificate and a
// card that holds its key.
// That the PIN was correct: the card reports it, and its report is not signed.
// A certificate can be read by anybody without a PIN and proves nothing alone;
// [Authentication].Possession proves that the card holds its key.
//
// # Concurrency
//
// An Application belongs to one goroutine at a time. A PIN may be passed
// between goroutines and still is used once. A Signer is for many.
//
// # Source
//
// The card's specification is not public. File identifiers, references and
// status words are those that published programs use and that were measured on
// test cards. Files are named by their short identifiers; where card or reader
// refuse those, the application falls back to selecting files.
package jpki
