package jpki_test

import (
	"context"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/apdu"
	"github.com/mykeykit/mykeykit/internal/cardtest"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/jpki/trust"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// These are the attacks on the trust in a card, with a CA of the tests in place of J-LIS.
// The attacker has a key, full control of the reader, and everything that is public:
// certificates, names, key identifiers. Each attack is rejected with its own error. The
// holder enters one PIN each time. It is sent, once, only if nothing speaks against the
// card before.
//
// Faults: F55, F56, F57, F59.
func TestAttacks(t *testing.T) {
	jlis := cardtest.NewCA(t, cardtest.CAKey(), cardtest.Unchanged)
	victim := jlis.Issue(t, cardtest.HolderKey(), cardtest.Unchanged)
	own := cardtest.NewCA(t, cardtest.AttackerKey(), cardtest.Unchanged) // the same names, and it claims the same key
	ofOwn := own.Issue(t, cardtest.AttackerKey(), cardtest.Unchanged)
	signedByItself, err := x509.ParseCertificate(forged(t, cardtest.Unchanged))
	require.NoError(t, err)
	require.Equal(t, jlis.Certificate.RawSubject, own.Certificate.RawSubject)
	require.Equal(t, jlis.Certificate.SubjectKeyId, own.Certificate.SubjectKeyId)

	ca := func(change func(*x509.Certificate)) cardtest.CA { return cardtest.NewCA(t, cardtest.CAKey(), change) }
	usage := func(u x509.KeyUsage) func(*x509.Certificate) {
		return func(c *x509.Certificate) { c.KeyUsage = u }
	}
	critical := func(c *x509.Certificate) {
		c.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 2, 3, 4}, Critical: true, Value: []byte{5, 0}}}
	}
	between := func(from, to time.Duration) func(*x509.Certificate) {
		return func(c *x509.Certificate) { c.NotBefore, c.NotAfter = time.Now().Add(from), time.Now().Add(to) }
	}
	day := 24 * time.Hour
	plain := *jlis.Certificate // of version 1, when certificates had no constraints
	plain.Version, plain.IsCA, plain.BasicConstraintsValid, plain.KeyUsage = 1, false, false, 0

	byForger, byHolder := cardtest.SignedBy(t, cardtest.AttackerKey()), cardtest.SignedBy(t, cardtest.HolderKey())
	var recorded []byte
	recording := func(input []byte) []byte {
		recorded = byHolder(input)
		return recorded
	}
	for _, tt := range []struct {
		name   string
		pinned cardtest.CA // J-LIS as it is trusted
		caller []*x509.Certificate
		// What the card holds, and how it signs.
		certificate, ca *x509.Certificate
		sign            func(input []byte) []byte
		err             error
		pins            int
	}{
		// The honest card, and that with it each of the following differs.
		{"none", jlis, nil, victim, jlis.Certificate, recording, nil, 1},

		// Without the holder's key.
		{"another's certificate with an own key", jlis, nil, victim, jlis.Certificate, byForger, jpki.ErrNoPossession, 1},
		{"another's certificate, an old signature replayed", jlis, nil, victim, jlis.Certificate,
			func([]byte) []byte { return recorded }, jpki.ErrNoPossession, 1},

		// With an own CA.
		{"own CA with the official names", jlis, nil, ofOwn, own.Certificate, byForger, trust.ErrUnknownIssuer, 0},
		{"and the genuine CA certificate on the card", jlis, nil, ofOwn, jlis.Certificate, byForger, trust.ErrUnknownIssuer, 0},
		{"and of a caller's CA", jlis, []*x509.Certificate{jlis.Certificate}, ofOwn, own.Certificate, byForger, trust.ErrUnknownIssuer, 0},
		{"a certificate that its holder signed", jlis, nil, signedByItself, jlis.Certificate, byForger, trust.ErrUnknownIssuer, 0},

		// With a genuine key that is no CA's, as that of the attacker's own card.
		{"a holder as a CA", jlis, nil, issuedBy(jlis, victim).Issue(t, cardtest.AttackerKey(), cardtest.Unchanged), victim, byForger, trust.ErrUnknownIssuer, 0},
		{"a holder whom the caller takes for a CA", jlis, []*x509.Certificate{issuedBy(jlis, victim).Certificate},
			issuedBy(jlis, victim).Issue(t, cardtest.AttackerKey(), cardtest.Unchanged), victim, byForger, trust.ErrUnknownIssuer, 0},

		// CA certificates that may not issue.
		{"a CA without basic constraints", ca(func(c *x509.Certificate) { c.BasicConstraintsValid, c.IsCA = false, false }), nil,
			victim, nil, byHolder, trust.ErrUnknownIssuer, 0},
		{"a CA certificate that says it is none", ca(func(c *x509.Certificate) { c.IsCA = false }), nil, victim, nil, byHolder, trust.ErrUnknownIssuer, 0},
		{"a CA of version 1", own, []*x509.Certificate{&plain}, victim, nil, byHolder, trust.ErrUnknownIssuer, 0},
		{"a CA that may sign only lists", ca(usage(x509.KeyUsageCRLSign)), nil, victim, nil, byHolder, trust.ErrUnknownIssuer, 0},
		{"a CA with an unknown critical extension", ca(critical), nil, victim, nil, byHolder, trust.ErrUnknownIssuer, 0},

		// CA certificates that are expired or not yet valid.
		{"a CA certificate that has expired", ca(between(-3650*day, -time.Hour)), nil, victim, nil, byHolder, trust.ErrIssuerExpired, 0},
		{"a CA certificate that is not yet valid", ca(between(time.Hour, 3650*day)), nil, victim, nil, byHolder, trust.ErrIssuerExpired, 0},
		{"a caller's CA that has expired", own, []*x509.Certificate{ca(between(-3650*day, -time.Hour)).Certificate},
			victim, nil, byHolder, trust.ErrIssuerExpired, 0},

		// Certificates of the genuine CA that are for something else.
		{"the signature certificate, by its usage", jlis, nil, jlis.Issue(t, cardtest.HolderKey(), usage(x509.KeyUsageDigitalSignature|x509.KeyUsageContentCommitment)),
			jlis.Certificate, byHolder, trust.ErrWrongKind, 0},
		{"the signature certificate, by its policy", jlis, nil, jlis.Issue(t, cardtest.HolderKey(), func(c *x509.Certificate) {
			c.Policies = []x509.OID{cardtest.OID(t, "1.2.392.200149.8.5.1.1.20")}
		}), jlis.Certificate, byHolder, trust.ErrWrongKind, 0},
		{"one with an unknown critical extension", jlis, nil, jlis.Issue(t, cardtest.HolderKey(), critical), jlis.Certificate, byHolder, trust.ErrUnknownIssuer, 0},
		{"the CA's own", jlis, nil, jlis.Certificate, jlis.Certificate, byHolder, trust.ErrWrongKind, 0},
		{"one signed over SHA-1, whose collisions can be made", jlis, nil, jlis.Issue(t, cardtest.HolderKey(), func(c *x509.Certificate) {
			c.SignatureAlgorithm = x509.SHA1WithRSA
		}), jlis.Certificate, byHolder, trust.ErrUnknownIssuer, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := cardtest.Open(t, simulator.Contact)
			if tt.ca == nil {
				tt.ca = tt.pinned.Certificate
			}
			d.ServeFiles(map[byte][]byte{0x0A: tt.certificate.Raw, 0x0B: tt.ca.Raw})
			d.SignWith(tt.sign)
			got, err := jpki.Authenticate(context.Background(), d.Connection, pin(t, simulator.PIN),
				jpki.RequireChain(tt.caller...), jpki.WithPinned(tt.pinned.Certificate))
			require.ErrorIs(t, err, tt.err)
			assert.Equal(t, tt.err != nil, got == nil)
			for _, other := range []error{jpki.ErrNoPossession, trust.ErrUnknownIssuer, trust.ErrIssuerExpired, trust.ErrWrongKind} {
				if other != tt.err {
					assert.NotErrorIs(t, err, other)
				}
			}
			assert.Equal(t, tt.pins, d.Secrets(), "VERIFY commands with a PIN")
			assert.Equal(t, 3, d.Card.State().AuthAttempts)
			assert.False(t, d.Card.State().AuthVerified)
		})
	}
}

// A phone shows its certificate only after the PIN. It is rejected then, and logged out.
//
// Faults: F59.
func TestAttacksByAPhone(t *testing.T) {
	jlis := cardtest.NewCA(t, cardtest.CAKey(), cardtest.Unchanged)
	own := cardtest.NewCA(t, cardtest.AttackerKey(), cardtest.Unchanged)
	d := cardtest.Open(t, simulator.Android)
	d.ServeFiles(map[byte][]byte{0x0A: own.Issue(t, cardtest.AttackerKey(), cardtest.Unchanged).Raw, 0x0B: jlis.Certificate.Raw})
	serving := d.After
	d.After = func(n int, c apdu.Command, response []byte) ([]byte, error) {
		if isRead(c) && d.Secrets() == 0 {
			return response, nil // which is 6982
		}
		return serving(n, c, response)
	}
	_, err := jpki.Authenticate(context.Background(), d.Connection, pin(t, simulator.PIN), jpki.RequireChain(), jpki.WithPinned(jlis.Certificate))
	require.ErrorIs(t, err, trust.ErrUnknownIssuer)
	assert.Equal(t, 1, d.Secrets())
	assert.Equal(t, 3, d.Card.State().AuthAttempts)
	assert.False(t, d.Card.State().AuthVerified)
}

// issuedBy makes a CA of a holder, who issues certificates with the card's key.
func issuedBy(ca cardtest.CA, holder *x509.Certificate) cardtest.CA {
	parsed := *holder
	parsed.SubjectKeyId = ca.Certificate.SubjectKeyId // as if it were the CA's
	return cardtest.CA{Certificate: &parsed, Key: cardtest.HolderKey()}
}

// A relay in place of the card can accept any PIN and forward the challenge to a genuine
// card that its holder unlocked elsewhere. Possession and chain hold for that card. The
// toolkit can't notice, so a holder says nothing about a PIN.
//
// Faults: F94.
func TestARelayAcceptsAnyPIN(t *testing.T) {
	ctx := context.Background()
	for _, profile := range []simulator.Profile{simulator.Contact, simulator.ContactExtended, simulator.Android} {
		d := cardtest.Open(t, profile)
		elsewhere, err := jpki.Open(ctx, d.Connection)
		require.NoError(t, err)
		require.NoError(t, elsewhere.VerifyAuthPIN(ctx, pin(t, simulator.PIN)))
		require.True(t, d.Card.State().AuthVerified)
		d.Slot.AddFault(simulator.Fault{Command: simulator.SendsSecret, Do: simulator.AnswerStatus(apdu.StatusOK)}) // the relay

		got, err := jpki.Authenticate(ctx, d.Connection, pin(t, "0000"), jpki.RequireChain(d.Card.CACertificate()))
		require.NoError(t, err)
		assert.Equal(t, 2, d.Secrets(), "the holder's, and the wrong one, which reached no card")
		assert.True(t, got.Certificate() != nil)
		assert.Equal(t, trust.IssuerCaller, got.Issuer())
		assert.NotContains(t, got.String(), "PIN")
		assert.Equal(t, 3, d.Card.State().AuthAttempts)
	}
}
