package jpki

import (
	"context"
	"crypto/x509"
	"errors"

	"github.com/mykeykit/mykeykit/apdu"
	"github.com/mykeykit/mykeykit/internal/applet"
	"github.com/mykeykit/mykeykit/jpki/credential"
	"github.com/mykeykit/mykeykit/jpki/trust"
)

// Readiness is what [Application.Ready] or [Application.ReadyToSign] found: the attempts
// left, and which card it was, for [ForCard].
type Readiness struct {
	credential.Counter
	// is reports whether a certificate is the card's. It is nil for a card that shows none
	// before the PIN. A function prints nothing personal.
	is func(*x509.Certificate) bool
	// shortLengths reports that the reader broke the connection at a probe for extended
	// lengths, so that nothing is probed when the secret is sent.
	shortLengths bool
}

// Ready returns the attempts left for the authentication PIN, or the error that
// [Authenticate] would return instead of sending the PIN. A program calls it before it asks for the PIN.
// It uses no attempt.
//
// It honors [AllowLastAttempt], [AllowExpired], [WithClock], [ForCard] and the options
// about the chain.
func (a *Application) Ready(ctx context.Context) (Readiness, error) {
	r, err := a.ready(ctx)
	return r.readiness(a.config), err
}

// ReadyToSign is like Ready, for the signature password. It also returns
// [ErrNoCertificate] if the card has no signature certificate. It honors [AllowLastAttempt] and
// [ForCard].
func (a *Application) ReadyToSign(ctx context.Context) (Readiness, error) {
	r, err := a.readyToSign(ctx)
	return r.readiness(a.config), err
}

// ready is what is known before a secret is sent.
type ready struct {
	attempt     *applet.Attempt // nil if no secret may be sent
	counter     credential.Counter
	certificate *x509.Certificate // the authentication certificate; nil if the card does not show it yet
}

func (r ready) readiness(c config) Readiness {
	result := Readiness{Counter: r.counter, shortLengths: c.shortLengths}
	if r.certificate != nil {
		result.is = r.certificate.Equal
	}
	return result
}

// ready checks everything that the card shows before the PIN, so that a certificate that
// can't be used costs no attempt. Phones show no certificate then.
func (a *Application) ready(ctx context.Context) (ready, error) {
	return a.readyWith(ctx, a.authentication(), func() (*x509.Certificate, error) {
		certificate, err := a.usableCertificate(ctx)
		if errors.Is(err, ErrPINRequired) {
			return nil, nil
		}
		return certificate, err
	})
}

// readyToSign checks what the card shows before the signature password. A certificate file
// that exists asks for the password.
func (a *Application) readyToSign(ctx context.Context) (ready, error) {
	key := a.signature()
	return a.readyWith(ctx, key, func() (*x509.Certificate, error) {
		if _, err := a.readCertificate(ctx, key.Certificate); err != nil && !errors.Is(err, ErrPINRequired) {
			return nil, err
		}
		return a.identity(ctx)
	})
}

// readyWith asks for the attempts left and decides whether a key's secret may be sent to this
// card. show returns the authentication certificate, or nil if the card does not show it yet.
func (a *Application) readyWith(ctx context.Context, key *cardKey, show func() (*x509.Certificate, error)) (r ready, err error) {
	conditions := applet.Conditions{AllowLastAttempt: a.config.allowLastAttempt}
	if a.config.shown != nil {
		conditions.Shown = &a.config.shown.Counter
	}
	attempt, counter, err := a.session.Prepare(ctx, key.Credential, conditions)
	if r.counter = counter; err != nil {
		return r, err
	}
	if r.certificate, err = show(); err != nil {
		return r, err
	}
	if err := a.checkSameCard(key, counter, r.certificate); err != nil {
		return r, err
	}
	r.attempt = attempt
	return r, nil
}

// identity returns the authentication certificate, by which cards are told apart, or nil
// if the card shows none.
func (a *Application) identity(ctx context.Context) (*x509.Certificate, error) {
	certificate, err := a.AuthCertificate(ctx)
	for _, none := range []error{ErrPINRequired, ErrNoCertificate, trust.ErrMalformed, trust.ErrWrongKind} {
		if errors.Is(err, none) {
			return nil, nil
		}
	}
	return certificate, err
}

// checkSameCard returns an error if a secret that was typed for one card would go to
// another. This card shows the certificate, or none.
func (a *Application) checkSameCard(key *cardKey, counter credential.Counter, certificate *x509.Certificate) error {
	shown := a.config.shown
	if shown == nil || shown.is == nil && certificate == nil {
		return nil
	}
	if shown.is == nil || certificate == nil || !shown.is(certificate) {
		return key.Credential.Kind.NotSent(credential.ErrOtherCard, counter)
	}
	return nil
}

// unlock verifies a secret unless something speaks against it, and returns the
// authentication certificate, or nil if the card did not show it before.
func (a *Application) unlock(ctx context.Context, choice keyChoice, secret applet.Secret) (*x509.Certificate, error) {
	r, err := choice.ready(a, ctx)
	if err != nil {
		return nil, err
	}
	return r.certificate, r.attempt.Verify(ctx, secret)
}

// Connection is a connection to a card, used for one operation and then closed. A
// reader.Card is one.
type Connection interface {
	apdu.Transmitter
	Close() error
}

// AskPIN asks the holder for the PIN and should show the attempts left. No transaction is
// open meanwhile. It is called once for each PIN that is needed, and not again after a wrong PIN.
// Its error is returned, wrapped.
type AskPIN func(ctx context.Context, ready Readiness) (PIN, error)

// AskPassword is like [AskPIN], for the signature password.
type AskPassword func(ctx context.Context, ready Readiness) (Password, error)

// connector connects to one reader, by its name.
type connector func(ctx context.Context) (Connection, error)

func connectorFor[C Connection](connect func(ctx context.Context, reader string) (C, error), reader string) connector {
	return func(ctx context.Context) (Connection, error) {
		card, err := connect(ctx, reader)
		if err != nil {
			return nil, err
		}
		return card, nil
	}
}

// use calls fn over a connection of its own, and again over another one if the reader broke
// the first at a probe for extended lengths.
func (c connector) use(ctx context.Context, config config, fn func(*Application) error) error {
	err := c.once(ctx, config, fn)
	if errors.Is(err, apdu.ErrProbe) && !config.shortLengths {
		config.shortLengths = true
		err = c.once(ctx, config, fn)
	}
	return err
}

// once calls fn over a connection of its own. If closing fails after the card was logged out,
// for example because another program uses it too, nothing is lost.
func (c connector) once(ctx context.Context, config config, fn func(*Application) error) error {
	card, err := c(ctx)
	if err != nil {
		return err
	}
	defer card.Close()
	return do(ctx, card, config, fn)
}
