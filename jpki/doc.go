// Package jpki accesses the JPKI (Japanese Public Key Infrastructure, 公的個人認証) application
// of Japan's My Number Card. J-LIS, the Japan Agency for Local Authority Information
// Systems, issues the card's certificates. The package reads the number of PIN attempts
// left and the user-authentication certificate (利用者証明用電子証明書), verifies the PIN, and has the
// card prove that it holds the certificate's key.
//
// # Where to start
//
// [AuthenticateWith] does what a kiosk or a desktop program needs, in the safe order: it
// checks whether a PIN may be sent, calls the program's [AskPIN] with the attempts left, and
// does the rest in one short transaction. [Authenticate] is for a program that already has
// the PIN. [Do] and the methods of [Application] perform single steps. [NewSigner] returns a
// [crypto.Signer] for the card's key. A card is any apdu.Transmitter, such as the cards of
// package reader.
//
// [Prove] and [ProveWith] do the same for a remote verifier, such as a server.
//
// Package credential has the errors about PINs and the attempts left. Package trust checks
// certificates. Package proof verifies a card's response to a challenge, without the card.
//
// # No attempt is lost by accident
//
// Three wrong PINs lock the PIN, and the holder has to have it reset at the municipal office.
// So:
//
//   - [ParsePIN] checks the format before anything is sent, and accepts full-width digits. A
//     [PIN] can be used once.
//   - The card is asked for the attempts left first. With one attempt left nothing is sent
//     unless the caller passes [AllowLastAttempt].
//   - If the certificate can be read without the PIN, it is checked before the PIN is sent:
//     a missing, expired or wrong certificate costs no attempt.
//   - No transaction is open while the holder types. A PIN that was typed for one card is
//     not sent to another, unless both are phones with the same attempts left (see
//     [ForCard]).
//   - VERIFY is sent once. If its outcome is lost, the counter is read again and reported
//     with [credential.ErrOutcomeUnknown].
//
// # No card stays unlocked
//
// On this card a verified PIN stays verified after a warm reset (observed on test cards), a
// disconnect that leaves the card powered, the end of the process, and selecting the
// application again. [Authenticate] and [Do] log the card out by selecting another
// application, on every path; closing the connection then cuts the card's power. If logging
// out fails, the error matches [ErrStillUnlocked] as well as any earlier error. [LogOut] is
// for a card that another program left unlocked.
//
// # Errors
//
// An error that a status word or the transport caused, such as [ErrNoApplication] or
// [*credential.Error], also matches its cause with errors.Is and errors.As. No error contains a PIN
// or a part of a certificate.
//
// # What is not checked
//
//   - Revocation. Only certified verifiers may query it.
//   - The issuer, unless [WithChain] or [RequireChain] is given. Anybody can make a
//     certificate and a card with its key.
//   - That this PIN was the correct one. The card does not sign its answer to VERIFY. If the
//     issuer is trusted, the card's signature shows that a genuine card was unlocked, though
//     perhaps not the one in this reader: see [Authenticate].
//
// Anybody can read a card's certificate without a PIN, and copy any certificate, so on its
// own it proves nothing. A [proof.Holder] is returned only if the card has proved that it
// holds the certificate's key.
//
// # Concurrency
//
// A [PIN] and a [Signer] are safe for concurrent use. An [Application] is not.
//
// # Source
//
// The card's specification is not public. File identifiers, references and status words are
// those of published programs and of observed test cards. The card announced for 2028 will
// have others. Until they are known, this package uses made-up ones. Only
// simulator.Announced2028 has them.
package jpki
