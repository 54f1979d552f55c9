package jpki

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"github.com/mykeykit/mykeykit/apdu"
	"github.com/mykeykit/mykeykit/jpki/trust"
)

// ErrNoPossession reports that the card did not prove that it holds the certificate's key.
var ErrNoPossession = errors.New("card did not prove possession of its key")

// Authentication is the result of [Authenticate]. Printing it shows no part of the
// certificate. Do not copy it: if a copy is in another struct's unexported field, package fmt
// can show what Certificate points to.
type Authentication struct {
	// Certificate is the card's user-authentication certificate: personal data, to be
	// kept no longer than needed.
	Certificate *x509.Certificate
	// CardAcceptedPIN: the card reported that the PIN is correct. The report is not signed.
	// A relay in the card's place can accept any PIN and pass the challenge on to a genuine
	// card that was unlocked elsewhere; Possession and Chain hold for that card.
	CardAcceptedPIN bool
	// Possession: the card signed a fresh challenge with the certificate's key.
	Possession bool
	// Validity of the certificate at the time. Revocation is not checked.
	Validity trust.Validity
	// Chain says who issued the certificate. It is [trust.IssuerUnknown] unless [WithChain],
	// [RequireChain] or [TrustSimulator] is given.
	Chain trust.Issuer
}

// Authenticate does what a terminal needs, in one short transaction: it asks for the
// attempts left, reads the certificate, verifies the PIN, has the card prove its key, and
// logs the card out. On a card with extended lengths it sends 5 commands, and 1 to log out.
//
// The PIN is used up, whatever happens. A program asks for it before, while it does not
// hold the card, and passes [ForCard] with what it showed; [AuthenticateWith] does all of
// that.
//
// An error means that nothing was established: [ErrNoApplication],
// [credential.ErrCounterUnknown], [*credential.Error], [credential.ErrUsed],
// [ErrNoCertificate], [trust.ErrMalformed], [trust.ErrWrongKind], [*trust.ValidityError],
// [trust.ErrUnsupportedKey], [trust.ErrUnknownIssuer], [trust.ErrIssuerExpired],
// [ErrNoPossession], [ErrStillUnlocked], or the transport's error.
//
// [WithChain] and [RequireChain] check the issuer: possession alone proves that the card
// holds the certificate's key, and not that J-LIS issued the certificate. Revocation is not
// checked.
func Authenticate(ctx context.Context, card apdu.Transmitter, pin PIN, options ...CardOption) (*Authentication, error) {
	defer pin.Wipe()
	return authenticate(ctx, pin, func(fn func(*Application) error) error { return Do(ctx, card, fn, options...) })
}

// AuthenticateWith authenticates the card in a reader in the safe order. It finds out
// whether a PIN may be sent, as [Application.Ready] does, closes the connection, and calls
// ask with the attempts left. Then it connects again and does everything else in one
// transaction, as [Authenticate] does, if the card in the reader is still the same. connect
// is a reader.Driver's Connect.
//
// It returns the errors of Authenticate, connect and ask. It ignores [ForCard].
func AuthenticateWith[C Connection](ctx context.Context, connect func(ctx context.Context, reader string) (C, error), reader string,
	ask AskPIN, options ...CardOption) (*Authentication, error) {
	connector, config := connectorFor(connect, reader), newConfig(options)
	config.shown, config.shortLengths = nil, false
	var shown Readiness
	err := connector.use(ctx, config, func(a *Application) (err error) {
		shown, err = a.Ready(ctx)
		return err
	})
	if err != nil {
		return nil, err
	}
	pin, err := ask(ctx, shown)
	defer pin.Wipe()
	if err != nil {
		return nil, fmt.Errorf("asking for the PIN: %w", err)
	}
	config.bind(shown)
	return authenticate(ctx, pin, func(fn func(*Application) error) error { return connector.use(ctx, config, fn) })
}

func authenticate(ctx context.Context, pin PIN, use func(func(*Application) error) error) (result *Authentication, err error) {
	err = use(func(a *Application) (err error) {
		result, err = a.authenticate(ctx, pin)
		return err
	})
	if err != nil {
		return nil, err
	}
	return result, nil
}

func (a *Application) authenticate(ctx context.Context, pin PIN) (*Authentication, error) {
	certificate, err := a.unlock(ctx, authenticationKey, pin.secret)
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
		return nil, err // it ended during the proof, which was allowed to finish
	}
	return &Authentication{
		Certificate:     certificate,
		CardAcceptedPIN: true,
		Possession:      true,
		Validity:        trust.ValidityAt(certificate, a.config.now()),
		Chain:           a.chain,
	}, nil
}

// challengeDomain separates the challenges that are signed here from everything else that
// the key signs.
const challengeDomain = "mykeykit possession v1\x00"

// ProvePossession has the card sign 32 fresh random bytes with its authentication key and
// verifies the signature with the certificate's key. The PIN must be verified. If it
// returns nil, whoever answered holds the key; whether J-LIS issued the certificate is for
// [Application.Chain] to find out.
//
// It returns [ErrNoPossession] if the card's answer is not a proof,
// [trust.ErrUnsupportedKey], [trust.ErrMalformed] if the certificate's key is not encoded in
// DER, [ErrPINRequired], or the transport's error. It honors [WithRandom].
func (a *Application) ProvePossession(ctx context.Context, certificate *x509.Certificate) error {
	if err := a.authentication().checkKey(certificate); err != nil {
		return err
	}
	challenge := make([]byte, 32)
	if _, err := io.ReadFull(a.config.random, challenge); err != nil {
		return fmt.Errorf("challenge: %w", err)
	}
	what, err := plainSignature(certificate.PublicKey, append([]byte(challengeDomain), challenge...))
	if err != nil {
		return err
	}
	_, err = a.sign(ctx, a.authentication(), what)
	return err
}

// String describes the result. It shows no date: a certificate expires on its holder's
// birthday.
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

// MarshalJSON writes [Authentication.String]. It can't be read back.
func (r Authentication) MarshalJSON() ([]byte, error) { return json.Marshal(r.String()) }
