package trust

import (
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Issuer is the kind of issuer of a certificate, as far as that was established.
type Issuer string

// The kinds of issuers.
const (
	IssuerUnknown   Issuer = "unknown"   // not checked, or no trusted CA issued it
	IssuerPinned    Issuer = "pinned"    // one of the policy's anchors, such as J-LIS's
	IssuerCaller    Issuer = "caller"    // a CA that the caller supplied
	IssuerSimulator Issuer = "simulator" // the CA of a simulated card, which proves nothing
)

var (
	// ErrUnknownIssuer reports that no trusted CA issued the certificate, whatever the
	// names in it say, or that the CA that signed it is not allowed to issue it.
	ErrUnknownIssuer = errors.New("unknown issuer")
	// ErrIssuerExpired reports that a trusted CA issued the certificate, and that the CA
	// certificate is expired or not yet valid.
	ErrIssuerExpired = errors.New("CA certificate expired or not yet valid")
	// ErrNotAccepted reports that a TLS server accepts no certificate of the card's CA, or
	// no signature that the card can make. Package cardtls returns it.
	ErrNotAccepted = errors.New("server does not accept the card's certificate")
)

// Policy says which issuers are trusted. The zero Policy trusts none.
type Policy struct {
	Anchors      []Anchor            // pinned CA certificates
	CAs          []*x509.Certificate // of the caller; see [CheckCACertificate]
	SimulatorCAs []*x509.Certificate // of simulated cards, for tests: anybody may have their keys
	Required     bool                // reject unknown issuers and the simulator's CA
}

// Issuer finds out who issued a certificate. cardCA returns the CA certificate on the card; pass nil if there
// is no card. Issuer calls cardCA only if none of the CA certificates in the policy issued the certificate, and
// an anchor without a Certificate may have. If the card has no usable CA certificate, cardCA must return an
// error that matches [ErrUnknownIssuer].
//
// For an unknown issuer it returns IssuerUnknown, or [ErrUnknownIssuer] if Required is set. It
// also returns [ErrIssuerExpired] and cardCA's errors.
func (p *Policy) Issuer(certificate *x509.Certificate, now time.Time, cardCA func() (*x509.Certificate, error)) (Issuer, error) {
	issuer, _, err := p.IssuingCA(certificate, now, cardCA)
	return issuer, err
}

// IssuingCA is like [Policy.Issuer] and also returns the CA certificate whose key signed
// the certificate, or nil if the issuer is unknown.
func (p *Policy) IssuingCA(certificate *x509.Certificate, now time.Time, cardCA func() (*x509.Certificate, error)) (Issuer, *x509.Certificate, error) {
	issuer, ca, err := p.find(certificate, now, cardCA)
	switch {
	case errors.Is(err, ErrUnknownIssuer) && !p.Required:
		return IssuerUnknown, nil, nil
	case err != nil:
		return IssuerUnknown, nil, err
	case issuer == IssuerSimulator && p.Required:
		return IssuerUnknown, nil, fmt.Errorf("%w: the simulator's", ErrUnknownIssuer)
	}
	if !isValid(ca, now) {
		return IssuerUnknown, nil, fmt.Errorf("%w: %s", ErrIssuerExpired, ValidityAt(ca, now))
	}
	return issuer, ca, nil
}

// find finds the CA certificate whose key signed the certificate. It does not look at
// names.
func (p *Policy) find(certificate *x509.Certificate, now time.Time, cardCA func() (*x509.Certificate, error)) (Issuer, *x509.Certificate, error) {
	if err := checkSignatureAlgorithm(certificate); err != nil {
		return IssuerUnknown, nil, fmt.Errorf("%w: %w", ErrUnknownIssuer, err)
	}
	unknown := ErrUnknownIssuer
	var pinned []*x509.Certificate
	for _, a := range p.Anchors {
		if a.Certificate != nil && a.matches(a.Certificate) {
			pinned = append(pinned, a.Certificate)
		}
	}
	for _, given := range []struct {
		issuer Issuer
		cas    []*x509.Certificate
	}{{IssuerPinned, pinned}, {IssuerCaller, p.CAs}, {IssuerSimulator, p.SimulatorCAs}} {
		ca, rejected := findCA(given.cas, certificate, now)
		switch {
		case ca != nil:
			return given.issuer, ca, nil
		case rejected != nil:
			unknown = fmt.Errorf("%w: %w", unknown, rejected)
		}
	}
	if !slices.ContainsFunc(p.Anchors, func(a Anchor) bool { return a.Certificate == nil && a.mayHaveIssued(certificate) }) {
		return IssuerUnknown, nil, unknown
	}
	if cardCA == nil {
		return IssuerUnknown, nil, unknown
	}
	ca, err := cardCA()
	switch {
	case errors.Is(err, ErrUnknownIssuer):
		return IssuerUnknown, nil, fmt.Errorf("%w: %w", unknown, err)
	case err != nil:
		return IssuerUnknown, nil, err
	case !slices.ContainsFunc(p.Anchors, func(a Anchor) bool { return a.matches(ca) }) || !signed(ca, certificate):
		return IssuerUnknown, nil, unknown
	}
	if err := mayIssue(ca, certificate); err != nil {
		return IssuerUnknown, nil, fmt.Errorf("%w: %w", unknown, err)
	}
	return IssuerPinned, ca, nil
}

// findCA finds the CA certificate that issued the certificate, or returns nil and, if a
// key signed it whose CA certificate is rejected, the reason. A key may have several CA
// certificates; findCA prefers a valid one.
func findCA(cas []*x509.Certificate, certificate *x509.Certificate, now time.Time) (found *x509.Certificate, rejected error) {
	for _, ca := range cas {
		if !signed(ca, certificate) {
			continue
		}
		err := mayIssue(ca, certificate)
		switch {
		case err != nil:
			rejected = err
		case isValid(ca, now):
			return ca, nil
		case found == nil:
			found = ca
		}
	}
	return found, rejected
}

// signed reports whether the CA's key signed the certificate. It checks nothing else.
func signed(ca, certificate *x509.Certificate) bool {
	return ca.CheckSignature(certificate.SignatureAlgorithm, certificate.RawTBSCertificate, certificate.Signature) == nil
}

func isValid(certificate *x509.Certificate, now time.Time) bool {
	v := ValidityAt(certificate, now)
	return v == Valid || v == Expiring
}
