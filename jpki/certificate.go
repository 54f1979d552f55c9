package jpki

import (
	"bytes"
	"context"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/crypto/cryptobyte"
	tag "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/mykeykit/mykeykit/apdu"
)

var (
	// ErrNoCertificate: the card holds no such certificate.
	ErrNoCertificate = errors.New("no certificate on the card")
	// ErrMalformedCertificate: what stands in the certificate's place is none.
	ErrMalformedCertificate = errors.New("malformed certificate")
	// ErrWrongKind: the certificate in the authentication or the signature
	// certificate's place is for something else: an authority's, or the other.
	ErrWrongKind = errors.New("certificate of another kind")
	// ErrPINRequired: this card shows the certificate only after the PIN, as
	// phones do, and every card its signature certificate only after the
	// signature password.
	ErrPINRequired = errors.New("PIN required")
	// ErrExpired and ErrNotYetValid: the certificate can't be used now. They
	// are the reasons of a [*ValidityError].
	ErrExpired     = errors.New("certificate expired")
	ErrNotYetValid = errors.New("certificate not yet valid")
)

// maxCertificate bounds a certificate, in bytes; real ones have about 1600.
const maxCertificate = 32 << 10

// AuthCertificate reads the user-authentication certificate
// (利用者証明用電子証明書). It holds no name or address, but its serial number
// and subject are its holder's alone: treat it as personal data.
//
// It fails with [ErrNoCertificate], [ErrMalformedCertificate], [ErrWrongKind],
// or [ErrPINRequired].
func (a *Application) AuthCertificate(ctx context.Context) (*x509.Certificate, error) {
	certificate, err := a.certificate(ctx, efAuthCertificate)
	if err != nil {
		return nil, err
	}
	if err := ofKind(certificate); err != nil {
		return nil, err
	}
	return certificate, nil
}

// AuthCACertificate reads the certificate of the authority that issued the
// authentication certificate, as the card has it. Nothing is checked: all
// generations have the same name, and any card can hold any.
func (a *Application) AuthCACertificate(ctx context.Context) (*x509.Certificate, error) {
	return a.certificate(ctx, efAuthCA)
}

// AuthCertificateDER reads what stands in the place of the user-authentication
// certificate, as it is: one DER object, which may be a certificate that
// [Application.AuthCertificate] refuses. It is personal data.
//
// It fails as AuthCertificate does, except with [ErrWrongKind].
func (a *Application) AuthCertificateDER(ctx context.Context) ([]byte, error) {
	return a.certificateDER(ctx, efAuthCertificate)
}

// AuthCACertificateDER is AuthCertificateDER for [Application.AuthCACertificate].
func (a *Application) AuthCACertificateDER(ctx context.Context) ([]byte, error) {
	return a.certificateDER(ctx, efAuthCA)
}

// SignatureCertificate reads the signature certificate (署名用電子証明書), which
// holds its holder's name, address, birth and sex: see [ParseAttributes]. The
// signature password must be verified.
//
// It fails as [Application.AuthCertificate] does.
func (a *Application) SignatureCertificate(ctx context.Context) (*x509.Certificate, error) {
	certificate, err := a.certificate(ctx, efSignatureCertificate)
	if err != nil {
		return nil, err
	}
	if err := forSigning(certificate); err != nil {
		return nil, err
	}
	return certificate, nil
}

// SignatureCACertificate reads the certificate of the authority that issued the
// signature certificate, as the card has it. Nothing is checked.
func (a *Application) SignatureCACertificate(ctx context.Context) (*x509.Certificate, error) {
	return a.certificate(ctx, efSignatureCA)
}

// usableSignatureCertificate reads the signature certificate and refuses one that
// could not be used.
func (a *Application) usableSignatureCertificate(ctx context.Context) (*x509.Certificate, error) {
	certificate, err := a.SignatureCertificate(ctx)
	if err != nil {
		return nil, err
	}
	if err := a.config.usable(certificate); err != nil {
		return nil, err
	}
	if _, err := usableKey(certificate); err != nil {
		return nil, err
	}
	return certificate, nil
}

func (a *Application) certificateDER(ctx context.Context, file byte) ([]byte, error) {
	der, err := a.readObject(ctx, file, maxCertificate)
	switch {
	case errors.Is(err, apdu.ErrBlankFile), errors.Is(err, apdu.StatusFileNotFound):
		return nil, fmt.Errorf("%w: %w", ErrNoCertificate, err)
	case errors.Is(err, apdu.ErrMalformedObject), errors.Is(err, apdu.ErrObjectTooLong), errors.Is(err, apdu.ErrNoProgress):
		return nil, fmt.Errorf("%w: %w", ErrMalformedCertificate, err)
	case errors.Is(err, apdu.StatusSecurityNotSatisfied):
		return nil, fmt.Errorf("%w: %w", ErrPINRequired, err)
	case err != nil:
		return nil, fmt.Errorf("certificate: %w", err)
	}
	if object := cryptobyte.String(der); !object.SkipASN1(tag.SEQUENCE) || !object.Empty() {
		return nil, fmt.Errorf("%w: not a DER object", ErrMalformedCertificate)
	}
	return der, nil
}

func (a *Application) certificate(ctx context.Context, file byte) (*x509.Certificate, error) {
	der, err := a.certificateDER(ctx, file)
	if err != nil {
		return nil, err
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		// The parser's words may quote the certificate's: left out.
		return nil, ErrMalformedCertificate
	}
	// RFC 5280 §4.1; the parser lets more follow.
	var parts []asn1.RawValue
	if _, err := asn1.Unmarshal(der, &parts); err != nil || len(parts) != 3 {
		return nil, fmt.Errorf("%w: more than a certificate", ErrMalformedCertificate)
	}
	if err := canonicalKey(certificate); err != nil {
		return nil, err
	}
	return certificate, nil
}

// canonicalKey returns an error if the certificate's key is not encoded as x509
// encodes it: the parser accepts bytes where none belong, and identifiers are
// derived from the encoding. A key that x509 can't encode is none that is used.
func canonicalKey(certificate *x509.Certificate) error {
	spki, err := x509.MarshalPKIXPublicKey(certificate.PublicKey)
	if err == nil && !bytes.Equal(spki, certificate.RawSubjectPublicKeyInfo) {
		return fmt.Errorf("%w: its key has another encoding than DER's", ErrMalformedCertificate)
	}
	return nil
}

// signaturePolicies are those of signature certificates (署名用電子証明書), of
// production and of test cards. Observed; not in a public specification.
var signaturePolicies = []string{"1.2.392.200149.8.5.1.1.20", "1.2.392.200149.8.5.1.0.20"}

// ofKind refuses a certificate that is not for user authentication: its key usage
// has to say so, and its extended key usage, where there is one, too. A policy of
// its own is not needed, for which number that is rests on one source; the signature
// certificate's contradicts the key usage. The signature certificate has its
// holder's name and address in it, which is why not even reading it is let pass.
func ofKind(certificate *x509.Certificate) error {
	usage := certificate.KeyUsage
	switch {
	case certificate.IsCA, usage&x509.KeyUsageCertSign != 0:
		return fmt.Errorf("%w: an authority's", ErrWrongKind)
	case usage&x509.KeyUsageContentCommitment != 0, slices.ContainsFunc(certificate.Policies, forSignatures):
		return fmt.Errorf("%w: one for signatures", ErrWrongKind)
	case usage&x509.KeyUsageDigitalSignature == 0:
		return fmt.Errorf("%w: its key usage is not digital signature", ErrWrongKind)
	case !forClients(certificate):
		return fmt.Errorf("%w: its extended key usage is not client authentication alone", ErrWrongKind)
	}
	return nil
}

// Extensions of RFC 5280 §4.2.1 of which has to be known whether they are there.
var (
	oidKeyUsage         = asn1.ObjectIdentifier{2, 5, 29, 15}
	oidNameConstraints  = asn1.ObjectIdentifier{2, 5, 29, 30}
	oidExtendedKeyUsage = asn1.ObjectIdentifier{2, 5, 29, 37}
)

func hasExtension(certificate *x509.Certificate, id asn1.ObjectIdentifier) bool {
	return slices.ContainsFunc(certificate.Extensions, func(e pkix.Extension) bool { return e.Id.Equal(id) })
}

// forClients reports whether the certificate's extended key usage is client
// authentication and nothing else. It may have none: of production cards this was
// not observed.
func forClients(certificate *x509.Certificate) bool {
	return !hasExtension(certificate, oidExtendedKeyUsage) ||
		len(certificate.UnknownExtKeyUsage) == 0 && slices.Equal(certificate.ExtKeyUsage, []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth})
}

// forSigning refuses a certificate that is not for signatures: its key usage has to
// say that it is.
func forSigning(certificate *x509.Certificate) error {
	usage := certificate.KeyUsage
	switch {
	case certificate.IsCA, usage&x509.KeyUsageCertSign != 0:
		return fmt.Errorf("%w: an authority's", ErrWrongKind)
	case usage&x509.KeyUsageContentCommitment == 0:
		return fmt.Errorf("%w: not one for signatures", ErrWrongKind)
	}
	return nil
}

func forSignatures(policy x509.OID) bool {
	return slices.Contains(signaturePolicies, policy.String())
}

// Validity is a certificate's state at some time. Revocation is no part of it:
// that is not checked.
type Validity string

// The states of validity.
const (
	Valid       Validity = "valid"
	Expiring    Validity = "expiring" // ends within 3 months, when it can be renewed
	Expired     Validity = "expired"
	NotYetValid Validity = "not-yet-valid"
)

// Japan is Japan's time zone, in which validity is counted and shown.
var Japan = time.FixedZone("JST", 9*60*60)

// ValidityAt judges a certificate's dates at a time; the first and the last
// second count as valid.
func ValidityAt(certificate *x509.Certificate, now time.Time) Validity {
	now = now.Truncate(time.Second)
	switch {
	case now.Before(certificate.NotBefore):
		return NotYetValid
	case now.After(certificate.NotAfter):
		return Expired
	case !now.Before(renewable(certificate.NotAfter)):
		return Expiring
	default:
		return Valid
	}
}

// renewable is when a certificate can be renewed: 3 months before its end, or
// on the last day of a month that is too short for that.
func renewable(end time.Time) time.Time {
	end = end.In(Japan)
	day := end.AddDate(0, -3, 0)
	for day.Day() != end.Day() && day.Day() < 4 { // 31 May less 3 months is "31 February", so in March
		day = day.AddDate(0, 0, -1)
	}
	return day
}

// ValidityError says that a certificate can't be used now, and when it can. Its
// text has no dates: errors are logged, and the day on which a certificate expires
// is its holder's birthday.
type ValidityError struct {
	Reason              error // ErrExpired or ErrNotYetValid
	Signature           bool  // it is the signature certificate
	NotBefore, NotAfter time.Time
}

func (e *ValidityError) Error() string {
	if e.Reason == nil {
		return "certificate can't be used now"
	}
	return e.Reason.Error()
}

// Unwrap gives the reason.
func (e *ValidityError) Unwrap() error { return e.Reason }

// usable is nil for a certificate that may be used now.
func (c config) usable(certificate *x509.Certificate) error {
	unusable := &ValidityError{NotBefore: certificate.NotBefore, NotAfter: certificate.NotAfter}
	unusable.Signature = certificate.KeyUsage&x509.KeyUsageContentCommitment != 0
	switch ValidityAt(certificate, c.now()) {
	case NotYetValid:
		unusable.Reason = ErrNotYetValid
	case Expired:
		if c.allowExpired {
			return nil
		}
		unusable.Reason = ErrExpired
	default:
		return nil
	}
	return unusable
}
