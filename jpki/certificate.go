package jpki

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	tag "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/mykeykit/mykeykit/apdu"
	"github.com/mykeykit/mykeykit/jpki/trust"
)

var (
	// ErrNoCertificate reports that the card has no such certificate.
	ErrNoCertificate = errors.New("no certificate on the card")
	// ErrPINRequired reports that the PIN must be verified first. Phones require it to read
	// the authentication certificate; all cards require the signature password to read the
	// signature certificate.
	ErrPINRequired = errors.New("PIN or password required")
)

// maxCertificate bounds a certificate, in bytes; real ones have about 1600.
const maxCertificate = 32 << 10

// AuthCertificate reads the user-authentication certificate
// (利用者証明用電子証明書). It contains no name or address, but its serial number and
// subject identify its holder: treat it as personal data.
//
// It returns [ErrNoCertificate], [ErrPINRequired], [trust.ErrMalformed] or
// [trust.ErrWrongKind].
func (a *Application) AuthCertificate(ctx context.Context) (*x509.Certificate, error) {
	return a.certificateOf(ctx, a.authentication())
}

// AuthCACertificate reads the authentication CA certificate that is stored on the card. It
// checks nothing: any card can contain any CA certificate.
func (a *Application) AuthCACertificate(ctx context.Context) (*x509.Certificate, error) {
	return a.readCertificate(ctx, a.generation.Authentication.CACertificate)
}

// AuthCertificateDER reads the file of the user-authentication certificate: one DER
// object, which may be a certificate that [Application.AuthCertificate] rejects. It is
// personal data. It returns the errors of AuthCertificate except [trust.ErrWrongKind].
func (a *Application) AuthCertificateDER(ctx context.Context) ([]byte, error) {
	return a.readDER(ctx, a.generation.Authentication.Certificate)
}

// AuthCACertificateDER reads the file of the CA certificate that [Application.AuthCACertificate]
// returns, as one DER object.
func (a *Application) AuthCACertificateDER(ctx context.Context) ([]byte, error) {
	return a.readDER(ctx, a.generation.Authentication.CACertificate)
}

// SignatureCertificate reads the signature certificate (署名用電子証明書), which contains
// its holder's name, address, date of birth and sex: see [ParseAttributes]. The signature
// password must be verified. It returns the errors of [Application.AuthCertificate].
func (a *Application) SignatureCertificate(ctx context.Context) (*x509.Certificate, error) {
	return a.certificateOf(ctx, a.signature())
}

// SignatureCACertificate is like AuthCACertificate, for the signature certificate.
func (a *Application) SignatureCACertificate(ctx context.Context) (*x509.Certificate, error) {
	return a.readCertificate(ctx, a.generation.Signature.CACertificate)
}

// certificateOf reads a key's certificate and checks its kind.
func (a *Application) certificateOf(ctx context.Context, key *cardKey) (*x509.Certificate, error) {
	certificate, err := a.readCertificate(ctx, key.Certificate)
	if err != nil {
		return nil, err
	}
	if err := key.checkKind(certificate); err != nil {
		return nil, err
	}
	return certificate, nil
}

// usable reads a key's certificate and rejects one that can't be used now, before a PIN is
// sent for it.
func (a *Application) usable(ctx context.Context, key *cardKey) (*x509.Certificate, error) {
	certificate, err := a.certificateOf(ctx, key)
	if err != nil {
		return nil, err
	}
	if err := trust.CheckValidity(certificate, a.config.now(), a.config.allowExpired); err != nil {
		return nil, err
	}
	if err := key.checkKey(certificate); err != nil {
		return nil, err
	}
	return certificate, nil
}

// usableCertificate reads the authentication certificate, rejects one that can't be used
// now, and finds out who issued it.
func (a *Application) usableCertificate(ctx context.Context) (*x509.Certificate, error) {
	certificate, err := a.usable(ctx, a.authentication())
	if err != nil {
		return nil, err
	}
	if _, err = a.Issuer(ctx, certificate); err != nil {
		return nil, err
	}
	if a.config.withCA && a.caCertificate == nil {
		if _, err = a.cardCA(ctx); err != nil && !errors.Is(err, trust.ErrUnknownIssuer) {
			return nil, err
		}
	}
	return certificate, nil
}

func (a *Application) usableSignatureCertificate(ctx context.Context) (*x509.Certificate, error) {
	return a.usable(ctx, a.signature())
}

// Issuer finds out who issued the card's authentication certificate, as [WithChain]
// describes. Without [WithChain], [RequireChain] and [TrustSimulator] it returns
// [trust.IssuerUnknown] and sends nothing.
//
// For an unknown issuer it returns [trust.IssuerUnknown], or [trust.ErrUnknownIssuer] with
// [RequireChain]. It also returns [trust.ErrIssuerExpired] and the transport's error. It honors
// [WithClock].
func (a *Application) Issuer(ctx context.Context, certificate *x509.Certificate) (trust.Issuer, error) {
	if a.config.trust == nil {
		return trust.IssuerUnknown, nil
	}
	return a.config.trust.Issuer(certificate, a.config.now(), func() (*x509.Certificate, error) { return a.cardCA(ctx) })
}

// cardCA reads the CA certificate on the card, for the evidence too. It returns
// [trust.ErrUnknownIssuer] if the card has no usable one.
func (a *Application) cardCA(ctx context.Context) (*x509.Certificate, error) {
	ca, err := a.AuthCACertificate(ctx)
	if errors.Is(err, ErrNoCertificate) || errors.Is(err, trust.ErrMalformed) || errors.As(err, new(apdu.Status)) {
		// The card's own answer. It is quoted and not wrapped: ErrPINRequired, for
		// example, is about the holder's certificate.
		return nil, fmt.Errorf("%w: CA certificate on the card: %v", trust.ErrUnknownIssuer, err)
	}
	if err == nil {
		a.caCertificate = ca.Raw
	}
	return ca, err
}

func (a *Application) readDER(ctx context.Context, file byte) ([]byte, error) {
	der, err := a.session.ReadObject(ctx, file, maxCertificate)
	switch {
	case errors.Is(err, apdu.ErrBlankFile), errors.Is(err, apdu.StatusFileNotFound):
		return nil, fmt.Errorf("%w: %w", ErrNoCertificate, err)
	case errors.Is(err, apdu.ErrMalformedObject), errors.Is(err, apdu.ErrObjectTooLong), errors.Is(err, apdu.ErrNoProgress):
		return nil, fmt.Errorf("%w: %w", trust.ErrMalformed, err)
	case errors.Is(err, apdu.StatusSecurityNotSatisfied):
		return nil, fmt.Errorf("%w: %w", ErrPINRequired, err)
	case err != nil:
		return nil, fmt.Errorf("certificate: %w", err)
	}
	if object := cryptobyte.String(der); !object.SkipASN1(tag.SEQUENCE) || !object.Empty() {
		return nil, fmt.Errorf("%w: not a DER object", trust.ErrMalformed)
	}
	return der, nil
}

func (a *Application) readCertificate(ctx context.Context, file byte) (*x509.Certificate, error) {
	der, err := a.readDER(ctx, file)
	if err != nil {
		return nil, err
	}
	return trust.Parse(der)
}
