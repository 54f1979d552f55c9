package jpki_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"math/big"
	"slices"
	"strings"
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

func marshal(t testing.TB, value any) []byte {
	t.Helper()
	der, err := asn1.Marshal(value)
	require.NoError(t, err)
	return der
}

// parts are the elements of a DER SEQUENCE.
func parts(t testing.TB, der []byte) (list []asn1.RawValue) {
	t.Helper()
	rest, err := asn1.Unmarshal(der, &list)
	require.NoError(t, err)
	require.Empty(t, rest)
	return list
}

// withSPKI puts a SubjectPublicKeyInfo into a certificate, whose signature is
// wrong then, as nobody but its issuer could tell.
func withSPKI(t testing.TB, spki []byte) []byte {
	t.Helper()
	certificate := parts(t, forged(t, cardtest.Unchanged))
	tbs := parts(t, certificate[0].FullBytes)
	tbs[6].FullBytes = spki // after version, serial, algorithm, issuer, validity, subject
	certificate[0].FullBytes = marshal(t, tbs)
	return marshal(t, certificate)
}

// spki is a SubjectPublicKeyInfo as it stands in RFC 5280, with whatever in it.
func spki(t testing.TB, algorithm asn1.ObjectIdentifier, parameters any, key []byte) []byte {
	t.Helper()
	identifier := pkix.AlgorithmIdentifier{Algorithm: algorithm}
	if parameters != nil {
		identifier.Parameters.FullBytes = marshal(t, parameters)
	}
	return marshal(t, struct {
		Algorithm pkix.AlgorithmIdentifier
		Key       asn1.BitString
	}{identifier, asn1.BitString{Bytes: key, BitLength: 8 * len(key)}})
}

var (
	oidRSA     = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 1}
	oidRSAPSS  = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 10}
	oidDSA     = asn1.ObjectIdentifier{1, 2, 840, 10040, 4, 1}
	oidEC      = asn1.ObjectIdentifier{1, 2, 840, 10045, 2, 1}
	oidP256    = asn1.ObjectIdentifier{1, 2, 840, 10045, 3, 1, 7}
	oidUnknown = asn1.ObjectIdentifier{1, 2, 3, 4}
)

// rsaKey is a SubjectPublicKeyInfo of any two numbers.
func rsaKey(t testing.TB, n, e *big.Int) []byte {
	t.Helper()
	return spki(t, oidRSA, asn1.NullRawValue, marshal(t, struct{ N, E *big.Int }{n, e}))
}

// odd is an odd number of so many bits.
func odd(bits uint) *big.Int {
	n := new(big.Int).Lsh(big.NewInt(1), bits-1)
	return n.Add(n, big.NewInt(1))
}

// A certificate whose key can't be used is rejected before the PIN is sent, whatever is
// wrong with the key.
//
// Faults: F53.
func TestHostileKeys(t *testing.T) {
	n := cardtest.AttackerKey().N
	ed, _, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	edKey, err := x509.MarshalPKIXPublicKey(ed)
	require.NoError(t, err)
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	ecKey, err := x509.MarshalPKIXPublicKey(ec.Public())
	require.NoError(t, err)
	point, err := ec.PublicKey.Bytes()
	require.NoError(t, err)
	rsaBits := marshal(t, struct{ N, E *big.Int }{n, big.NewInt(65537)})
	number := marshal(t, big.NewInt(7))

	unsupported, malformed := trust.ErrUnsupportedKey, trust.ErrMalformed
	for name, tt := range map[string]struct {
		spki []byte
		errs []error // any of them
	}{
		"elliptic":              {ecKey, []error{unsupported}},
		"Ed25519":               {edKey, []error{unsupported}},
		"DSA":                   {spki(t, oidDSA, struct{ P, Q, G *big.Int }{odd(2048), odd(256), big.NewInt(3)}, number), []error{unsupported}},
		"RSA-PSS":               {spki(t, oidRSAPSS, asn1.NullRawValue, rsaBits), []error{unsupported}},
		"unknown":               {spki(t, oidUnknown, nil, rsaBits), []error{unsupported}},
		"512 bits":              {rsaKey(t, odd(512), big.NewInt(65537)), []error{unsupported}},
		"1024 bits":             {rsaKey(t, odd(1024), big.NewInt(65537)), []error{unsupported}},
		"2047 bits":             {rsaKey(t, odd(2047), big.NewInt(65537)), []error{unsupported}},
		"4097 bits":             {rsaKey(t, odd(4097), big.NewInt(65537)), []error{unsupported}},
		"16384 bits":            {rsaKey(t, odd(16384), big.NewInt(65537)), []error{unsupported}},
		"an even modulus":       {rsaKey(t, new(big.Int).Lsh(big.NewInt(1), 2047), big.NewInt(65537)), []error{unsupported}},
		"exponent 1":            {rsaKey(t, n, big.NewInt(1)), []error{unsupported}},
		"exponent 2":            {rsaKey(t, n, big.NewInt(2)), []error{unsupported}},
		"exponent 65536":        {rsaKey(t, n, big.NewInt(65536)), []error{unsupported}},
		"exponent of 32 bits":   {rsaKey(t, n, odd(32)), []error{unsupported, malformed}}, // as long as an int is
		"exponent of 33 bits":   {rsaKey(t, n, odd(33)), []error{unsupported, malformed}},
		"exponent of 2048 bits": {rsaKey(t, n, odd(2048)), []error{malformed}},
		"exponent 0":            {rsaKey(t, n, big.NewInt(0)), []error{malformed}},
		"a negative exponent":   {rsaKey(t, n, big.NewInt(-3)), []error{malformed}},
		"a negative modulus":    {rsaKey(t, new(big.Int).Neg(n), big.NewInt(65537)), []error{malformed}},
		"modulus 0":             {rsaKey(t, big.NewInt(0), big.NewInt(65537)), []error{malformed}},

		// Algorithm and key do not fit each other.
		"RSA with a point":        {spki(t, oidRSA, asn1.NullRawValue, point), []error{malformed}},
		"RSA with nothing":        {spki(t, oidRSA, asn1.NullRawValue, nil), []error{malformed}},
		"RSA without parameters":  {spki(t, oidRSA, nil, rsaBits), []error{malformed}},
		"elliptic with RSA's":     {spki(t, oidEC, oidP256, rsaBits), []error{malformed}},
		"elliptic, unknown curve": {spki(t, oidEC, oidUnknown, point), []error{malformed}},
		"elliptic, no point":      {spki(t, oidEC, oidP256, make([]byte, 65)), []error{malformed}},
		"no key information":      {number, []error{malformed}},
	} {
		t.Run(name, func(t *testing.T) {
			d := cardtest.Open(t, simulator.Contact)
			serve(d, withSPKI(t, tt.spki))
			start := time.Now()
			got, err := jpki.Authenticate(context.Background(), d.Connection, pin(t, simulator.PIN))
			assert.Less(t, time.Since(start), 5*time.Second)
			assert.True(t, slices.ContainsFunc(tt.errs, func(want error) bool { return errors.Is(err, want) }), "%v", err)
			assert.Nil(t, got)
			assert.Zero(t, d.Secrets(), "no attempt for a key that can't be used")
		})
	}

	for _, exponent := range []int64{3, 65537, 1<<31 - 1} { // these could be used
		d := cardtest.Open(t, simulator.Contact)
		serve(d, withSPKI(t, rsaKey(t, n, big.NewInt(exponent))))
		_, err := jpki.Authenticate(context.Background(), d.Connection, pin(t, simulator.PIN))
		require.ErrorIs(t, err, jpki.ErrNoPossession, exponent)
	}
}

// nested is n bytes of SEQUENCEs, each in the one before.
func nested(n int) []byte {
	var der []byte
	for len(der) < n-6 {
		header, err := asn1.Marshal(asn1.RawValue{Tag: asn1.TagSequence, IsCompound: true, Bytes: der})
		if err != nil {
			panic(err)
		}
		der = header
	}
	return der
}

// Files that are made to exhaust a parser's time or stack are rejected quickly.
//
// Faults: F52.
func TestFilesThatTakeLongToParse(t *testing.T) {
	const nearly = 32_000 // bytes: the limit is 32768
	genuine := parts(t, forged(t, cardtest.Unchanged))
	many := func(n int, element []byte) []byte { return sequence(bytes.Repeat(element, n)) }
	extension := func(id asn1.ObjectIdentifier, value []byte) []byte {
		return forged(t, func(c *x509.Certificate) { c.ExtraExtensions = []pkix.Extension{{Id: id, Value: value}} })
	}
	policy := sequence(marshal(t, asn1.ObjectIdentifier{1, 2, 3}))
	arc := append(bytes.Repeat([]byte{0xFF}, nearly-1000), 0x7F)
	for name, content := range map[string][]byte{
		"nested":                         nested(nearly),
		"nested, without end":            bytes.Repeat([]byte{0x30, 0x80}, nearly/2),
		"nested in a certificate":        marshal(t, []asn1.RawValue{{FullBytes: nested(nearly - 1000)}, genuine[1], genuine[2]}),
		"nested in an extension":         extension(asn1.ObjectIdentifier{2, 5, 29, 17}, nested(nearly-1000)),
		"nested in an unknown extension": extension(asn1.ObjectIdentifier{1, 2, 3}, nested(nearly-1000)),
		"a great many numbers":           many(nearly/3, []byte{2, 1, 5}),
		"a great many empty sequences":   many(nearly/2, []byte{0x30, 0}),
		"a great many policies":          extension(asn1.ObjectIdentifier{2, 5, 29, 32}, many(nearly/len(policy)-200, policy)),
		"a policy of 30 kB":              extension(asn1.ObjectIdentifier{2, 5, 29, 32}, sequence(sequence(tagged(6, append([]byte{0x2A}, arc...))))),
		"a serial number of 30 kB":       marshal(t, []asn1.RawValue{{FullBytes: sequence(marshal(t, odd(8*(nearly-1000))))}, genuine[1], genuine[2]}),
		"a great many alternative names": extension(asn1.ObjectIdentifier{2, 5, 29, 17}, many(nearly/3-400, []byte{0x82, 1, 'a'})),
		"a great many key usages":        extension(asn1.ObjectIdentifier{2, 5, 29, 37}, many(nearly/5-400, marshal(t, asn1.ObjectIdentifier{1, 2, 3}))),
		"a great many names to allow":    extension(asn1.ObjectIdentifier{2, 5, 29, 30}, sequence(tagged(0xA0, bytes.Repeat(sequence([]byte{0x82, 1, 'a'}), nearly/5-400)))),
		"a subject of a great many names": forged(t, func(c *x509.Certificate) {
			c.Subject.OrganizationalUnit = strings.Split(strings.Repeat("a ", 900), " ")
		}),
	} {
		t.Run(name, func(t *testing.T) {
			require.LessOrEqual(t, len(content), 32768, "or its length alone would refuse it")
			for _, profile := range []simulator.Profile{simulator.ContactShort, simulator.ContactExtended} {
				d := cardtest.Open(t, profile)
				serve(d, content)
				start := time.Now()
				got, err := jpki.Authenticate(context.Background(), d.Connection, pin(t, simulator.PIN))
				assert.Less(t, time.Since(start), 5*time.Second, "of which it takes milliseconds")
				require.Error(t, err)
				assert.Less(t, len(err.Error()), 200)
				assert.Nil(t, got)
				assert.Less(t, len(d.Sent()), 150)
			}
		})
	}
}

func sequence(content []byte) []byte { return tagged(0x30, content) }

// tagged is a DER object with a tag of one byte.
func tagged(tag byte, content []byte) []byte {
	n := len(content)
	switch {
	case n < 0x80:
		return append([]byte{tag, byte(n)}, content...)
	case n < 0x100:
		return append([]byte{tag, 0x81, byte(n)}, content...)
	default:
		return append([]byte{tag, 0x82, byte(n >> 8), byte(n)}, content...)
	}
}

// A card that returns a few bytes at a time, or asks for every command twice, can't delay a
// program for longer than its file allows.
//
// Faults: F33, F34, F35.
func TestACardThatTrickles(t *testing.T) {
	content := tagged(0x30, make([]byte, 32760))
	for name, card := range map[string]*trickle{
		"by 61xx":                   {content: content, size: 1, promise: true},
		"by shorter answers":        {content: content, size: 4},
		"by 61xx, every one twice":  {content: content, size: 1, promise: true, twice: true},
		"by shorter answers, twice": {content: content, size: 4, twice: true},
	} {
		a, err := jpki.Open(context.Background(), card)
		require.NoError(t, err)
		_, err = a.AuthCertificate(context.Background())
		require.ErrorIs(t, err, trust.ErrMalformed, name)
		assert.Greater(t, card.sent, 200, name)
		assert.LessOrEqual(t, card.sent, 2*len(content)+600, name)
	}
}

// trickle answers with few bytes at a time.
type trickle struct {
	content []byte
	size    int  // of an answer
	promise bool // 61xx while the command could have more
	twice   bool // 6Cxx in between

	sent, at, left int
	asked          bool
}

func (c *trickle) Transmit(_ context.Context, command []byte) ([]byte, error) {
	c.sent++
	parsed, err := apdu.ParseCommand(command)
	if err != nil || parsed.Ne == 0 {
		return []byte{0x90, 0x00}, err
	}
	if c.twice && parsed.Ne > 1 && !c.asked {
		c.asked = true
		return []byte{0x6C, byte(parsed.Ne - 1)}, nil
	}
	c.asked = false
	if isRead(parsed) {
		c.left = parsed.Ne
		c.at = int(parsed.P1)<<8 | int(parsed.P2)
		if parsed.P1&0x80 != 0 {
			c.at = 0
		}
	}
	if c.at >= len(c.content) {
		return []byte{0x6B, 0x00}, nil
	}
	n := min(c.size, c.left, len(c.content)-c.at)
	answer := bytes.Clone(c.content[c.at : c.at+n])
	c.at, c.left = c.at+n, c.left-n
	if c.promise && c.left > 0 && c.at < len(c.content) {
		return append(answer, 0x61, byte(min(c.left, 255))), nil
	}
	return append(answer, 0x90, 0x00), nil
}
