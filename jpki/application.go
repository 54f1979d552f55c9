package jpki

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"

	"github.com/mykeykit/mykeykit/apdu"
	"github.com/mykeykit/mykeykit/internal/applet"
	"github.com/mykeykit/mykeykit/internal/generation"
	"github.com/mykeykit/mykeykit/jpki/credential"
)

var (
	// ErrNoApplication reports that the card has no JPKI application, so it is not a My
	// Number Card.
	ErrNoApplication = applet.ErrNoApplication
	// ErrStillUnlocked reports that the card could not be logged out. It is joined to any
	// earlier error. Taking the card out of the reader logs it out.
	ErrStillUnlocked = applet.ErrStillUnlocked
)

// Application is the selected JPKI application of a card. It is not safe for concurrent use.
type Application struct {
	session    *applet.Session
	generation *generation.Generation
	config     config
	// caCertificate is the CA certificate on the card in DER, once it was needed.
	caCertificate []byte
}

// Open selects the application. It returns [ErrNoApplication] if the card has none.
//
// A caller that verifies a PIN after Open must call [Application.LogOut]; [Do] takes care
// of that.
func Open(ctx context.Context, card apdu.Transmitter, options ...CardOption) (*Application, error) {
	config := newConfig(options)
	session, i, err := applet.Open(ctx, card, generation.Applications(), config.channelOptions()...)
	if err != nil {
		return nil, err
	}
	return &Application{session: session, generation: generation.All[i], config: config}, nil
}

// Do calls fn with the application open, in one transaction if card is an
// [apdu.Transactor]. If a PIN was sent, it logs the card out afterwards, even if fn fails
// or panics or ctx ends. If that fails, Do returns [ErrStillUnlocked], joined to fn's
// error.
//
// If ctx ends during an exchange after a PIN was sent, the exchange may take 2 seconds more, so
// that the card can still be logged out. After that it is abandoned, and closing the connection
// cuts the card's power.
func Do(ctx context.Context, card apdu.Transmitter, fn func(*Application) error, options ...CardOption) error {
	return do(ctx, card, newConfig(options), fn)
}

func do(ctx context.Context, card apdu.Transmitter, config config, fn func(*Application) error) error {
	return applet.Do(ctx, card, generation.Applications(), func(session *applet.Session, i int) error {
		return fn(&Application{session: session, generation: generation.All[i], config: config})
	}, config.channelOptions()...)
}

// DoWith is like [Do] but first connects to the card in a reader, and finally closes the
// connection. connect is a reader.Driver's Connect. If the reader breaks the connection at
// the probe for extended lengths (see [apdu.WithATR]), DoWith connects again and calls fn a
// second time, without a probe: no secret was sent by then.
func DoWith[C Connection](ctx context.Context, connect func(ctx context.Context, reader string) (C, error), reader string,
	fn func(*Application) error, options ...CardOption) error {
	return connectorFor(connect, reader).use(ctx, newConfig(options), fn)
}

// LogOut logs the card out by selecting another application. It sends nothing if no PIN was
// sent. It works even if ctx has ended, and then takes at most 5 seconds. A removed card
// has lost power, which logs it out.
//
// If logging out fails, it returns [ErrStillUnlocked], which wraps the cause. It also fails if
// another program has reset the card: commands on this connection fail then, and the reset itself
// does not log the card out.
func (a *Application) LogOut(ctx context.Context) error { return a.session.LogOut(ctx) }

// LogOut logs out a card that another program may have left unlocked, for example because it
// was killed. It uses up no attempt, and works in one transaction if card is an
// [apdu.Transactor]. A removed card counts as logged out.
//
// It selects the JPKI application first. A card of another kind gets only SELECT commands, and LogOut
// returns [ErrNoApplication]. It returns [ErrStillUnlocked], which wraps the cause, if the card may
// still be unlocked.
func LogOut(ctx context.Context, card apdu.Transmitter) error {
	err := Do(ctx, card, func(a *Application) error {
		a.session.MarkUnlocked()
		return nil
	})
	switch {
	case errors.Is(err, apdu.ErrRemoved):
		return nil
	case err == nil, errors.Is(err, ErrNoApplication), errors.Is(err, ErrStillUnlocked):
		return err
	}
	return fmt.Errorf("%w: %w", ErrStillUnlocked, err)
}

// Present reports whether a card has the JPKI application, as every My Number Card does. It is a
// reader.Probe: it sends only SELECT commands, in a transaction, and uses no attempt. It returns an
// error if the card's answer is inconclusive.
func Present(ctx context.Context, card apdu.Transmitter) (bool, error) {
	err := Do(ctx, card, func(*Application) error { return nil })
	if errors.Is(err, ErrNoApplication) {
		return false, nil
	}
	return err == nil, err
}

// AuthPINCounter returns the attempts left for the authentication PIN. It uses none. It
// returns [credential.ErrCounterUnknown] if the card does not report them.
func (a *Application) AuthPINCounter(ctx context.Context) (credential.Counter, error) {
	return a.session.Counter(ctx, a.generation.Authentication.Credential)
}

// SignaturePasswordCounter is [Application.AuthPINCounter] for the signature password.
func (a *Application) SignaturePasswordCounter(ctx context.Context) (credential.Counter, error) {
	return a.session.Counter(ctx, a.generation.Signature.Credential)
}

// VerifyAuthPIN verifies the authentication PIN: it reads the attempts left, stops if the PIN must
// not be sent, and sends VERIFY once. A correct PIN resets the counter. If it returns nil, the
// card is unlocked; after an error with an unknown outcome it may be. Call [Application.LogOut] in
// both cases. The PIN is used up, whatever happens.
//
// It returns [credential.ErrUsed] for a PIN that was used, [credential.ErrCounterUnknown] if the
// card does not report the attempts left, and a [*credential.Error] if the PIN must not be sent,
// if the card rejected it, or if the outcome is unknown. It honors [AllowLastAttempt] and
// [ForCard].
func (a *Application) VerifyAuthPIN(ctx context.Context, pin PIN) error {
	return a.verify(ctx, a.authentication(), pin.secret)
}

// VerifySignaturePassword is [Application.VerifyAuthPIN] for the signature password. To bind the
// password to a card, open the application with [ForCard] and the result of
// [Application.ReadyToSign].
func (a *Application) VerifySignaturePassword(ctx context.Context, password Password) error {
	return a.verify(ctx, a.signature(), password.secret)
}

func (a *Application) verify(ctx context.Context, key *cardKey, secret applet.Secret) error {
	defer secret.Wipe()
	r, err := a.readyWith(ctx, key, func() (*x509.Certificate, error) { return a.shownIdentity(ctx) })
	if err != nil {
		return err
	}
	return r.attempt.Verify(ctx, secret)
}

// shownIdentity returns the certificate to compare with that of [ForCard], or nil without it.
func (a *Application) shownIdentity(ctx context.Context) (*x509.Certificate, error) {
	if a.config.shown == nil {
		return nil, nil
	}
	return a.identity(ctx)
}
