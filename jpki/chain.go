package jpki

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Chain says who issued a certificate, as far as that was established.
type Chain string

// The chains.
const (
	// ChainUnknown: not looked for, or not found.
	ChainUnknown Chain = "unknown"
	// ChainPinned: one of J-LIS's authorities for user authentication, which
	// this package knows by their fingerprints.
	ChainPinned Chain = "pinned"
	// ChainCaller: an authority that the caller gave.
	ChainCaller Chain = "caller"
	// ChainSimulator: the authority of a simulated card, which proves nothing.
	ChainSimulator Chain = "simulator"
)

var (
	// ErrUnknownIssuer: no authority that is trusted has issued the
	// certificate, whatever the names in it say.
	ErrUnknownIssuer = errors.New("certificate's issuer is not known")
	// ErrIssuerExpired: an authority that is trusted has issued the
	// certificate, and its own certificate can't be used now.
	ErrIssuerExpired = errors.New("issuer's certificate is out of its time")
)

// production are the SHA-256 fingerprints of J-LIS's certificates for user
// authentication (利用者証明用認証局), which it publishes. All generations have
// the same name. The second, of 2019, is missing: its fingerprint is not known
// here yet, so cards that it issued have an unknown chain.
var production = fingerprints(
	"4DCFC4CA0AAF9FB2A3081B3F0C991C320B3ACC008667A341EEAEC5AF1D58CA7D", // 2015-10-20 to 2025-10-19
	"64114F29620C24ED2631D46476A040E7EE740D956089C00B036A6A8118C322B5", // 2023-07-16 to 2033-07-15
)

type fingerprint [sha256.Size]byte

func fingerprints(hexadecimal ...string) (list []fingerprint) {
	for _, text := range hexadecimal {
		var f fingerprint
		if n, err := hex.Decode(f[:], []byte(text)); err != nil || n != len(f) {
			panic("fingerprint: " + text) // of a constant above
		}
		list = append(list, f)
	}
	return list
}

// trust is whose certificates are believed.
type trust struct {
	pinned    []fingerprint
	caller    []*x509.Certificate
	simulator []*x509.Certificate
	required  bool
}

// WithChain has [Authenticate] and [Application.Ready] find out who issued the
// certificate: one of J-LIS's authorities, by its fingerprint, or one of these.
// What they find is [Authentication.Chain]; an unknown issuer is no error. An
// authority that is out of its time is: [ErrIssuerExpired].
//
// It costs reading one more certificate, before the PIN is sent where the card
// shows its own certificate then. Revocation is not checked, neither the
// certificate's nor the authority's.
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
// [ErrWrongKind] for a certificate that J-LIS issued for something else, or as
// [Application.AuthCACertificate]. The option [WithClock] matters here.
func (a *Application) Chain(ctx context.Context, certificate *x509.Certificate) (Chain, error) {
	t := a.config.trust
	if t == nil {
		return ChainUnknown, nil
	}
	chain, issuer, err := a.issuerOf(ctx, certificate)
	switch {
	case err != nil:
		return ChainUnknown, err
	case issuer == nil && t.required, chain == ChainSimulator && t.required:
		return ChainUnknown, ErrUnknownIssuer
	case issuer == nil:
		return ChainUnknown, nil
	}
	if v := ValidityAt(issuer, a.config.now()); v != Valid && v != Expiring {
		return ChainUnknown, fmt.Errorf("%w: %s", ErrIssuerExpired, v)
	}
	// The policy is J-LIS's own to set; of others' certificates only a wrong one
	// was refused.
	if chain == ChainPinned && !slices.ContainsFunc(certificate.Policies, forAuthentication) {
		return ChainUnknown, fmt.Errorf("%w: without its policy", ErrWrongKind)
	}
	return chain, nil
}

// issuerOf finds the authority that signed the certificate. Names are not looked
// at: all generations have the same, and anybody can write it.
func (a *Application) issuerOf(ctx context.Context, certificate *x509.Certificate) (Chain, *x509.Certificate, error) {
	if len(certificate.UnhandledCriticalExtensions) > 0 {
		return ChainUnknown, nil, nil // it says something that matters and that is not understood
	}
	signed := func(authority *x509.Certificate) bool { return certificate.CheckSignatureFrom(authority) == nil }
	t := a.config.trust
	if i := slices.IndexFunc(t.caller, signed); i >= 0 {
		return ChainCaller, t.caller[i], nil
	}
	if i := slices.IndexFunc(t.simulator, signed); i >= 0 {
		return ChainSimulator, t.simulator[i], nil
	}
	// J-LIS's certificate is on the card; any card can hold any, so it is known
	// by its fingerprint.
	authority, err := a.AuthCACertificate(ctx)
	switch {
	case errors.Is(err, ErrNoCertificate), errors.Is(err, ErrMalformedCertificate), errors.Is(err, ErrPINRequired):
		return ChainUnknown, nil, nil
	case err != nil:
		return ChainUnknown, nil, err
	case slices.Contains(t.pinned, fingerprint(sha256.Sum256(authority.Raw))) && signed(authority):
		return ChainPinned, authority, nil
	}
	return ChainUnknown, nil, nil
}

// authenticationPolicies is where the policies of authentication certificates
// stand. Observed; not in a public specification.
const authenticationPolicies = "1.2.392.200149.8.5.1.3."

func forAuthentication(policy x509.OID) bool {
	return strings.HasPrefix(policy.String(), authenticationPolicies)
}
