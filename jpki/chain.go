package jpki

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"github.com/mykeykit/mykeykit/apdu"
)

// Chain says who issued a certificate, as far as that was established.
type Chain string

// The chains.
const (
	// ChainUnknown: not looked for, or not found.
	ChainUnknown Chain = "unknown"
	// ChainPinned: one of J-LIS's authorities for user authentication, which
	// this package knows by their fingerprints: those of 2015 (expired on
	// 2025-10-19), 2019 and 2023. The authorities of phones are not published, and
	// what they issued is ChainUnknown unless a caller gives the CA certificate.
	ChainPinned Chain = "pinned"
	// ChainCaller: an authority that the caller gave.
	ChainCaller Chain = "caller"
	// ChainSimulator: the authority of a simulated card, which proves nothing.
	ChainSimulator Chain = "simulator"
)

var (
	// ErrUnknownIssuer: no authority that is trusted has issued the
	// certificate, whatever the names in it say; or one whose key signed it may not
	// issue it, as the error's text says then.
	ErrUnknownIssuer = errors.New("certificate's issuer is not known")
	// ErrIssuerExpired: an authority that is trusted has issued the
	// certificate, and its own certificate can't be used now.
	ErrIssuerExpired = errors.New("issuer's certificate is out of its time")
)

// production are J-LIS's certificates for user authentication
// (利用者証明用認証局), by their fingerprints. All generations have the same name.
var production = []anchor{
	// 2015-10-20 to 2025-10-19
	newAnchor("4DCFC4CA0AAF9FB2A3081B3F0C991C320B3ACC008667A341EEAEC5AF1D58CA7D", "9567951B5CA70D84A0FFF1D85A87F1AAB1340385"),
	// 2019-09-14 to 2029-09-14. Computed from two published copies of the
	// certificate, which agree and verify; not seen at J-LIS itself.
	newAnchor("0D98DE47FC11B7F67126874B7028B6026A803D2638D6EDFE53176953961FADE6", "8CD5586A891485E559379B7E29D410CFD28B3593"),
	// 2023-07-16 to 2033-07-15
	newAnchor("64114F29620C24ED2631D46476A040E7EE740D956089C00B036A6A8118C322B5", "1AC100F596A3BC8C4B3DF195E32699249E9E308A"),
}

// anchor is an authority whose certificate is not here but is known when seen.
type anchor struct {
	fingerprint [sha256.Size]byte
	// key is its subject key identifier, by which those that it issued name it
	// (RFC 5280 §4.2.1.1). Anybody can name it, so that proves nothing; who names
	// another is not its.
	key []byte
}

func newAnchor(fingerprint, key string) (a anchor) {
	n, err := hex.Decode(a.fingerprint[:], []byte(fingerprint))
	id, keyErr := hex.DecodeString(key)
	if err != nil || keyErr != nil || n != len(a.fingerprint) {
		panic("anchor: " + fingerprint) // of a constant above
	}
	a.key = id
	return a
}

func (a anchor) is(authority *x509.Certificate) bool {
	return a.fingerprint == sha256.Sum256(authority.Raw)
}

func (a anchor) mayHaveIssued(certificate *x509.Certificate) bool {
	return len(certificate.AuthorityKeyId) == 0 || bytes.Equal(certificate.AuthorityKeyId, a.key)
}

// trust is whose certificates are believed.
type trust struct {
	pinned    []anchor
	caller    []*x509.Certificate
	simulator []*x509.Certificate
	required  bool
}

// WithChain has [Authenticate] and [Application.Ready] find out who issued the
// certificate: one of J-LIS's authorities, by its fingerprint, or one of these.
// What they find is [Authentication.Chain]; an unknown issuer is no error. An
// authority that is out of its time is: [ErrIssuerExpired].
//
// An authority that is given is believed for what its certificate allows, and is no
// issuer of a card's beyond: see [CheckCACertificate]. Where it lists certificate
// policies, and not any policy, the card's certificate has to have one of them.
//
// Where none of these issued it, and J-LIS may have, that costs reading one more
// certificate, before the PIN is sent where the card shows its own certificate
// then. Revocation is not checked, neither the certificate's nor the authority's.
func WithChain(authorities ...*x509.Certificate) Option {
	return func(c *config) { c.believe().caller = append(c.believe().caller, authorities...) }
}

// RequireChain is [WithChain] that refuses an unknown issuer, and the
// simulator's, with [ErrUnknownIssuer]: before the PIN is sent, where that can
// be.
func RequireChain(authorities ...*x509.Certificate) Option {
	return func(c *config) {
		WithChain(authorities...)(c)
		c.trust.required = true
	}
}

// TrustSimulator has the authority of simulated cards taken for
// [ChainSimulator], in tests. Anybody may have its key.
func TrustSimulator(authority *x509.Certificate) Option {
	return func(c *config) { c.believe().simulator = append(c.believe().simulator, authority) }
}

func (c *config) believe() *trust {
	if c.trust == nil {
		c.trust = &trust{pinned: production}
	}
	return c.trust
}

// Chain finds out who issued the card's authentication certificate, as
// [WithChain] describes. Without one of [WithChain], [RequireChain] and
// [TrustSimulator] it is [ChainUnknown], and nothing is sent.
//
// It fails with [ErrUnknownIssuer] where a chain is required, [ErrIssuerExpired],
// or the transmitter's error. It honors [WithClock].
func (a *Application) Chain(ctx context.Context, certificate *x509.Certificate) (Chain, error) {
	t := a.config.trust
	if t == nil {
		return ChainUnknown, nil
	}
	chain, issuer, err := a.issuerOf(ctx, certificate)
	switch {
	case errors.Is(err, ErrUnknownIssuer) && !t.required:
		return ChainUnknown, nil
	case err != nil:
		return ChainUnknown, err
	case chain == ChainSimulator && t.required:
		return ChainUnknown, fmt.Errorf("%w: the simulator's", ErrUnknownIssuer)
	}
	if !a.config.inTime(issuer) {
		return ChainUnknown, fmt.Errorf("%w: %s", ErrIssuerExpired, ValidityAt(issuer, a.config.now()))
	}
	return chain, nil
}

// issuerOf finds the authority that signed the certificate, or fails with
// [ErrUnknownIssuer] or the transmitter's error. Names are not looked at: all
// generations have the same, and anybody can write it.
func (a *Application) issuerOf(ctx context.Context, certificate *x509.Certificate) (Chain, *x509.Certificate, error) {
	t := a.config.trust
	if err := signedStrongly(certificate); err != nil {
		return ChainUnknown, nil, fmt.Errorf("%w: %w", ErrUnknownIssuer, err)
	}
	unknown := ErrUnknownIssuer
	for _, given := range []struct {
		chain       Chain
		authorities []*x509.Certificate
	}{{ChainCaller, t.caller}, {ChainSimulator, t.simulator}} {
		issuer, refused := a.config.issuerAmong(given.authorities, certificate)
		switch {
		case issuer != nil:
			return given.chain, issuer, nil
		case refused != nil:
			unknown = fmt.Errorf("%w: %w", unknown, refused)
		}
	}
	if !slices.ContainsFunc(t.pinned, func(p anchor) bool { return p.mayHaveIssued(certificate) }) {
		return ChainUnknown, nil, unknown
	}
	// J-LIS's certificate is on the card; any card can hold any, so it is known
	// by its fingerprint.
	authority, err := a.AuthCACertificate(ctx)
	var status apdu.Status
	switch {
	case errors.Is(err, ErrNoCertificate), errors.Is(err, ErrMalformedCertificate), errors.As(err, &status):
		// The card's own doing. It is told and not wrapped: [ErrPINRequired], say,
		// is of the holder's certificate.
		return ChainUnknown, nil, fmt.Errorf("%w: its certificate: %v", unknown, err)
	case err != nil:
		return ChainUnknown, nil, err
	case !slices.ContainsFunc(t.pinned, func(p anchor) bool { return p.is(authority) }) || !signed(authority, certificate):
		return ChainUnknown, nil, unknown
	}
	if err := mayIssue(authority, certificate); err != nil {
		return ChainUnknown, nil, fmt.Errorf("%w: %w", unknown, err)
	}
	return ChainPinned, authority, nil
}

// issuerAmong finds the authority that issued the certificate, or nil, and then
// why one whose key signed it is refused. An authority may be certified again with
// the same key, so the one that is valid now is tried first.
func (c config) issuerAmong(authorities []*x509.Certificate, certificate *x509.Certificate) (found *x509.Certificate, refused error) {
	for _, authority := range authorities {
		if !signed(authority, certificate) {
			continue
		}
		err := mayIssue(authority, certificate)
		switch {
		case err != nil:
			refused = err
		case c.inTime(authority):
			return authority, nil
		case found == nil:
			found = authority
		}
	}
	return found, refused
}

// signed tells whether the authority's key has signed the certificate, and nothing
// more.
func signed(authority, certificate *x509.Certificate) bool {
	return authority.CheckSignature(certificate.SignatureAlgorithm, certificate.RawTBSCertificate, certificate.Signature) == nil
}

func (c config) inTime(authority *x509.Certificate) bool {
	v := ValidityAt(authority, c.now())
	return v == Valid || v == Expiring
}
