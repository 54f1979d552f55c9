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

// AskPassword is AskPIN for the signature password, of which a card allows 5 wrong
// entries.
type AskPassword func(ctx context.Context, ready Readiness) (Password, error)

// Signer is a card's key as a [crypto.Signer]. Goroutines may share one: their
// signatures follow each other.
//
// Each signature is two short transactions, and the person is asked between them.
// The first finds out what speaks against sending a PIN, as [Application.Ready].
// In the second the PIN goes to the same card only, as with [ForCard], and once;
// the card signs, its answer is verified, and the card is left unverified.
type Signer struct {
	side        *side
	connect     Connect
	ask         func(ctx context.Context, ready Readiness) (secret, error) // nil: nobody to ask
	config      config
	options     []Option
	identity    *x509.Certificate // the authentication certificate, or nil of a card that doesn't show it
	certificate *x509.Certificate
	key         *rsa.PublicKey

	closed context.Context // done after Close
	close  context.CancelFunc
	turn   chan struct{} // full while somebody uses what follows
	held   *session      // a card that is kept verified, or nil
	pss    *bool         // whether the card has PSS; nil: not asked yet
}

var _ crypto.Signer = (*Signer)(nil)

func newSigner(of *side, connect Connect, options []Option) *Signer {
	s := &Signer{side: of, connect: connect, config: newConfig(options), options: options, turn: make(chan struct{}, 1)}
	s.closed, s.close = context.WithCancel(context.Background())
	return s
}

// NewSigner makes a [Signer] of the card's authentication key. It reads the
// certificate, and finds out who issued it if asked to; a phone shows it only
// after the PIN, so there ask is called. The ctx is for that, and not for
// signatures.
//
// It fails as [Application.AuthCertificate] and [Application.Chain], with
// [*ValidityError] or [ErrUnsupportedKey], and for a phone as [Authenticate] does.
// A locked PIN is an error of a signature and not of this.
//
// It honors [KeepVerified], [KeepAtMost], [AllowSHA1] and the options of
// [Authenticate], except [ForCard] and [WithRandom].
func NewSigner(ctx context.Context, connect Connect, ask AskPIN, options ...Option) (*Signer, error) {
	s := newSigner(authentication, connect, options)
	if ask != nil {
		s.ask = func(ctx context.Context, ready Readiness) (secret, error) {
			pin, err := ask(ctx, ready)
			return pin.secret, err
		}
	}
	err := s.do(ctx, func(a *Application) error {
		certificate, err := a.usableCertificate(ctx)
		if err == nil {
			s.identity = certificate
			s.become(certificate)
		}
		return err
	})
	if errors.Is(err, ErrPINRequired) {
		_, err = s.unlock(ctx, schemePKCS1, nil)
	}
	if err != nil {
		return nil, err
	}
	return s, nil
}

// NewSignatureSigner makes a [Signer] of the card's signature key: what it signs is
// signed by the holder, as with a seal. The certificate, which holds the holder's
// name and address, is shown only after the password, so ask is called at once.
//
// It fails as [Application.SignatureCertificate], with [*ValidityError],
// [ErrUnsupportedKey] or [*PINError], and as [Application.ReadyToSign]. The options
// are those of [NewSigner] but for the chain's: who issued a signature certificate
// is not found out here.
func NewSignatureSigner(ctx context.Context, connect Connect, ask AskPassword, options ...Option) (*Signer, error) {
	s := newSigner(signing, connect, options)
	if ask != nil {
		s.ask = func(ctx context.Context, ready Readiness) (secret, error) {
			password, err := ask(ctx, ready)
			return password.secret, err
		}
	}
	if _, err := s.unlock(ctx, schemePKCS1, nil); err != nil {
		return nil, err
	}
	return s, nil
}

// become settles whose key it is. Who issued the certificate is known by now: from
// here on any other is refused.
func (s *Signer) become(certificate *x509.Certificate) {
	s.certificate, s.key = certificate, certificate.PublicKey.(*rsa.PublicKey) // as usableKey found
	s.options = append(slices.Clip(s.options), func(c *config) { c.trust = nil })
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

// SignContext has the card sign a digest. For [*rsa.PSSOptions] of SHA-256 and a
// salt of its length it uses PSS, on cards that have it; for all other options
// PKCS #1 v1.5, with SHA-256, SHA-384 or SHA-512 as HashFunc says. Before anything is sent it fails
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
	left := s.leave()
	if signature, err = s.unlock(ctx, what.scheme, &what); err != nil {
		return nil, both(err, left)
	}
	return signature, nil // of the same card, which was unlocked and is logged out anew
}

// leave ends what is held, and fails if that card could not be logged out.
func (s *Signer) leave() error {
	err := s.held.leave()
	s.held = nil
	return err
}

// unlock asks for the secret and has the card sign, if there is something to; the
// first time it finds out whose key it is.
func (s *Signer) unlock(ctx context.Context, scheme byte, what *toSign) (signature []byte, err error) {
	ready, typed, err := s.prompt(ctx, scheme)
	if err != nil {
		return nil, err
	}
	defer typed.Wipe()
	use := func(ctx context.Context, a *Application) error {
		identity, err := a.unlock(ctx, s.side, typed)
		if err != nil {
			return err
		}
		if err := s.recognize(ctx, a, identity); err != nil || what == nil {
			return err
		}
		signature, err = a.sign(ctx, s.side, s.key, *what)
		return err
	}
	if min(s.config.idle, s.config.limit) > 0 {
		s.held, err = s.hold(ctx, use, ForCard(ready))
	} else {
		err = s.do(ctx, func(a *Application) error { return use(ctx, a) }, ForCard(ready))
	}
	if errors.Is(err, ErrNoPSS) {
		s.pss = new(bool) // whatever it said before
	}
	return signature, err
}

// recognize compares a card, whose secret is verified, with the signer's, where its
// authentication certificate did not tell before; the first card makes the signer.
func (s *Signer) recognize(ctx context.Context, a *Application, identity *x509.Certificate) error {
	if s.identity != nil && identity != nil {
		return nil // compared before the secret was asked for, and again before it was sent
	}
	certificate, err := s.side.certificate(a, ctx)
	switch {
	case err != nil:
		return err
	case s.certificate == nil:
		s.identity = identity
		s.become(certificate)
	case !certificate.Equal(s.certificate):
		return ErrOtherCard
	}
	return nil
}

// prompt finds out what speaks against asking for the secret, and asks.
func (s *Signer) prompt(ctx context.Context, scheme byte) (ready Readiness, typed secret, err error) {
	if s.ask == nil {
		return ready, typed, fmt.Errorf("%w, and there is nobody to ask", ErrPINRequired)
	}
	err = s.do(ctx, func(a *Application) error {
		counter, identity, err := s.side.ready(a, ctx)
		if err != nil {
			return err
		}
		if s.identity != nil && identity != nil && !identity.Equal(s.identity) {
			return s.side.refused(ErrOtherCard, counter)
		}
		ready, _ = readiness(counter, identity, nil)
		if scheme == schemePSS {
			return s.askForPSS(ctx, a)
		}
		return nil
	})
	switch {
	case err != nil:
		return ready, typed, err
	case scheme == schemePSS && !*s.pss:
		return ready, typed, ErrNoPSS
	}
	if typed, err = s.ask(ctx, ready); err != nil {
		typed.Wipe()
		return ready, secret{}, fmt.Errorf("asking for the PIN: %w", err)
	}
	return ready, typed, nil
}

// PSS tells whether the card can sign with PSS. The card is asked once in the
// Signer's life, with a command that signs nothing and costs no try; a card that
// is kept verified is left for that. That cards answer so was observed on one kind
// of test card: a signature may still fail with [ErrNoPSS].
func (s *Signer) PSS(ctx context.Context) (has bool, err error) {
	err = s.alone(ctx, func(ctx context.Context) error {
		if s.pss == nil {
			if err := s.leave(); err != nil {
				return err
			}
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
	has, err := a.hasPSS(ctx, s.side)
	if err == nil {
		s.pss = &has
	}
	return err
}

// Close ends what is under way, leaves a card that is kept verified, and makes
// every later signature fail with [ErrSignerClosed]. It fails with [ErrStillVerified]
// if that card could not be logged out. It waits for AskPIN to return, and for the card up to 5 seconds.
// Closing twice is no error.
func (s *Signer) Close() error {
	s.close()
	s.turn <- struct{}{}
	defer func() { <-s.turn }()
	return s.leave()
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
