package jpki

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"

	"github.com/mykeykit/mykeykit/apdu"
)

// Authentication is what [Authenticate] established. Printing one shows no
// part of the certificate. Keep the pointer: of a copy in another struct's
// unexported field, package fmt can show what Certificate points to.
type Authentication struct {
	// Certificate is the card's user-authentication certificate: personal
	// data, to be kept no longer than needed.
	Certificate *x509.Certificate
	// CardAcceptedPIN: the card reported that the PIN is correct. That is the
	// card's word alone: the answer to VERIFY is not signed. A relay in the card's
	// place can accept any PIN and pass the challenge on to a genuine card that was
	// unlocked elsewhere; Possession and Chain hold of that card.
	CardAcceptedPIN bool
	// Possession: the card signed a fresh challenge with the certificate's key.
	Possession bool
	// Validity of the certificate at the time. Revocation is not checked.
	Validity Validity
	// Chain is who issued the certificate, [ChainUnknown] unless asked for.
	Chain Chain
}

// Authenticate does in one short transaction what a terminal needs: it asks
// for the tries left, reads the certificate, verifies the PIN, has the card
// prove its key, and leaves the card unverified. That is 5 commands, and 1 to
// leave, on a card with extended lengths.
//
// The PIN is asked of the person before, and is used up afterwards, whatever
// happens. An error means that nothing was established: [ErrNoApplication],
// [ErrCounterUnknown], [*PINError], [ErrPINUsed], [ErrNoCertificate],
// [ErrMalformedCertificate], [ErrWrongKind], [*ValidityError],
// [ErrUnsupportedKey], [ErrUnknownIssuer], [ErrIssuerExpired],
// [ErrNoPossession], [ErrStillVerified], or the transmitter's error, with its
// cause.
//
// Who issued the certificate is found out with [WithChain] or [RequireChain]:
// possession alone proves that the card holds the certificate's key, and not
// that the certificate is J-LIS's. Revocation is not checked.
//
// All options mean something here.
func Authenticate(ctx context.Context, card apdu.Transmitter, pin PIN, options ...Option) (*Authentication, error) {
	defer pin.Wipe()
	var result *Authentication
	err := Do(ctx, card, func(a *Application) (err error) {
		result, err = a.authenticate(ctx, pin)
		return err
	}, options...)
	if err != nil {
		return nil, err
	}
	return result, nil
}

func (a *Application) authenticate(ctx context.Context, pin PIN) (*Authentication, error) {
	certificate, err := a.unlock(ctx, authentication, pin.secret)
	if err != nil {
		return nil, err
	}
	if certificate == nil {
		if certificate, err = a.usableCertificate(ctx); err != nil {
			return nil, err
		}
	}
	if err := a.ProvePossession(ctx, certificate); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err // ended during the proof, which was let end by itself
	}
	return &Authentication{
		Certificate:     certificate,
		CardAcceptedPIN: true,
		Possession:      true,
		Validity:        ValidityAt(certificate, a.config.now()),
		Chain:           a.chain,
	}, nil
}

// unlock verifies a secret if nothing speaks against that, and returns the
// authentication certificate, or nil where the card didn't show it before.
func (a *Application) unlock(ctx context.Context, of *side, s secret) (*x509.Certificate, error) {
	_, certificate, err := of.ready(a, ctx)
	if err != nil {
		return nil, err
	}
	return certificate, a.verify(ctx, of, s)
}

// Readiness is what [Application.Ready] or [Application.ReadyToSign] found: the
// tries left, and which card it was, for [ForCard].
type Readiness struct {
	Counter
	// is tells whether a certificate is the card's. It is nil for a card that
	// shows none before the PIN. A function prints nothing personal.
	is func(*x509.Certificate) bool
}

// Ready returns the tries left for the authentication PIN, or the error with
// which [Authenticate] would refuse to send one: a program asks this before it
// asks a person. It costs no try.
// The options [AllowLastTry], [AllowExpired], [WithClock], [ForCard] and those of
// the chain matter here.
func (a *Application) Ready(ctx context.Context) (Readiness, error) {
	return readiness(a.ready(ctx))
}

// ReadyToSign is Ready for the signature password. It fails as
// [Application.SignatureCertificate] where that is missing.
// The options [AllowLastTry] and [ForCard] matter here.
func (a *Application) ReadyToSign(ctx context.Context) (Readiness, error) {
	return readiness(a.readyToSign(ctx))
}

func readiness(counter Counter, certificate *x509.Certificate, err error) (Readiness, error) {
	ready := Readiness{Counter: counter}
	if certificate != nil {
		ready.is = certificate.Equal
	}
	return ready, err
}

// ready finds what speaks against sending a PIN. A card that shows its
// certificate shows it before the PIN, so what is wrong with it costs no try;
// of one that does not, as phones, the certificate returned is nil.
func (a *Application) ready(ctx context.Context) (Counter, *x509.Certificate, error) {
	counter, err := a.AuthPINCounter(ctx)
	if err != nil {
		return Counter{}, nil, err
	}
	if err := a.admits(authentication, counter); err != nil {
		return counter, nil, err
	}
	certificate, err := a.usableCertificate(ctx)
	if errors.Is(err, ErrPINRequired) {
		certificate, err = nil, nil
	}
	if err == nil {
		err = a.sameCard(authentication, counter, certificate)
	}
	return counter, certificate, err
}

// readyToSign finds what speaks against sending the signature password, a missing
// certificate among it: a file that is there asks for the password.
func (a *Application) readyToSign(ctx context.Context) (Counter, *x509.Certificate, error) {
	counter, err := a.SignaturePasswordCounter(ctx)
	if err != nil {
		return Counter{}, nil, err
	}
	if err := a.admits(signing, counter); err != nil {
		return counter, nil, err
	}
	if _, err := a.certificate(ctx, efSignatureCertificate); err != nil && !errors.Is(err, ErrPINRequired) {
		return counter, nil, err
	}
	certificate, err := a.identity(ctx)
	if err == nil {
		err = a.sameCard(signing, counter, certificate)
	}
	return counter, certificate, err
}

// usableCertificate reads the authentication certificate and refuses one that
// could not be used.
func (a *Application) usableCertificate(ctx context.Context) (*x509.Certificate, error) {
	certificate, err := a.AuthCertificate(ctx)
	if err != nil {
		return nil, err
	}
	if err := a.config.usable(certificate); err != nil {
		return nil, err
	}
	if _, err := usableKey(certificate); err != nil {
		return nil, err
	}
	if a.chain, err = a.Chain(ctx, certificate); err != nil {
		return nil, err
	}
	return certificate, nil
}

// String tells what was established. It shows no date: a certificate ends on its
// holder's birthday.
func (r Authentication) String() string {
	if r.Certificate == nil {
		return "nothing authenticated"
	}
	return fmt.Sprintf("card reported correct PIN %t, possession %t, certificate %s, issuer %s, revocation not checked",
		r.CardAcceptedPIN, r.Possession, r.Validity, r.Chain)
}

// Format prints [Authentication.String] for every verb and flag.
func (r Authentication) Format(f fmt.State, _ rune) { fmt.Fprint(f, r.String()) }

// LogValue implements slog.LogValuer with [Authentication.String].
func (r Authentication) LogValue() slog.Value { return slog.StringValue(r.String()) }

// MarshalJSON writes [Authentication.String]. There is no reading back.
func (r Authentication) MarshalJSON() ([]byte, error) { return json.Marshal(r.String()) }
