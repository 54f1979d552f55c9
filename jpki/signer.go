package jpki

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"github.com/mykeykit/mykeykit/internal/applet"
	"github.com/mykeykit/mykeykit/internal/generation"
	"github.com/mykeykit/mykeykit/jpki/credential"
)

// ErrSignerClosed reports that the [Signer] was closed.
var ErrSignerClosed = errors.New("signer is closed")

// Signer is a card's key as a [crypto.Signer]. It is safe for concurrent use; signatures are
// made one at a time. The card may be taken out between two of them.
//
// Each signature takes two short transactions. The first finds out whether a PIN may be sent, as
// [Application.Ready] does. Then the PIN is asked for, while no transaction is open. In the second,
// the PIN is sent once, the card signs, the signature is verified, and the card is logged out. If
// the Signer's card and the card in the reader both show their authentication certificate without
// the PIN, which phones do not, the PIN is not sent to a different card.
type Signer struct {
	choice      keyChoice
	connect     connector
	ask         func(ctx context.Context, ready Readiness) (applet.Secret, error) // nil: nobody to ask
	config      config
	identity    *x509.Certificate // the authentication certificate; nil if the card does not show it
	certificate *x509.Certificate

	closed context.Context // done after Close
	close  context.CancelFunc
	turn   chan struct{} // full while one caller uses the fields below
	kept   *keptCard     // a card that stays unlocked, or nil
	pss    *bool         // whether the card has PSS; nil: not probed yet
}

var _ crypto.Signer = (*Signer)(nil)

func newSigner(choice keyChoice, connect connector, options []SignerOption) *Signer {
	s := &Signer{choice: choice, connect: connect, config: newSignerConfig(options), turn: make(chan struct{}, 1)}
	s.closed, s.close = context.WithCancel(context.Background())
	return s
}

// NewSigner returns a [Signer] for the authentication key of the card in a reader. connect is a
// reader.Driver's Connect; it is called for each use. NewSigner reads the certificate, and finds
// out who issued it if an option says so. A phone's certificate can be read only after the PIN has
// been verified, so for a phone NewSigner calls ask. ctx bounds NewSigner only, not later
// signatures.
//
// It returns the errors of [Application.AuthCertificate] and [Application.Issuer],
// [*trust.ValidityError], [trust.ErrUnsupportedKey], and for a phone those of [Authenticate]. Except
// for a phone, NewSigner does not fail if the PIN is locked; Sign does.
func NewSigner[C Connection](ctx context.Context, connect func(ctx context.Context, reader string) (C, error), reader string,
	ask AskPIN, options ...SignerOption) (*Signer, error) {
	return newAuthSigner(ctx, connectorFor(connect, reader), ask, options)
}

func newAuthSigner(ctx context.Context, connect connector, ask AskPIN, options []SignerOption) (*Signer, error) {
	s := newSigner(authenticationKey, connect, options)
	if ask != nil {
		s.ask = func(ctx context.Context, ready Readiness) (applet.Secret, error) {
			pin, err := ask(ctx, ready)
			return pin.secret, err
		}
	}
	err := s.connect.use(ctx, s.config, func(a *Application) error {
		certificate, err := a.usableCertificate(ctx)
		if err == nil {
			s.identity = certificate
			s.setCertificate(certificate)
		}
		return err
	})
	if errors.Is(err, ErrPINRequired) {
		_, err = s.unlock(ctx, nil)
	}
	if err != nil {
		return nil, err
	}
	return s, nil
}

// NewSignatureSigner returns a [Signer] for the card's signature key. Its signatures legally bind
// the holder, as a registered seal (実印) does. The certificate, which contains the holder's name and
// address, can be read only after the password has been verified, so ask is called at once.
//
// It returns the errors of [Application.SignatureCertificate] and
// [Application.ReadyToSign], [*trust.ValidityError], [trust.ErrUnsupportedKey] and
// [*credential.Error]. It honors the options of [NewSigner] except those about the chain:
// the issuer of a signature certificate is not checked here.
func NewSignatureSigner[C Connection](ctx context.Context, connect func(ctx context.Context, reader string) (C, error), reader string,
	ask AskPassword, options ...SignerOption) (*Signer, error) {
	return newHolderSigner(ctx, connectorFor(connect, reader), ask, options)
}

func newHolderSigner(ctx context.Context, connect connector, ask AskPassword, options []SignerOption) (*Signer, error) {
	s := newSigner(signatureKey, connect, options)
	if ask != nil {
		s.ask = func(ctx context.Context, ready Readiness) (applet.Secret, error) {
			password, err := ask(ctx, ready)
			return password.secret, err
		}
	}
	if _, err := s.unlock(ctx, nil); err != nil {
		return nil, err
	}
	return s, nil
}

// setCertificate sets the certificate. Its issuer is known by now, and any other certificate
// is rejected from here on.
func (s *Signer) setCertificate(certificate *x509.Certificate) {
	s.certificate, s.config.trust = certificate, nil
}

// Certificate returns the card's certificate: personal data, to be kept no longer than
// needed.
func (s *Signer) Certificate() *x509.Certificate { return s.certificate }

// Public returns the certificate's key.
func (s *Signer) Public() crypto.PublicKey { return s.certificate.PublicKey }

// Sign is [Signer.SignContext] with a context that only [Signer.Close] cancels.
func (s *Signer) Sign(_ io.Reader, digest []byte, options crypto.SignerOpts) ([]byte, error) {
	return s.SignContext(context.Background(), digest, options)
}

// SignContext has the card sign a SHA-256, SHA-384 or SHA-512 digest, as options.HashFunc reports.
// With an RSA key, [*rsa.PSSOptions] select PSS: for SHA-256 only, with a salt as long as the hash.
// [rsa.PSSSaltLengthAuto] means [rsa.PSSSaltLengthEqualsHash] here. All other options select PKCS #1
// v1.5. With an ECDSA key the signature is ASN.1, as from [ecdsa.SignASN1].
//
// It returns [ErrUnsupportedSignature] for any other kind of signature, and [ErrDigestLength] for a
// digest of the wrong length, before anything is sent. If the card does not have PSS, it returns
// [ErrNoPSS] before it asks for the PIN.
//
// Canceling ctx stops waiting for other signatures, for the holder and for the card. An error means
// that there is no signature. The errors are also [*credential.Error], [credential.ErrUsed],
// [ErrPINRequired] if AskPIN is nil, [ErrNoPossession] if the card's answer is not the signature,
// [credential.ErrOtherCard], [ErrSignerClosed], an error of connect or AskPIN, and those of
// [Authenticate]. A different phone is detected only after it has accepted the PIN.
func (s *Signer) SignContext(ctx context.Context, digest []byte, options crypto.SignerOpts) (signature []byte, err error) {
	what, err := newToSign(s.Public(), digest, options, s.config.signer.sha1)
	if err != nil {
		return nil, err
	}
	var answer []byte
	err = s.exclusively(ctx, func(ctx context.Context) (err error) {
		answer, err = s.sign(ctx, what)
		return err
	})
	if err != nil {
		return nil, err
	}
	return what.encode(answer)
}

func (s *Signer) sign(ctx context.Context, what toSign) (signature []byte, err error) {
	if signature, err := s.kept.sign(ctx, what); !errors.Is(err, errNotKept) {
		return signature, err
	}
	logOut := s.logOut()
	if signature, err = s.unlock(ctx, &what); err != nil {
		return nil, applet.Join(err, logOut)
	}
	return signature, nil // by the same card, which was unlocked and logged out again
}

// logOut ends keeping a card unlocked. It fails if the card could not be logged out.
func (s *Signer) logOut() error {
	err := s.kept.logOut()
	s.kept = nil
	return err
}

// unlock asks for the secret and has the card sign what is not nil. The first time it finds
// out whose key it is.
func (s *Signer) unlock(ctx context.Context, what *toSign) (signature []byte, err error) {
	shown, secret, err := s.prompt(ctx, what)
	if err != nil {
		return nil, err
	}
	defer secret.Wipe()
	use := func(ctx context.Context, a *Application) error {
		identity, err := a.unlock(ctx, s.choice, secret)
		if err != nil {
			return err
		}
		if err := s.recognize(ctx, a, identity); err != nil || what == nil {
			return err
		}
		signature, err = a.sign(ctx, s.choice.key(a), *what)
		return err
	}
	config := s.config
	config.bind(shown)
	if min(config.signer.idle, config.signer.limit) > 0 {
		s.kept, err = s.keep(ctx, config, use)
	} else {
		err = s.connect.use(ctx, config, func(a *Application) error { return use(ctx, a) })
	}
	if errors.Is(err, ErrNoPSS) {
		s.pss = new(bool) // whatever the probe said
	}
	return signature, err
}

// recognize compares an unlocked card with the signer's, if its authentication certificate
// did not tell before. The first card makes the signer.
func (s *Signer) recognize(ctx context.Context, a *Application, identity *x509.Certificate) error {
	if s.identity != nil && identity != nil {
		return nil // compared before the secret was asked for, and again before it was sent
	}
	certificate, err := s.choice.certificate(a, ctx)
	switch {
	case err != nil:
		return err
	case s.certificate == nil:
		s.identity = identity
		s.setCertificate(certificate)
	case !certificate.Equal(s.certificate):
		return credential.ErrOtherCard
	}
	return nil
}

// prompt finds out whether the secret may be sent, and asks for it.
func (s *Signer) prompt(ctx context.Context, what *toSign) (shown Readiness, secret applet.Secret, err error) {
	if s.ask == nil {
		return shown, secret, fmt.Errorf("%w, and there is nobody to ask", ErrPINRequired)
	}
	needsPSS := what != nil && what.algorithm == generation.PSS
	err = s.connect.use(ctx, s.config, func(a *Application) error {
		r, err := s.choice.ready(a, ctx)
		if err != nil {
			return err
		}
		if s.identity != nil && r.certificate != nil && !r.certificate.Equal(s.identity) {
			return s.choice.key(a).Credential.Kind.NotSent(credential.ErrOtherCard, r.counter)
		}
		shown = r.readiness(a.config)
		if needsPSS {
			return s.probePSS(ctx, a)
		}
		return nil
	})
	switch {
	case err != nil:
		return shown, secret, err
	case needsPSS && !*s.pss:
		return shown, secret, ErrNoPSS
	}
	if secret, err = s.ask(ctx, shown); err != nil {
		secret.Wipe()
		return shown, applet.Secret{}, fmt.Errorf("asking the holder: %w", err)
	}
	return shown, secret, nil
}

// PSS reports whether the card can sign with PSS. It is false for ECDSA keys. The card is probed
// at most once per Signer, with a command that signs nothing and uses no attempt; a card that is
// kept unlocked is logged out first. The probe was tested on one kind of test card, so a
// signature may still fail with [ErrNoPSS].
func (s *Signer) PSS(ctx context.Context) (has bool, err error) {
	if _, ok := s.Public().(*rsa.PublicKey); !ok {
		return false, nil
	}
	err = s.exclusively(ctx, func(ctx context.Context) error {
		if s.pss == nil {
			if err := s.logOut(); err != nil {
				return err
			}
			if err := s.connect.use(ctx, s.config, func(a *Application) error { return s.probePSS(ctx, a) }); err != nil {
				return err
			}
		}
		has = *s.pss
		return nil
	})
	return has, err
}

func (s *Signer) probePSS(ctx context.Context, a *Application) error {
	if s.pss != nil {
		return nil
	}
	has, err := a.probePSS(ctx, s.choice.key(a))
	if err == nil {
		s.pss = &has
	}
	return err
}

// Close cancels pending signatures, logs out a card that is kept unlocked, and makes every later
// signature fail with [ErrSignerClosed]. It returns [ErrStillUnlocked] if that card could
// not be logged out. It waits for AskPIN to return, and up to 5 seconds for the card.
// Close is idempotent.
func (s *Signer) Close() error {
	s.close()
	s.turn <- struct{}{}
	defer func() { <-s.turn }()
	return s.logOut()
}

// exclusively calls fn while no other call uses the card through s, with a ctx that Close ends too.
func (s *Signer) exclusively(ctx context.Context, fn func(ctx context.Context) error) error {
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

const redactedSigner = "[signer with a card's key]"

// String returns "[signer with a card's key]", for every Signer.
func (s *Signer) String() string { return redactedSigner }

// Format prints [Signer.String] for every verb and flag.
func (s *Signer) Format(f fmt.State, _ rune) { fmt.Fprint(f, redactedSigner) }

// MarshalJSON writes [Signer.String]. It can't be read back.
func (s *Signer) MarshalJSON() ([]byte, error) { return json.Marshal(redactedSigner) }

// LogValue implements slog.LogValuer with [Signer.String].
func (s *Signer) LogValue() slog.Value { return slog.StringValue(redactedSigner) }
