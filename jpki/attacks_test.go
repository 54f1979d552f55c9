package jpki_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"sync"
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

// The attacks on trust in a card, in the place of J-LIS an authority whose key
// the tests have. The attacker has a key (forger), a reader's full control, and
// everything that is public: certificates, names, key identifiers. Each attack is
// refused with an error of its own. One PIN is entered each time; it is sent where
// nothing speaks against the card before, and then once.
//
// Faults: F55, F56, F57, F59.
func TestAttacks(t *testing.T) {
	nothing := func(*x509.Certificate) {}
	jlis := newIssuer(t, authoritysKey(), nothing)
	victim := jlis.issue(t, holdersKey(), nothing)
	own := newIssuer(t, forger(), nothing) // the same names, and it claims the same key
	ofOwn := own.issue(t, forger(), nothing)
	require.Equal(t, jlis.certificate.RawSubject, own.certificate.RawSubject)
	require.Equal(t, jlis.certificate.SubjectKeyId, own.certificate.SubjectKeyId)

	authority := func(change func(*x509.Certificate)) issuer { return newIssuer(t, authoritysKey(), change) }
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
	plain := *jlis.certificate // of version 1, when certificates had no constraints
	plain.Version, plain.IsCA, plain.BasicConstraintsValid, plain.KeyUsage = 1, false, false, 0

	byForger, byHolder := signedBy(t, forger()), signedBy(t, holdersKey())
	var recorded []byte
	recording := func(input []byte) []byte {
		recorded = byHolder(input)
		return recorded
	}
	for _, tt := range []struct {
		name   string
		pinned issuer // J-LIS as it is trusted
		caller []*x509.Certificate
		// What the card holds, and how it signs.
		certificate, authority []byte
		sign                   func(input []byte) []byte
		err                    error
		pins                   int
	}{
		// The honest card, and that with it each of the following differs.
		{"none", jlis, nil, victim, jlis.certificate.Raw, recording, nil, 1},

		// Without the holder's key.
		{"another's certificate with an own key", jlis, nil, victim, jlis.certificate.Raw, byForger, jpki.ErrNoPossession, 1},
		{"another's certificate, an old signature replayed", jlis, nil, victim, jlis.certificate.Raw,
			func([]byte) []byte { return recorded }, jpki.ErrNoPossession, 1},

		// With an own authority.
		{"own authority with the official names", jlis, nil, ofOwn, own.certificate.Raw, byForger, trust.ErrUnknownIssuer, 0},
		{"and the genuine authority's certificate on the card", jlis, nil, ofOwn, jlis.certificate.Raw, byForger, trust.ErrUnknownIssuer, 0},
		{"and of a caller's authority", jlis, []*x509.Certificate{jlis.certificate}, ofOwn, own.certificate.Raw, byForger, trust.ErrUnknownIssuer, 0},
		{"a certificate that its holder signed", jlis, nil, forged(t, nothing), jlis.certificate.Raw, byForger, trust.ErrUnknownIssuer, 0},

		// With a genuine key that is no authority's, as that of the attacker's own card.
		{"a holder as an authority", jlis, nil, jlis.holder(t, victim).issue(t, forger(), nothing), victim, byForger, trust.ErrUnknownIssuer, 0},
		{"a holder whom the caller takes for an authority", jlis, []*x509.Certificate{jlis.holder(t, victim).certificate},
			jlis.holder(t, victim).issue(t, forger(), nothing), victim, byForger, trust.ErrUnknownIssuer, 0},

		// Authorities that are none.
		{"an authority without basic constraints", authority(func(c *x509.Certificate) { c.BasicConstraintsValid, c.IsCA = false, false }), nil,
			victim, nil, byHolder, trust.ErrUnknownIssuer, 0},
		{"an authority that is said to be none", authority(func(c *x509.Certificate) { c.IsCA = false }), nil, victim, nil, byHolder, trust.ErrUnknownIssuer, 0},
		{"an authority of version 1", own, []*x509.Certificate{&plain}, victim, nil, byHolder, trust.ErrUnknownIssuer, 0},
		{"an authority that signs lists alone", authority(usage(x509.KeyUsageCRLSign)), nil, victim, nil, byHolder, trust.ErrUnknownIssuer, 0},
		{"an authority that says more than is understood", authority(critical), nil, victim, nil, byHolder, trust.ErrUnknownIssuer, 0},

		// Authorities out of their time.
		{"a generation that has expired", authority(between(-3650*day, -time.Hour)), nil, victim, nil, byHolder, trust.ErrIssuerExpired, 0},
		{"a generation to come", authority(between(time.Hour, 3650*day)), nil, victim, nil, byHolder, trust.ErrIssuerExpired, 0},
		{"a caller's authority that has expired", own, []*x509.Certificate{authority(between(-3650*day, -time.Hour)).certificate},
			victim, nil, byHolder, trust.ErrIssuerExpired, 0},

		// Certificates of the genuine authority that are for something else.
		{"the signature certificate, by its usage", jlis, nil, jlis.issue(t, holdersKey(), usage(x509.KeyUsageDigitalSignature|x509.KeyUsageContentCommitment)),
			jlis.certificate.Raw, byHolder, trust.ErrWrongKind, 0},
		{"the signature certificate, by its policy", jlis, nil, jlis.issue(t, holdersKey(), func(c *x509.Certificate) {
			c.Policies = []x509.OID{oid(t, "1.2.392.200149.8.5.1.1.20")}
		}), jlis.certificate.Raw, byHolder, trust.ErrWrongKind, 0},
		{"one that says more than is understood", jlis, nil, jlis.issue(t, holdersKey(), critical), jlis.certificate.Raw, byHolder, trust.ErrUnknownIssuer, 0},
		{"the authority's own", jlis, nil, jlis.certificate.Raw, jlis.certificate.Raw, byHolder, trust.ErrWrongKind, 0},
		{"one signed over SHA-1, whose collisions can be made", jlis, nil, jlis.issue(t, holdersKey(), func(c *x509.Certificate) {
			c.SignatureAlgorithm = x509.SHA1WithRSA
		}), jlis.certificate.Raw, byHolder, trust.ErrUnknownIssuer, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := cardtest.Open(t, simulator.Contact)
			if tt.authority == nil {
				tt.authority = tt.pinned.certificate.Raw
			}
			d.ServeFiles(map[byte][]byte{0x0A: tt.certificate, 0x0B: tt.authority})
			d.SignWith(tt.sign)
			got, err := jpki.Authenticate(context.Background(), d.Connection, pin(t, simulator.PIN),
				jpki.RequireChain(tt.caller...), jpki.WithPinned(tt.pinned.certificate))
			require.ErrorIs(t, err, tt.err)
			assert.Equal(t, tt.err != nil, got == nil)
			for _, other := range []error{jpki.ErrNoPossession, trust.ErrUnknownIssuer, trust.ErrIssuerExpired, trust.ErrWrongKind} {
				if other != tt.err {
					assert.NotErrorIs(t, err, other)
				}
			}
			assert.Equal(t, tt.pins, d.Secrets(), "VERIFY commands with a PIN")
			assert.Equal(t, 3, d.Card.State().AuthTries)
			assert.False(t, d.Card.State().AuthVerified)
		})
	}
}

// A phone shows its certificate after the PIN only: it is refused then, and left
// unverified.
//
// Faults: F59.
func TestAttacksByAPhone(t *testing.T) {
	jlis := newIssuer(t, authoritysKey(), func(*x509.Certificate) {})
	own := newIssuer(t, forger(), func(*x509.Certificate) {})
	d := cardtest.Open(t, simulator.Android)
	d.ServeFiles(map[byte][]byte{0x0A: own.issue(t, forger(), func(*x509.Certificate) {}), 0x0B: jlis.certificate.Raw})
	serving := d.After
	d.After = func(n int, c apdu.Command, response []byte) ([]byte, error) {
		if isRead(c) && d.Secrets() == 0 {
			return response, nil // which is 6982
		}
		return serving(n, c, response)
	}
	_, err := jpki.Authenticate(context.Background(), d.Connection, pin(t, simulator.PIN), jpki.RequireChain(), jpki.WithPinned(jlis.certificate))
	require.ErrorIs(t, err, trust.ErrUnknownIssuer)
	assert.Equal(t, 1, d.Secrets())
	assert.Equal(t, 3, d.Card.State().AuthTries)
	assert.False(t, d.Card.State().AuthVerified)
}

// issuer is an authority whose key the tests have.
type issuer struct {
	certificate *x509.Certificate
	key         *rsa.PrivateKey
}

func testKey() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err) // of the machine, not of what is tested
	}
	return key
}

// The keys of the genuine authority and of a genuine holder.
var (
	authoritysKey = sync.OnceValue(testKey)
	holdersKey    = sync.OnceValue(testKey)
)

// newIssuer makes an authority. Unchanged it has J-LIS's names, and always claims
// the same key identifier: both are for anybody to write.
func newIssuer(t testing.TB, key *rsa.PrivateKey, change func(*x509.Certificate)) issuer {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject: pkix.Name{Country: []string{"JP"}, Organization: []string{"JPKI"}, OrganizationalUnit: []string{
			"JPKI for user authentication", "Japan Agency for Local Authority Information Systems",
		}},
		SubjectKeyId: []byte("the authority's key"),
		NotBefore:    time.Now().AddDate(-5, 0, 0), NotAfter: time.Now().AddDate(5, 0, 0),
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign, BasicConstraintsValid: true, IsCA: true,
	}
	change(template)
	return issuer{created(t, template, template, key, key), key}
}

// issue makes a holder's certificate. Unchanged it is as J-LIS's are.
func (i issuer) issue(t testing.TB, key *rsa.PrivateKey, change func(*x509.Certificate)) []byte {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{Country: []string{"JP"}, CommonName: "HOLDER"},
		NotBefore: time.Now().AddDate(-1, 0, 0), NotAfter: time.Now().AddDate(3, 0, 0),
		KeyUsage: x509.KeyUsageDigitalSignature, Policies: []x509.OID{oid(t, "1.2.392.200149.8.5.1.3.30")},
	}
	change(template)
	return created(t, template, i.certificate, key, i.key).Raw
}

// holder is a holder of one of the authority's certificates who issues some too.
func (i issuer) holder(t testing.TB, certificate []byte) issuer {
	t.Helper()
	parsed, err := x509.ParseCertificate(certificate)
	require.NoError(t, err)
	require.NoError(t, parsed.CheckSignatureFrom(i.certificate))
	parsed.SubjectKeyId = i.certificate.SubjectKeyId // to be named as the issuer's
	return issuer{parsed, holdersKey()}
}

func created(t testing.TB, template, parent *x509.Certificate, key, parentsKey *rsa.PrivateKey) *x509.Certificate {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), parentsKey)
	require.NoError(t, err)
	made, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return made
}

// signedBy signs challenges as a card with the key does.
func signedBy(t testing.TB, key *rsa.PrivateKey) func(input []byte) []byte {
	return func(input []byte) []byte {
		signature, err := rsa.SignPKCS1v15(nil, key, 0, input)
		require.NoError(t, err)
		return signature
	}
}

func oid(t testing.TB, dotted string) x509.OID {
	t.Helper()
	parsed, err := x509.ParseOID(dotted)
	require.NoError(t, err)
	return parsed
}

// A relay in the card's place accepts any PIN, and passes the challenge on to a
// genuine card that its holder unlocked elsewhere. Possession and chain hold, of
// that card; nothing here can tell, so what is said of the PIN is the card's report.
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
		d.Slot.Fail(simulator.Fault{Command: simulator.SendsSecret, Do: simulator.AnswerStatus(apdu.StatusOK)}) // the relay

		got, err := jpki.Authenticate(ctx, d.Connection, pin(t, "0000"), jpki.RequireChain(d.Card.CACertificate()))
		require.NoError(t, err)
		assert.Equal(t, 2, d.Secrets(), "the holder's, and the wrong one, which reached no card")
		assert.True(t, got.Possession)
		assert.Equal(t, trust.Caller, got.Chain)
		assert.True(t, got.CardAcceptedPIN, "the card's word, as its name says")
		assert.Contains(t, got.String(), "card reported correct PIN true")
		assert.NotContains(t, got.String(), "verified")
		assert.Equal(t, 3, d.Card.State().AuthTries)
	}
}
