// Package applet uses one application of a card. It holds what all applications
// share: select the application, ask for the attempts left, send a secret, read
// files, have a key sign, and log the card out. Package jpki stands on it, and so
// does every other application of the My Number Card.
//
// [Do] opens a [Session] in a transaction and logs the card out afterwards. What an
// application has (its identifier, files and credentials) is data: see package
// generation.
//
// # How a secret is sent
//
// There is one way. [Session.Prepare] asks the card for the attempts left and
// refuses to go on where sending would be wrong: the credential is locked, one
// attempt is left and the caller did not allow using it, or the number is not the one
// that the holder was shown. Only it makes an [Attempt], and [Attempt.Verify] sends
// one VERIFY. The format is checked before. If the outcome is unknown, the counter is
// read again and reported. The secret is wiped, whatever happens.
//
// # Logging out
//
// On the My Number Card a verified secret stays verified after a reset, a disconnect,
// and the selection of the same application. [Session.LogOut] selects another
// application.
//
// A Session belongs to one goroutine at a time, as a card's current file does.
package applet
