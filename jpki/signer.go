package jpki

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/mykeykit/mykeykit/apdu"
)

// ErrSignerClosed: the [Signer] was closed.
var ErrSignerClosed = errors.New("signer is closed")

// Connection is a connection to a card, for one use. A reader.Card is one.
type Connection interface {
	apdu.Transmitter
	Close() error
}

// Connect connects to the card, as reader.Driver's Connect does with the name of a
// reader. It is called for each use, so the card may be taken out between two.
type Connect func(ctx context.Context) (Connection, error)

// AskPIN asks a person for the PIN, who should be told the tries left. Nothing of
// the card is held meanwhile. It is called once for each signature that needs a
// PIN, and never again because a PIN was wrong: its ctx ends with the signature's
// and with [Signer.Close], and its error is the signature's.
type AskPIN func(ctx context.Context, ready Readiness) (PIN, error)

// Signer is a card's key as a [crypto.Signer]. Goroutines may share one: their
// signatures follow each other.
//
// Each signature is two short transactions, and the person is asked between them.
// The first finds out what speaks against sending a PIN, as [Application.Ready].
// In the second the PIN goes to the same card only, as with [ForCard], and once;
// the card signs, its answer is verified, and the card is left unverified.
type Signer struct {
	connect     Connect
	ask         AskPIN
	config      config
	options     []Option
	certificate *x509.Certificate
	key         *rsa.PublicKey

	closed context.Context // done after Close
	close  context.CancelFunc
	turn   chan struct{} // full while somebody uses what follows
	held   *session      // a card that is kept verified, or nil
	pss    *bool         // whether the card has PSS; nil: not asked yet
}

var _ crypto.Signer = (*Signer)(nil)

// NewSigner makes a [Signer] of the card's authentication key. It reads the
// certificate, and finds out who issued it if asked to; a phone shows it only
// after the PIN, so there ask is called. The ctx is for that, and not for
// signatures.
//
// It fails as [Application.AuthCertificate] and [Application.Chain], with
// [*ValidityError] or [ErrUnsupportedKey], and for a phone as [Authenticate] does.
// A locked PIN is an error of a signature and not of this.
//
// The options [KeepVerified] and [AllowSHA1] and those of [Authenticate] mean
// something here, but for [ForCard] and [WithRandom].
func NewSigner(ctx context.Context, connect Connect, ask AskPIN, options ...Option) (*Signer, error) {
	s := &Signer{connect: connect, ask: ask, config: newConfig(options), options: options, turn: make(chan struct{}, 1)}
	s.closed, s.close = context.WithCancel(context.Background())
	err := s.do(ctx, func(a *Application) (err error) {
		s.certificate, err = a.usableCertificate(ctx)
		return err
	})
	if errors.Is(err, ErrPINRequired) {
		s.certificate, err = s.readAfterPIN(ctx)
	}
	if err != nil {
		return nil, err
	}
	s.key = s.certificate.PublicKey.(*rsa.PublicKey) // as usableKey found
	// Who issued it is known from here on: any other certificate is refused.
	s.options = append(slices.Clip(s.options), func(c *config) { c.trust = nil })
	return s, nil
}

func (s *Signer) readAfterPIN(ctx context.Context) (certificate *x509.Certificate, err error) {
	ready, pin, err := s.prompt(ctx, schemePKCS1)
	if err != nil {
		return nil, err
	}
	defer pin.Wipe()
	err = s.do(ctx, func(a *Application) (err error) {
		certificate, err = a.unlock(ctx, pin)
		return err
	}, ForCard(ready))
	return certificate, err
}

// Certificate is the card's certificate: personal data, to be kept no longer than
// needed.
func (s *Signer) Certificate() *x509.Certificate { return s.certificate }

// Public is the certificate's key.
func (s *Signer) Public() crypto.PublicKey { return s.key }

// Sign is [Signer.SignContext] without an end from outside but [Signer.Close].
func (s *Signer) Sign(_ io.Reader, digest []byte, options crypto.SignerOpts) ([]byte, error) {
	return s.SignContext(context.Background(), digest, options)
}

// SignContext has the card sign a digest: with PKCS #1 v1.5 for a [crypto.Hash]
// of SHA-256, SHA-384 or SHA-512, and with PSS for [*rsa.PSSOptions] of SHA-256
// and a salt of its length, on cards that have it. Before anything is sent it fails
// with [ErrUnsupportedSignature] for everything else, and with [ErrDigestLength];
// before anybody is asked, with [ErrNoPSS].
//
// The end of ctx ends waiting for others' signatures, for the person and for the
// card. An error means that there is no signature: [*PINError], [ErrPINUsed],
// [ErrPINRequired] where AskPIN is nil, [ErrNoPossession] if what the card answers
// is not the signature, [ErrOtherCard] too of a phone that was seen to be another
// after the PIN, [ErrSignerClosed], an error of Connect or AskPIN, and those of
// [Authenticate].
func (s *Signer) SignContext(ctx context.Context, digest []byte, options crypto.SignerOpts) (signature []byte, err error) {
	what, err := s.config.toSign(digest, options)
	if err != nil {
		return nil, err
	}
	err = s.alone(ctx, func(ctx context.Context) (err error) {
		signature, err = s.sign(ctx, what)
		return err
	})
	if err != nil {
		return nil, err
	}
	return signature, nil
}

func (s *Signer) sign(ctx context.Context, what toSign) (signature []byte, err error) {
	if signature, err := s.held.sign(ctx, what); !errors.Is(err, errNotHeld) {
		return signature, err
	}
	s.held = nil
	ready, pin, err := s.prompt(ctx, what.scheme)
	if err != nil {
		return nil, err
	}
	defer pin.Wipe()
	unlockAndSign := func(ctx context.Context, a *Application) error {
		certificate, err := a.unlock(ctx, pin)
		if err != nil {
			return err
		}
		if !certificate.Equal(s.certificate) {
			return ErrOtherCard
		}
		signature, err = a.sign(ctx, s.key, what)
		return err
	}
	if s.config.idle > 0 {
		s.held, err = s.hold(ctx, unlockAndSign, ForCard(ready))
	} else {
		err = s.do(ctx, func(a *Application) error { return unlockAndSign(ctx, a) }, ForCard(ready))
	}
	if errors.Is(err, ErrNoPSS) {
		s.pss = new(bool) // whatever it said before
	}
	return signature, err
}

// prompt finds out what speaks against asking for the PIN, and asks.
func (s *Signer) prompt(ctx context.Context, scheme byte) (ready Readiness, pin PIN, err error) {
	if s.ask == nil {
		return ready, pin, fmt.Errorf("%w, and there is nobody to ask", ErrPINRequired)
	}
	err = s.do(ctx, func(a *Application) (err error) {
		if ready, err = a.Ready(ctx); err != nil {
			return err
		}
		if s.certificate != nil && ready.is != nil && !ready.is(s.certificate) {
			return &PINError{Reason: ErrOtherCard, Remaining: ready.Remaining, Known: true}
		}
		if scheme != schemePSS {
			return nil
		}
		return s.askForPSS(ctx, a)
	})
	switch {
	case err != nil:
		return ready, pin, err
	case s.pss != nil && !*s.pss && scheme == schemePSS:
		return ready, pin, ErrNoPSS
	}
	if pin, err = s.ask(ctx, ready); err != nil {
		pin.Wipe()
		return ready, PIN{}, fmt.Errorf("asking for the PIN: %w", err)
	}
	return ready, pin, nil
}

// PSS tells whether the card can sign with PSS. The card is asked once in the
// Signer's life, with a command that signs nothing and costs no try; a card that
// is kept verified is left for that. That cards answer so was observed on one kind
// of test card: a signature may still fail with [ErrNoPSS].
func (s *Signer) PSS(ctx context.Context) (has bool, err error) {
	err = s.alone(ctx, func(ctx context.Context) error {
		if s.pss == nil {
			_ = s.held.leave()
			if err := s.do(ctx, func(a *Application) error { return s.askForPSS(ctx, a) }); err != nil {
				return err
			}
		}
		has = *s.pss
		return nil
	})
	return has, err
}

func (s *Signer) askForPSS(ctx context.Context, a *Application) error {
	if s.pss != nil {
		return nil
	}
	has, err := a.hasPSS(ctx)
	if err == nil {
		s.pss = &has
	}
	return err
}

// Close ends what is under way, leaves a card that is kept verified, and makes
// every later signature fail with [ErrSignerClosed]. It fails if that card could not
// be left. It waits for AskPIN to return, and for the card up to 5 seconds.
// Closing twice is no error.
func (s *Signer) Close() error {
	s.close()
	s.turn <- struct{}{}
	defer func() { <-s.turn }()
	err := s.held.leave()
	s.held = nil
	return err
}

// alone calls fn while nobody else uses the card through s, with a ctx that Close
// ends too.
func (s *Signer) alone(ctx context.Context, fn func(ctx context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(s.closed, cancel)()
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
	}
	err := ctx.Err()
	switch {
	case s.closed.Err() != nil:
		return ErrSignerClosed
	case err == nil:
		err = fn(ctx)
	}
	if err == nil || s.closed.Err() == nil {
		return err
	}
	return fmt.Errorf("%w: %w", ErrSignerClosed, err)
}

// do uses a connection of its own. One that fails to close after the card was
// left, as where another program uses it too, lost nothing.
func (s *Signer) do(ctx context.Context, fn func(*Application) error, more ...Option) error {
	card, err := s.connect(ctx)
	if err != nil {
		return err
	}
	defer card.Close()
	return Do(ctx, card, fn, append(slices.Clip(s.options), more...)...)
}
