package jpki_test

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
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

// forged is a certificate that says what change makes it say, signed by its own
// key. Unchanged it is one that Authenticate takes.
func forged(t testing.TB, change func(*x509.Certificate)) []byte {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "FORGED"},
		NotBefore:    time.Now().AddDate(-1, 0, 0), NotAfter: time.Now().AddDate(3, 0, 0),
		KeyUsage: x509.KeyUsageDigitalSignature,
	}
	change(template)
	der, err := x509.CreateCertificate(rand.Reader, template, template, cardtest.AttackerKey().Public(), cardtest.AttackerKey())
	require.NoError(t, err)
	return der
}

// signatureCertificate is a simulated card's other certificate, 署名用電子証明書.
func signatureCertificate(t testing.TB) []byte {
	t.Helper()
	card := cardtest.NewCard(t, simulator.Contact)
	card.PowerOn()
	for _, command := range []apdu.Command{
		apdu.Command{INS: apdu.InsSelect, P1: 0x04, P2: 0x0C}.WithData([]byte{0xD3, 0x92, 0xF0, 0x00, 0x26, 0x01, 0x00, 0x00, 0x00, 0x01}),
		apdu.Command{INS: apdu.InsVerify, P2: 0x9B}.WithData([]byte(simulator.Password)),
	} {
		encoded, err := command.MarshalBinary()
		require.NoError(t, err)
		require.Equal(t, []byte{0x90, 0x00}, card.Exchange(encoded))
	}
	var content []byte
	for offset := 0; offset < 2048; offset += 256 {
		block := card.Exchange([]byte{0x00, 0xB0, byte(offset >> 8), byte(offset), 0x00})
		if offset == 0 {
			block = card.Exchange([]byte{0x00, 0xB0, 0x81, 0x00, 0x00})
		}
		require.Len(t, block, 258)
		content = append(content, block[:256]...)
	}
	length := 4 + int(content[2])<<8 + int(content[3])
	return content[:length]
}

// A certificate of another kind in place of the authentication certificate is rejected:
// before the PIN is sent, if the card shows it then.
//
// Faults: F55, F91.
func TestWrongKindsOfCertificates(t *testing.T) {
	ctx := context.Background()
	ca, err := open(t, cardtest.Open(t, simulator.Contact)).AuthCACertificate(ctx)
	require.NoError(t, err)
	usage := func(u x509.KeyUsage) []byte {
		return forged(t, func(c *x509.Certificate) { c.KeyUsage = u })
	}
	client := []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	extended := func(known []x509.ExtKeyUsage, unknown ...asn1.ObjectIdentifier) []byte {
		return forged(t, func(c *x509.Certificate) { c.ExtKeyUsage, c.UnknownExtKeyUsage = known, unknown })
	}
	extension := func(id asn1.ObjectIdentifier, critical bool, value ...byte) []byte {
		return forged(t, func(c *x509.Certificate) {
			c.ExtraExtensions = []pkix.Extension{{Id: id, Critical: critical, Value: value}}
		})
	}
	keyUsage, extKeyUsage := asn1.ObjectIdentifier{2, 5, 29, 15}, asn1.ObjectIdentifier{2, 5, 29, 37}
	policy := func(last ...uint64) []byte {
		var oids []x509.OID
		for _, arcs := range [][]uint64{{1, 2, 3}, append([]uint64{1, 2, 392, 200149, 8, 5}, last...)} {
			oid, err := x509.OIDFromInts(arcs)
			require.NoError(t, err)
			oids = append(oids, oid)
		}
		return forged(t, func(c *x509.Certificate) { c.Policies = oids })
	}
	for name, tt := range map[string]struct {
		content []byte
		err     error // nil: it is taken, and the card fails the proof
	}{
		"the signature certificate":          {signatureCertificate(t), trust.ErrWrongKind},
		"the CA certificate":                 {ca.Raw, trust.ErrWrongKind},
		"basic constraints of a CA":          {forged(t, func(c *x509.Certificate) { c.BasicConstraintsValid, c.IsCA = true, true }), trust.ErrWrongKind},
		"key for signing certificates":       {usage(x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign), trust.ErrWrongKind},
		"key for signing documents":          {usage(x509.KeyUsageDigitalSignature | x509.KeyUsageContentCommitment), trust.ErrWrongKind},
		"key for encryption":                 {usage(x509.KeyUsageKeyEncipherment | x509.KeyUsageDataEncipherment), trust.ErrWrongKind},
		"policy of the signature":            {policy(1, 1, 20), trust.ErrWrongKind},
		"policy of a test card's signature":  {policy(1, 0, 20), trust.ErrWrongKind},
		"the arc of such policies":           {policy(1, 1), nil},
		"another policy of that arc":         {policy(1, 1, 30), nil},
		"an arc too long for an int":         {policy(1, 1, 1<<63), nil},
		"policy of user authentication":      {policy(1, 3, 30), nil},
		"a policy beside the arc":            {policy(1, 11, 20), nil},
		"basic constraints, no CA":           {forged(t, func(c *x509.Certificate) { c.BasicConstraintsValid = true }), nil},
		"nothing said of usage":              {usage(0), trust.ErrWrongKind},
		"a usage that allows nothing":        {extension(keyUsage, true, 0x03, 0x01, 0x00), trust.ErrWrongKind},
		"another usage beside":               {usage(x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment), nil},
		"no usage, but extended usage":       {forged(t, func(c *x509.Certificate) { c.KeyUsage, c.ExtKeyUsage = 0, client }), trust.ErrWrongKind},
		"for clients":                        {extended(client), nil},
		"for clients, critical":              {extension(extKeyUsage, true, 0x30, 0x0A, 0x06, 0x08, 0x2B, 6, 1, 5, 5, 7, 3, 2), nil},
		"extended usage that allows nothing": {extension(extKeyUsage, false, 0x30, 0x00), trust.ErrWrongKind},
		"for any purpose":                    {extended([]x509.ExtKeyUsage{x509.ExtKeyUsageAny}), trust.ErrWrongKind},
		"for clients and any purpose":        {extended([]x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageAny}), trust.ErrWrongKind},
		"for OCSP":                           {extended([]x509.ExtKeyUsage{x509.ExtKeyUsageOCSPSigning}), trust.ErrWrongKind},
		"for clients and OCSP":               {extended([]x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageOCSPSigning}), trust.ErrWrongKind},
		"for servers":                        {extended([]x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}), trust.ErrWrongKind},
		"for servers and clients":            {extended([]x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}), trust.ErrWrongKind},
		"for time stamps":                    {extended([]x509.ExtKeyUsage{x509.ExtKeyUsageTimeStamping}), trust.ErrWrongKind},
		"for mail":                           {extended([]x509.ExtKeyUsage{x509.ExtKeyUsageEmailProtection}), trust.ErrWrongKind},
		"for code":                           {extended([]x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning}), trust.ErrWrongKind},
		"for an unknown purpose":             {extended(nil, asn1.ObjectIdentifier{1, 2, 3, 4}), trust.ErrWrongKind},
		"for clients and an unknown purpose": {extended(client, asn1.ObjectIdentifier{1, 2, 3, 4}), trust.ErrWrongKind},
		"a CA's that has expired": {forged(t, func(c *x509.Certificate) {
			c.BasicConstraintsValid, c.IsCA, c.NotAfter = true, true, time.Now().AddDate(0, 0, -1)
		}), trust.ErrWrongKind},
	} {
		t.Run(name, func(t *testing.T) {
			want, pins := tt.err, 0
			if want == nil {
				want, pins = jpki.ErrNoPossession, 1
			}
			d := cardtest.Open(t, simulator.Contact)
			serve(d, tt.content)
			got, err := jpki.Authenticate(ctx, d.Connection, pin(t, simulator.PIN))
			require.ErrorIs(t, err, want)
			assert.Nil(t, got)
			assert.Equal(t, pins, d.Secrets(), "VERIFY commands with a PIN")
			assert.False(t, d.Card.State().AuthVerified)

			a := open(t, d)
			_, err = a.Ready(ctx)
			require.ErrorIs(t, err, tt.err)
			certificate, err := a.AuthCertificate(ctx)
			require.ErrorIs(t, err, tt.err)
			assert.Equal(t, tt.err == nil, certificate != nil)
			ca, err := a.AuthCACertificate(ctx)
			require.NoError(t, err, "nothing is checked of a CA certificate")
			assert.Equal(t, tt.content, ca.Raw)
		})
	}

	t.Run("a phone, which shows it after the PIN", func(t *testing.T) {
		d := cardtest.Open(t, simulator.Android)
		serve(d, signatureCertificate(t))
		serving := d.After
		d.After = func(n int, c apdu.Command, response []byte) ([]byte, error) {
			if len(response) == 2 {
				return response, nil
			}
			return serving(n, c, response)
		}
		got, err := jpki.Authenticate(ctx, d.Connection, pin(t, simulator.PIN))
		require.ErrorIs(t, err, trust.ErrWrongKind)
		assert.Nil(t, got)
		assert.Equal(t, 1, d.Secrets())
		assert.Equal(t, 3, d.Card.State().AuthAttempts, "a correct PIN costs none")
		assert.False(t, d.Card.State().AuthVerified)
	})
}
