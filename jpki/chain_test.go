package jpki_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/apdu"
	"github.com/mykeykit/mykeykit/internal/cardtest"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/jpki/trust"
	"github.com/mykeykit/mykeykit/reader"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// Who issued the certificate, by what is trusted, and what is refused without a
// PIN being sent.
//
// Faults: F59.
func TestChain(t *testing.T) {
	ctx := context.Background()
	card := cardtest.Open(t, simulator.Contact).Card
	authority := card.CACertificate()
	namesake := newIssuer(t, forger(), func(c *x509.Certificate) { c.RawSubject, c.SubjectKeyId = authority.RawSubject, authority.SubjectKeyId }).certificate
	future := jpki.WithClock(func() time.Time { return time.Now().AddDate(9, 0, 0) })
	for _, tt := range []struct {
		name    string
		profile simulator.Profile
		options []jpki.CardOption
		chain   trust.Chain
		err     error
	}{
		{"not asked for", simulator.Contact, nil, trust.Unknown, nil},
		{"of nobody who is trusted", simulator.Contact, []jpki.CardOption{jpki.WithChain()}, trust.Unknown, nil},
		{"required, of nobody who is trusted", simulator.Contact, []jpki.CardOption{jpki.RequireChain()}, "", trust.ErrUnknownIssuer},
		{"the caller's", simulator.Contact, []jpki.CardOption{jpki.RequireChain(namesake, authority)}, trust.Caller, nil},
		{"the caller's has the same name and another key", simulator.Contact, []jpki.CardOption{jpki.RequireChain(namesake)}, "", trust.ErrUnknownIssuer},
		{"pinned", simulator.Contact, []jpki.CardOption{jpki.RequireChain(), jpki.WithPinned(authority)}, trust.Pinned, nil},
		{"pinned, with extended lengths", simulator.ContactExtended, []jpki.CardOption{jpki.RequireChain(), jpki.WithPinned(authority)}, trust.Pinned, nil},
		{"pinned is another of the same name", simulator.Contact, []jpki.CardOption{jpki.RequireChain(), jpki.WithPinned(namesake)}, "", trust.ErrUnknownIssuer},
		{"the simulator's", simulator.Contact, []jpki.CardOption{jpki.TrustSimulator(authority)}, trust.Simulator, nil},
		{"the simulator's, where a real one is required", simulator.Contact, []jpki.CardOption{jpki.TrustSimulator(authority), jpki.RequireChain()}, "", trust.ErrUnknownIssuer},
		{"a generation that has expired", simulator.Contact, []jpki.CardOption{jpki.WithChain(authority), jpki.AllowExpired(), future}, "", trust.ErrIssuerExpired},
		{"a pinned generation that has expired", simulator.Contact, []jpki.CardOption{jpki.WithChain(), jpki.WithPinned(authority), jpki.AllowExpired(), future}, "", trust.ErrIssuerExpired},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := cardtest.Open(t, tt.profile)
			if tt.profile != simulator.Contact { // each profile has an authority of its own
				require.Equal(t, authority.RawSubjectPublicKeyInfo, d.Card.CACertificate().RawSubjectPublicKeyInfo)
				tt.options = append(tt.options, jpki.WithPinned(d.Card.CACertificate()))
			}
			got, err := jpki.Authenticate(ctx, d.Connection, pin(t, simulator.PIN), tt.options...)
			require.ErrorIs(t, err, tt.err)
			if tt.err != nil {
				assert.Zero(t, d.Secrets(), "found out before the PIN")
				return
			}
			assert.Equal(t, tt.chain, got.Chain)
			assert.Equal(t, 1, d.Secrets())
			assert.Contains(t, got.String(), "issuer "+string(tt.chain))
		})
	}
}

// A phone shows its certificate after the PIN, so its issuer is found out then;
// it is left unverified all the same.
func TestChainOfAPhone(t *testing.T) {
	ctx := context.Background()
	d := cardtest.Open(t, simulator.Android)
	got, err := jpki.Authenticate(ctx, d.Connection, pin(t, simulator.PIN), jpki.RequireChain(), jpki.WithPinned(d.Card.CACertificate()))
	require.NoError(t, err)
	assert.Equal(t, trust.Pinned, got.Chain)

	_, err = jpki.Authenticate(ctx, d.Connection, pin(t, simulator.PIN), jpki.RequireChain())
	require.ErrorIs(t, err, trust.ErrUnknownIssuer)
	assert.Equal(t, 2, d.Secrets())
	assert.False(t, d.Card.State().AuthVerified)
}

// A certificate's key usage says what it is for. The policy of authentication
// certificates was published once, so a genuine one may have another, or none; only
// the signature certificate's own contradicts the key usage.
//
// Faults: F55.
func TestPoliciesOfPinnedCertificates(t *testing.T) {
	jlis := newIssuer(t, holdersKey(), func(*x509.Certificate) {})
	for policy, want := range map[string]error{
		"1.2.392.200149.8.5.1.3.30":  nil,
		"1.2.392.200149.8.5.1.30.3":  nil,
		"1.2.392.200149.8.5.1.1.30":  nil, // beside the signature certificate's, as on test cards
		"1.2.392.200149.8.5.1.1.40":  nil,
		"1.2.392.200149.8.5.1.0.30":  nil, // a test card's
		"2.5.29.32.0":                nil, // any policy
		"1.2.3":                      nil,
		"":                           nil,
		"1.2.392.200149.8.5.1.1.20":  trust.ErrWrongKind,
		"1.2.392.200149.8.5.1.0.20":  trust.ErrWrongKind, // a test card's
		"1.2.392.200149.8.5.1.1.200": nil,
	} {
		leaf := jlis.issue(t, forger(), func(c *x509.Certificate) {
			c.Policies = nil
			if policy != "" {
				c.Policies = []x509.OID{oid(t, policy)}
			}
		})
		d := cardtest.Open(t, simulator.Contact)
		d.ServeFiles(map[byte][]byte{0x0A: leaf, 0x0B: jlis.certificate.Raw})
		d.SignWith(signedBy(t, forger()))
		got, err := jpki.Authenticate(context.Background(), d.Connection, pin(t, simulator.PIN), jpki.WithChain(), jpki.WithPinned(jlis.certificate))
		require.ErrorIs(t, err, want, policy)
		if want == nil {
			assert.Equal(t, trust.Pinned, got.Chain)
			continue
		}
		assert.Zero(t, d.Secrets())
	}
}

// An authority is certified again with the same key, as when its certificate
// ends: the one that is in its time decides, in whatever order they are given.
func TestAnAuthorityThatWasCertifiedAgain(t *testing.T) {
	old := newIssuer(t, holdersKey(), func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Hour) })
	current := newIssuer(t, holdersKey(), func(*x509.Certificate) {})
	leaf := old.issue(t, forger(), func(*x509.Certificate) {})
	for _, given := range [][]*x509.Certificate{{old.certificate, current.certificate}, {current.certificate, old.certificate}} {
		d := cardtest.Open(t, simulator.Contact)
		signs(d, leaf, signedBy(t, forger()))
		got, err := jpki.Authenticate(context.Background(), d.Connection, pin(t, simulator.PIN), jpki.RequireChain(given...))
		require.NoError(t, err)
		assert.Equal(t, trust.Caller, got.Chain)
	}
}

// The card's copy of its authority's certificate is read where J-LIS may have
// issued the holder's, which names its issuer's key, and where nothing cheaper
// decides.
func TestTheAuthorityIsReadWhereItMatters(t *testing.T) {
	card := cardtest.Open(t, simulator.ContactExtended).Card
	stranger := newIssuer(t, forger(), func(c *x509.Certificate) { c.SubjectKeyId = []byte("another") })
	for _, tt := range []struct {
		name   string
		option jpki.Option
		chain  trust.Chain
		reads  int
	}{
		{"not asked for", jpki.AllowExpired(), trust.Unknown, 0},
		{"J-LIS has another key", jpki.WithChain(), trust.Unknown, 0},
		{"the caller's", jpki.WithChain(card.CACertificate()), trust.Caller, 0},
		{"the simulator's", jpki.TrustSimulator(card.CACertificate()), trust.Simulator, 0},
		{"pinned is another", jpki.WithPinned(stranger.certificate), trust.Unknown, 0},
		{"pinned", jpki.WithPinned(card.CACertificate()), trust.Pinned, 1},
	} {
		d := cardtest.Open(t, simulator.ContactExtended)
		a := open(t, d, tt.option)
		certificate, err := a.AuthCertificate(context.Background())
		require.NoError(t, err)
		require.NotEmpty(t, certificate.AuthorityKeyId)
		before := len(d.Sent())
		chain, err := a.Chain(context.Background(), certificate)
		require.NoError(t, err, tt.name)
		assert.Equal(t, tt.chain, chain, tt.name)
		assert.Len(t, d.Sent()[before:], tt.reads, tt.name)
	}

	// One that names no key may be anybody's.
	jlis := newIssuer(t, authoritysKey(), func(*x509.Certificate) {})
	nameless := *jlis.certificate
	nameless.SubjectKeyId = nil
	leaf := issuer{&nameless, jlis.key}.issue(t, forger(), func(*x509.Certificate) {})
	d := cardtest.Open(t, simulator.ContactExtended)
	d.ServeFiles(map[byte][]byte{0x0A: leaf, 0x0B: jlis.certificate.Raw})
	a := open(t, d, jpki.WithPinned(jlis.certificate))
	certificate, err := a.AuthCertificate(context.Background())
	require.NoError(t, err)
	require.Empty(t, certificate.AuthorityKeyId)
	chain, err := a.Chain(context.Background(), certificate)
	require.NoError(t, err)
	assert.Equal(t, trust.Pinned, chain)
}

// A card that can't show its authority's certificate has an unknown issuer, and
// nothing worse; only a wire that fails is a failure.
func TestCardsWithoutTheirAuthority(t *testing.T) {
	for _, tt := range []struct {
		name   string
		answer []byte
		err    error // of the wire
	}{
		{"no such file", []byte{0x6A, 0x82}, nil},
		{"blank", append(bytes.Repeat([]byte{0xFF}, 256), 0x90, 0x00), nil},
		{"not a certificate", append(append([]byte{0x30, 0x82, 0x00, 0xFC}, make([]byte, 252)...), 0x90, 0x00), nil},
		{"after the PIN", []byte{0x69, 0x82}, nil},
		{"not a file to be read", []byte{0x69, 0x81}, nil},
		{"a failure", []byte{0x6F, 0x00}, nil},
		{"removed", nil, reader.ErrRemoved},
	} {
		for _, required := range []bool{false, true} {
			d := cardtest.Open(t, simulator.Contact)
			d.After = func(_ int, c apdu.Command, response []byte) ([]byte, error) {
				if isRead(c) && c.P1 == 0x8B {
					return tt.answer, tt.err
				}
				return response, nil
			}
			options := []jpki.CardOption{jpki.WithChain(), jpki.WithPinned(d.Card.CACertificate())}
			if required {
				options = append(options, jpki.RequireChain())
			}
			got, err := jpki.Authenticate(context.Background(), d.Connection, pin(t, simulator.PIN), options...)
			want, pins := tt.err, 0
			switch {
			case want == nil && required:
				want = trust.ErrUnknownIssuer
			case want == nil:
				pins = 1
			}
			require.ErrorIs(t, err, want, tt.name)
			assert.Equal(t, pins, d.Secrets(), tt.name)
			assert.NotErrorIs(t, err, jpki.ErrPINRequired, tt.name)
			if err == nil {
				assert.Equal(t, trust.Unknown, got.Chain, tt.name)
			}
		}
	}
}

// What is pinned is what card documentation and J-LIS's repository say, and no
// simulated or test authority.
func TestPinnedFingerprints(t *testing.T) {
	var pinned []string
	for _, a := range trust.JLIS() {
		pinned = append(pinned, fmt.Sprintf("%x %x", a.Fingerprint, a.KeyID))
	}
	assert.Equal(t, []string{
		"4dcfc4ca0aaf9fb2a3081b3f0c991c320b3acc008667a341eeaec5af1d58ca7d 9567951b5ca70d84a0fff1d85a87f1aab1340385",
		"0d98de47fc11b7f67126874b7028b6026a803d2638d6edfe53176953961fade6 8cd5586a891485e559379b7e29d410cfd28b3593",
		"64114f29620c24ed2631d46476a040e7ee740d956089c00b036a6a8118c322b5 1ac100f596a3bc8c4b3df195e32699249e9e308a",
	}, pinned)
}
