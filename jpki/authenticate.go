package jpki

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"github.com/mykeykit/mykeykit/apdu"
	"github.com/mykeykit/mykeykit/jpki/proof"
)

// ErrNoPossession reports that the card did not prove that it holds the certificate's key.
var ErrNoPossession = errors.New("card did not prove possession of its key")

// Authenticate does what a kiosk needs, in one short transaction: it asks for the attempts
// left, reads the certificate, verifies the PIN, has the card sign a fresh challenge,
// verifies the signature, and logs the card out. On a card that declares extended lengths
// it sends 5 commands, and 1 to log out. It is like [Prove] followed by
// [proof.Verifier.Verify], with a challenge of its own.
//
// The PIN is used up, whatever happens. Ask for it before calling Authenticate, outside any
// transaction, and pass [ForCard] with the [Readiness] that the holder was shown.
// [AuthenticateWith] does all of that.
//
// The card does not sign its statement that the PIN was correct. A relay in the card's
// place can accept any PIN and forward the challenge to a genuine card that was unlocked
// elsewhere.
//
// On error the Holder is nil. The errors are [ErrNoApplication],
// [credential.ErrCounterUnknown], [*credential.Error], [credential.ErrUsed],
// [ErrNoCertificate], [trust.ErrMalformed], [trust.ErrWrongKind], [*trust.ValidityError],
// [trust.ErrUnsupportedKey], [trust.ErrUnknownIssuer], [trust.ErrIssuerExpired],
// [ErrNoPossession], [ErrStillUnlocked], or the transport's error.
//
// [WithChain] and [RequireChain] check the issuer: possession alone proves that the card
// holds the certificate's key, and not that J-LIS issued the certificate. Without them,
// and without [TrustSimulator], [proof.Holder.Issuer] is [trust.IssuerUnknown].
// Revocation is not checked.
func Authenticate(ctx context.Context, card apdu.Transmitter, pin PIN, options ...CardOption) (*proof.Holder, error) {
	config := newConfig(options)
	return authenticate(ctx, config, pin, func(fn func(*Application) error) error { return do(ctx, card, config, fn) })
}

// AuthenticateWith authenticates the card in a reader in the safe order. It finds out
// whether a PIN may be sent, as [Application.Ready] does, closes the connection, and calls
// ask with the attempts left. Then it connects again and does everything else in one
// transaction, as [Authenticate] does, if the card in the reader is still the same. connect
// is a reader.Driver's Connect.
//
// It returns the errors of Authenticate, connect and ask. It ignores [ForCard].
func AuthenticateWith[C Connection](ctx context.Context, connect func(ctx context.Context, reader string) (C, error), reader string,
	ask AskPIN, options ...CardOption) (holder *proof.Holder, err error) {
	config := newConfig(options)
	err = withPIN(ctx, connectorFor(connect, reader), ask, config, func(pin PIN, use useCard) (err error) {
		holder, err = authenticate(ctx, config, pin, use)
		return err
	})
	return holder, err
}

// Prove is like [Authenticate] for a remote verifier: the card signs the verifier's challenge, and
// Prove returns the evidence for [proof.Verifier.Verify], with the CA certificate that is on the
// card. Reading the CA certificate takes more commands.
//
// A program that gets the challenge from a server has to check that the challenge's audience names
// that server. Otherwise a dishonest server can relay another server's challenge, and log in to
// that server with the evidence.
//
// It returns the errors of Authenticate, and [proof.ErrName] if the challenge's audience or purpose is invalid,
// before anything is sent. The issuer is checked as the options say, so that no attempt is spent on a card that
// the verifier would reject.
func Prove(ctx context.Context, card apdu.Transmitter, pin PIN, challenge proof.Challenge, options ...CardOption) (*proof.Evidence, error) {
	config := newConfig(options)
	config.withCA = true
	return prove(ctx, pin, challenge, func(fn func(*Application) error) error { return do(ctx, card, config, fn) })
}

// ProveWith is like [AuthenticateWith], but has the card sign the challenge and returns the
// evidence, as [Prove] does.
func ProveWith[C Connection](ctx context.Context, connect func(ctx context.Context, reader string) (C, error), reader string,
	ask AskPIN, challenge proof.Challenge, options ...CardOption) (evidence *proof.Evidence, err error) {
	if err := challenge.Check(); err != nil {
		return nil, err // before the holder is asked
	}
	config := newConfig(options)
	config.withCA = true
	err = withPIN(ctx, connectorFor(connect, reader), ask, config, func(pin PIN, use useCard) (err error) {
		evidence, err = prove(ctx, pin, challenge, use)
		return err
	})
	return evidence, err
}

// useCard calls a function with a card's application, and logs the card out.
type useCard = func(func(*Application) error) error

// withPIN asks for the PIN while no card is held, and then calls do.
func withPIN(ctx context.Context, connector connector, ask AskPIN, config config, do func(PIN, useCard) error) error {
	config.shown, config.shortLengths = nil, false
	var shown Readiness
	first := config
	first.withCA = false
	err := connector.use(ctx, first, func(a *Application) (err error) {
		shown, err = a.Ready(ctx)
		return err
	})
	if err != nil {
		return err
	}
	pin, err := ask(ctx, shown)
	defer pin.Wipe()
	if err != nil {
		return fmt.Errorf("asking the holder: %w", err)
	}
	config.bind(shown)
	return do(pin, func(fn func(*Application) error) error { return connector.use(ctx, config, fn) })
}

// Authenticate's challenges are for nobody else.
const (
	localAudience = "mykeykit jpki.Authenticate"
	localPurpose  = "authenticate"
)

func authenticate(ctx context.Context, config config, pin PIN, use useCard) (*proof.Holder, error) {
	defer pin.Wipe()
	now := config.now()
	challenge, err := proof.NewChallenge(localAudience, localPurpose, now, config.random)
	if err != nil {
		return nil, err
	}
	evidence, err := prove(ctx, pin, challenge, use)
	if err != nil {
		return nil, err
	}
	verifier := proof.Verifier{
		Audience: localAudience, Purpose: localPurpose, Now: func() time.Time { return now }, AllowExpired: config.allowExpired, AllowUnknownIssuer: true,
		Once: func(context.Context, proof.Challenge) error { return nil }, // nobody can have answered it before
	}
	if config.trust != nil {
		verifier.Trust, verifier.AllowUnknownIssuer = *config.trust, !config.trust.Required
	}
	return verifier.Verify(ctx, *evidence)
}

func prove(ctx context.Context, pin PIN, challenge proof.Challenge, use useCard) (evidence *proof.Evidence, err error) {
	defer pin.Wipe()
	if err := challenge.Check(); err != nil {
		return nil, err
	}
	err = use(func(a *Application) (err error) {
		evidence, err = a.prove(ctx, pin, challenge)
		return err
	})
	if err != nil {
		return nil, err
	}
	return evidence, nil
}

func (a *Application) prove(ctx context.Context, pin PIN, challenge proof.Challenge) (*proof.Evidence, error) {
	certificate, err := a.unlock(ctx, authenticationKey, pin.secret)
	if err != nil {
		return nil, err
	}
	if certificate == nil {
		if certificate, err = a.usableCertificate(ctx); err != nil {
			return nil, err
		}
	}
	evidence, err := a.Prove(ctx, certificate, challenge)
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err // it ended during the proof, which was allowed to finish
	}
	return evidence, nil
}

// Prove has the card sign a challenge with its authentication key and verifies the signature with
// the certificate's key. The PIN must be verified. The evidence includes the card's CA certificate
// if [Application.Issuer] has read it.
//
// It returns [ErrNoPossession] if the card's answer is not that signature; [trust.ErrMalformed] if the
// certificate's key is not encoded in DER; or [trust.ErrUnsupportedKey], [ErrPINRequired], [proof.ErrName] or the
// transport's error.
func (a *Application) Prove(ctx context.Context, certificate *x509.Certificate, challenge proof.Challenge) (*proof.Evidence, error) {
	if err := challenge.Check(); err != nil {
		return nil, err
	}
	if err := a.authentication().checkKey(certificate); err != nil {
		return nil, err
	}
	what, algorithm, err := challengeToSign(certificate.PublicKey, challenge)
	if err != nil {
		return nil, err
	}
	signature, err := a.sign(ctx, a.authentication(), what)
	if err != nil {
		return nil, err
	}
	return &proof.Evidence{Challenge: challenge, Certificate: certificate.Raw, CACertificate: a.caCertificate, Algorithm: algorithm, Signature: signature}, nil
}
