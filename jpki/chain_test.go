package jpki_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// sameName makes an authority with another's name and a key of its own.
func sameName(t *testing.T, authority *x509.Certificate) *x509.Certificate {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), RawSubject: authority.RawSubject, SubjectKeyId: authority.SubjectKeyId,
		NotBefore: authority.NotBefore, NotAfter: authority.NotAfter,
		KeyUsage: authority.KeyUsage, BasicConstraintsValid: true, IsCA: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	made, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	require.Equal(t, authority.RawSubject, made.RawSubject)
	return made
}

// Who issued the certificate, by what is trusted, and what is refused without a
// PIN being sent.
//
// Faults: F59.
func TestChain(t *testing.T) {
	ctx := context.Background()
	card := newDesk(t, simulator.Contact).card
	authority := card.Authority()
	namesake := sameName(t, authority)
	future := jpki.WithClock(func() time.Time { return time.Now().AddDate(9, 0, 0) })
	for _, tt := range []struct {
		name    string
		profile simulator.Profile
		options []jpki.Option
		chain   jpki.Chain
		err     error
	}{
		{"not asked for", simulator.Contact, nil, jpki.ChainUnknown, nil},
		{"of nobody who is trusted", simulator.Contact, []jpki.Option{jpki.WithChain()}, jpki.ChainUnknown, nil},
		{"required, of nobody who is trusted", simulator.Contact, []jpki.Option{jpki.RequireChain()}, "", jpki.ErrUnknownIssuer},
		{"the caller's", simulator.Contact, []jpki.Option{jpki.RequireChain(namesake, authority)}, jpki.ChainCaller, nil},
		{"the caller's has the same name and another key", simulator.Contact, []jpki.Option{jpki.RequireChain(namesake)}, "", jpki.ErrUnknownIssuer},
		{"pinned", simulator.Contact, []jpki.Option{jpki.RequireChain(), jpki.WithPinned(authority)}, jpki.ChainPinned, nil},
		{"pinned, with extended lengths", simulator.ContactExtended, []jpki.Option{jpki.RequireChain(), jpki.WithPinned(authority)}, jpki.ChainPinned, nil},
		{"pinned is another of the same name", simulator.Contact, []jpki.Option{jpki.RequireChain(), jpki.WithPinned(namesake)}, "", jpki.ErrUnknownIssuer},
		{"the simulator's", simulator.Contact, []jpki.Option{jpki.TrustSimulator(authority)}, jpki.ChainSimulator, nil},
		{"the simulator's, where a real one is required", simulator.Contact, []jpki.Option{jpki.TrustSimulator(authority), jpki.RequireChain()}, "", jpki.ErrUnknownIssuer},
		{"a generation that has expired", simulator.Contact, []jpki.Option{jpki.WithChain(authority), jpki.AllowExpired(), future}, "", jpki.ErrIssuerExpired},
		{"a pinned generation that has expired", simulator.Contact, []jpki.Option{jpki.WithChain(), jpki.WithPinned(authority), jpki.AllowExpired(), future}, "", jpki.ErrIssuerExpired},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := newDesk(t, tt.profile)
			if tt.profile != simulator.Contact { // each profile has an authority of its own
				require.Equal(t, authority.RawSubjectPublicKeyInfo, d.card.Authority().RawSubjectPublicKeyInfo)
				tt.options = append(tt.options, jpki.WithPinned(d.card.Authority()))
			}
			got, err := jpki.Authenticate(ctx, d.tap, pin(t, simulator.PIN), tt.options...)
			require.ErrorIs(t, err, tt.err)
			if tt.err != nil {
				assert.Zero(t, d.tap.pins, "found out before the PIN")
				return
			}
			assert.Equal(t, tt.chain, got.Chain)
			assert.Equal(t, 1, d.tap.pins)
			assert.Contains(t, got.String(), "issuer "+string(tt.chain))
		})
	}
}

// A phone shows its certificate after the PIN, so its issuer is found out then;
// it is left unverified all the same.
func TestChainOfAPhone(t *testing.T) {
	ctx := context.Background()
	d := newDesk(t, simulator.Android)
	got, err := jpki.Authenticate(ctx, d.tap, pin(t, simulator.PIN), jpki.RequireChain(), jpki.WithPinned(d.card.Authority()))
	require.NoError(t, err)
	assert.Equal(t, jpki.ChainPinned, got.Chain)

	_, err = jpki.Authenticate(ctx, d.tap, pin(t, simulator.PIN), jpki.RequireChain())
	require.ErrorIs(t, err, jpki.ErrUnknownIssuer)
	assert.Equal(t, 2, d.tap.pins)
	assert.False(t, d.card.State().AuthVerified)
}

// An attacker's card carries an authority's own certificate beside one that the
// authority did not sign: its fingerprint alone is worth nothing.
//
// Faults: F59.
func TestAPinnedAuthorityHasToHaveSigned(t *testing.T) {
	ctx := context.Background()
	d := newDesk(t, simulator.ResidentCard)
	genuine := sameName(t, d.card.Authority())
	serveFiles(d, map[byte][]byte{0x0B: genuine.Raw})
	_, err := jpki.Authenticate(ctx, d.tap, pin(t, simulator.PIN), jpki.RequireChain(), jpki.WithPinned(genuine))
	require.ErrorIs(t, err, jpki.ErrUnknownIssuer)
	assert.Zero(t, d.tap.pins)
}

// A certificate that a pinned authority issued for something else.
//
// Faults: F55.
func TestPinnedCertificatesNeedTheirPolicy(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	root := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Authority"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageCertSign, BasicConstraintsValid: true, IsCA: true,
	}
	rootDER, err := x509.CreateCertificate(rand.Reader, root, root, &key.PublicKey, key)
	require.NoError(t, err)
	authority, err := x509.ParseCertificate(rootDER)
	require.NoError(t, err)
	for policy, want := range map[string]error{
		"1.2.392.200149.8.5.1.3.30": nil,
		"1.2.392.200149.8.5.1.30.3": jpki.ErrWrongKind,
		"1.2.392.200149.8.5.1.1.20": jpki.ErrWrongKind,
		"":                          jpki.ErrWrongKind,
	} {
		leaf := &x509.Certificate{
			SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "Holder"}, NotBefore: root.NotBefore, NotAfter: root.NotAfter,
			KeyUsage: x509.KeyUsageDigitalSignature,
		}
		if policy != "" {
			oid, err := x509.ParseOID(policy)
			require.NoError(t, err)
			leaf.Policies = []x509.OID{oid}
		}
		der, err := x509.CreateCertificate(rand.Reader, leaf, root, &key.PublicKey, key)
		require.NoError(t, err)
		d := newDesk(t, simulator.Contact)
		serveFiles(d, map[byte][]byte{0x0A: der, 0x0B: rootDER})
		_, err = jpki.Authenticate(context.Background(), d.tap, pin(t, simulator.PIN), jpki.WithChain(), jpki.WithPinned(authority))
		if want == nil {
			require.ErrorIs(t, err, jpki.ErrNoPossession, "the certificate is accepted, and its key is not the card's")
			continue
		}
		require.ErrorIs(t, err, want, policy)
		assert.Zero(t, d.tap.pins)
	}
}

// What is pinned is what card documentation and J-LIS's repository say, and no
// simulated or test authority.
func TestPinnedFingerprints(t *testing.T) {
	assert.Equal(t, []string{
		"4dcfc4ca0aaf9fb2a3081b3f0c991c320b3acc008667a341eeaec5af1d58ca7d 9567951b5ca70d84a0fff1d85a87f1aab1340385",
		"64114f29620c24ed2631d46476a040e7ee740d956089c00b036a6a8118c322b5 1ac100f596a3bc8c4b3df195e32699249e9e308a",
	}, jpki.Production())
}
