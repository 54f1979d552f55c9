package jpki_test

import (
	"bytes"
	"context"
	"crypto/x509"
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

// The chain says who issued the certificate. An unknown issuer is rejected before the PIN
// is sent.
//
// Faults: F59.
func TestChain(t *testing.T) {
	ctx := context.Background()
	card := cardtest.Open(t, simulator.Contact).Card
	ca := card.CACertificate()
	namesake := cardtest.NewCA(t, cardtest.AttackerKey(), func(c *x509.Certificate) { c.RawSubject, c.SubjectKeyId = ca.RawSubject, ca.SubjectKeyId }).Certificate
	future := jpki.WithClock(func() time.Time { return time.Now().AddDate(9, 0, 0) })
	for _, tt := range []struct {
		name    string
		profile simulator.Profile
		options []jpki.CardOption
		chain   trust.Issuer
		err     error
	}{
		{"not asked for", simulator.Contact, nil, trust.IssuerUnknown, nil},
		{"no trusted CA", simulator.Contact, []jpki.CardOption{jpki.WithChain()}, trust.IssuerUnknown, nil},
		{"a CA is required, and none trusted", simulator.Contact, []jpki.CardOption{jpki.RequireChain()}, "", trust.ErrUnknownIssuer},
		{"the caller's", simulator.Contact, []jpki.CardOption{jpki.RequireChain(namesake, ca)}, trust.IssuerCaller, nil},
		{"the caller's has the same name and another key", simulator.Contact, []jpki.CardOption{jpki.RequireChain(namesake)}, "", trust.ErrUnknownIssuer},
		{"pinned", simulator.Contact, []jpki.CardOption{jpki.RequireChain(), jpki.WithPinned(ca)}, trust.IssuerPinned, nil},
		{"pinned, with extended lengths", simulator.ContactExtended, []jpki.CardOption{jpki.RequireChain(), jpki.WithPinned(ca)}, trust.IssuerPinned, nil},
		{"pinned is another of the same name", simulator.Contact, []jpki.CardOption{jpki.RequireChain(), jpki.WithPinned(namesake)}, "", trust.ErrUnknownIssuer},
		{"the simulator's", simulator.Contact, []jpki.CardOption{jpki.TrustSimulator(ca)}, trust.IssuerSimulator, nil},
		{"the simulator's, where a real one is required", simulator.Contact, []jpki.CardOption{jpki.TrustSimulator(ca), jpki.RequireChain()}, "", trust.ErrUnknownIssuer},
		{"a CA certificate that has expired", simulator.Contact, []jpki.CardOption{jpki.WithChain(ca), jpki.AllowExpired(), future}, "", trust.ErrIssuerExpired},
		{"a pinned CA certificate that has expired", simulator.Contact, []jpki.CardOption{jpki.WithChain(), jpki.WithPinned(ca), jpki.AllowExpired(), future}, "", trust.ErrIssuerExpired},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := cardtest.Open(t, tt.profile)
			if tt.profile != simulator.Contact { // each profile has a CA of its own
				require.Equal(t, ca.RawSubjectPublicKeyInfo, d.Card.CACertificate().RawSubjectPublicKeyInfo)
				tt.options = append(tt.options, jpki.WithPinned(d.Card.CACertificate()))
			}
			got, err := jpki.Authenticate(ctx, d.Connection, pin(t, simulator.PIN), tt.options...)
			require.ErrorIs(t, err, tt.err)
			if tt.err != nil {
				assert.Zero(t, d.Secrets(), "found out before the PIN")
				return
			}
			assert.Equal(t, tt.chain, got.Issuer())
			assert.Equal(t, 1, d.Secrets())
			assert.Contains(t, got.String(), "issuer "+string(tt.chain))
		})
	}
}

// A phone shows its certificate after the PIN, so its issuer is checked then. The phone is
// logged out in any case.
func TestChainOfAPhone(t *testing.T) {
	ctx := context.Background()
	d := cardtest.Open(t, simulator.Android)
	got, err := jpki.Authenticate(ctx, d.Connection, pin(t, simulator.PIN), jpki.RequireChain(), jpki.WithPinned(d.Card.CACertificate()))
	require.NoError(t, err)
	assert.Equal(t, trust.IssuerPinned, got.Issuer())

	_, err = jpki.Authenticate(ctx, d.Connection, pin(t, simulator.PIN), jpki.RequireChain())
	require.ErrorIs(t, err, trust.ErrUnknownIssuer)
	assert.Equal(t, 2, d.Secrets())
	assert.False(t, d.Card.State().AuthVerified)
}

// The CA certificate on the card is read only if J-LIS may have issued the holder's
// certificate, by the key identifier in it, and no other CA did.
func TestTheCACertificateIsReadOnlyIfNeeded(t *testing.T) {
	card := cardtest.Open(t, simulator.ContactExtended).Card
	stranger := cardtest.NewCA(t, cardtest.AttackerKey(), func(c *x509.Certificate) { c.SubjectKeyId = []byte("another") })
	for _, tt := range []struct {
		name   string
		option jpki.Option
		chain  trust.Issuer
		reads  int
	}{
		{"not asked for", jpki.AllowExpired(), trust.IssuerUnknown, 0},
		{"J-LIS has another key", jpki.WithChain(), trust.IssuerUnknown, 0},
		{"the caller's", jpki.WithChain(card.CACertificate()), trust.IssuerCaller, 0},
		{"the simulator's", jpki.TrustSimulator(card.CACertificate()), trust.IssuerSimulator, 0},
		{"pinned is another", jpki.WithPinned(stranger.Certificate), trust.IssuerUnknown, 0},
		{"pinned", jpki.WithPinned(card.CACertificate()), trust.IssuerPinned, 1},
	} {
		d := cardtest.Open(t, simulator.ContactExtended)
		a := open(t, d, tt.option)
		certificate, err := a.AuthCertificate(context.Background())
		require.NoError(t, err)
		require.NotEmpty(t, certificate.AuthorityKeyId)
		before := len(d.Sent())
		chain, err := a.Issuer(context.Background(), certificate)
		require.NoError(t, err, tt.name)
		assert.Equal(t, tt.chain, chain, tt.name)
		assert.Len(t, d.Sent()[before:], tt.reads, tt.name)
	}

	// One that names no key may be anybody's.
	jlis := cardtest.NewCA(t, cardtest.CAKey(), cardtest.Unchanged)
	nameless := *jlis.Certificate
	nameless.SubjectKeyId = nil
	leaf := cardtest.CA{Certificate: &nameless, Key: jlis.Key}.Issue(t, cardtest.AttackerKey(), cardtest.Unchanged)
	d := cardtest.Open(t, simulator.ContactExtended)
	d.ServeFiles(map[byte][]byte{0x0A: leaf.Raw, 0x0B: jlis.Certificate.Raw})
	a := open(t, d, jpki.WithPinned(jlis.Certificate))
	certificate, err := a.AuthCertificate(context.Background())
	require.NoError(t, err)
	require.Empty(t, certificate.AuthorityKeyId)
	chain, err := a.Issuer(context.Background(), certificate)
	require.NoError(t, err)
	assert.Equal(t, trust.IssuerPinned, chain)
}

// A card that can't show its CA certificate has an unknown issuer. That is an error only if
// the transport fails.
func TestCardsWithoutACACertificate(t *testing.T) {
	for _, tt := range []struct {
		name   string
		answer []byte
		err    error // of the transport
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
				assert.Equal(t, trust.IssuerUnknown, got.Issuer(), tt.name)
			}
		}
	}
}
