package jpki

import (
	"context"
	"crypto/x509"

	"github.com/mykeykit/mykeykit/apdu"
	"github.com/mykeykit/mykeykit/internal/applet"
)

var (
	// ErrSameSecret reports a new PIN or password that is the old one. No secret was sent.
	ErrSameSecret = applet.ErrSame
	// ErrChangeRejected reports that the card accepted the old PIN or password and not the new one, or
	// that the new one was not sent. The old one remains valid.
	ErrChangeRejected = applet.ErrChangeRejected
	// ErrChangeUnknown reports that no usable response to a change arrived: either the old or the
	// new PIN or password is valid. Do not repeat the change. At the next prompt, the holder should
	// enter the new one first and, if it is wrong, the old one.
	ErrChangeUnknown = applet.ErrChangeUnknown
)

// ChangePIN replaces the authentication PIN, in one transaction: it asks for the attempts left,
// verifies the old PIN, sends the new one once, and logs the card out. A wrong old PIN uses up an
// attempt. Both PINs are used up, whatever happens.
//
// The command that changes the PIN, CHANGE REFERENCE DATA, has not been tried on a real card.
// Open-source programs contain it, marked as untested. A program should tell the holder so before
// it calls ChangePIN. Municipal offices and convenience stores offer the change too.
//
// It returns [ErrNoApplication], [credential.ErrCounterUnknown], [*credential.Error],
// [credential.ErrUsed], [ErrSameSecret], [ErrChangeRejected], [ErrChangeUnknown],
// [ErrStillUnlocked], or the transport's error. It honors [AllowLastAttempt] and [ForCard].
func ChangePIN(ctx context.Context, card apdu.Transmitter, old, replacement PIN, options ...CardOption) error {
	return change(ctx, card, (*Application).authentication, old.secret, replacement.secret, options)
}

// ChangePassword is [ChangePIN] for the signature password.
func ChangePassword(ctx context.Context, card apdu.Transmitter, old, replacement Password, options ...CardOption) error {
	return change(ctx, card, (*Application).signature, old.secret, replacement.secret, options)
}

func change(ctx context.Context, card apdu.Transmitter, of func(*Application) *cardKey, old, replacement applet.Secret, options []CardOption) error {
	defer old.Wipe()
	defer replacement.Wipe()
	return Do(ctx, card, func(a *Application) error {
		r, err := a.readyWith(ctx, of(a), func() (*x509.Certificate, error) { return a.shownIdentity(ctx) })
		if err != nil {
			return err
		}
		return r.attempt.Change(ctx, old, replacement)
	}, options...)
}
