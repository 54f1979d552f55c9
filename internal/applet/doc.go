// Package applet is the host side of a card's applications. It implements what all of
// them share: selecting the application, reading the attempts left, sending a secret,
// reading files, signing, and logging the card out. Package jpki uses it, and packages
// for other applications of the card can use it too.
//
// [Do] opens a [Session] in a transaction and logs the card out afterwards. Package
// generation has the identifier, files and credentials of the JPKI application as data.
//
// # How a secret is sent
//
// Which characters a PIN or a password may have is in rules.go.
//
// [Session.Prepare] reads the attempts left. It returns an error
// if the credential is locked, if one attempt is left and the caller did not allow using
// it, or if the number differs from the one that the holder was shown. Otherwise it
// returns an [Attempt], and [Attempt.Verify] sends one VERIFY. Verify checks the format
// first. If the outcome is unknown, it reads the counter again and reports it. It always
// wipes the secret.
//
// # Logging out
//
// A My Number Card stays unlocked after a reset, a disconnect, and SELECT of the same
// application. [Session.LogOut] logs it out by selecting another application.
//
// # Concurrency
//
// A Session is not safe for concurrent use, because the card has one current file.
package applet
