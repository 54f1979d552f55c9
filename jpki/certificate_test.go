package jpki_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/cardtest"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/jpki/trust"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// serve has the card show content as both of its certificates, and tells how far that was
// read.
func serve(d *cardtest.Desk, content []byte) (read *int) {
	return d.ServeFiles(map[byte][]byte{0x0A: content, 0x0B: content})
}

func selfSigned(t testing.TB, public, private any) []byte {
	t.Helper()
	template := &x509.Certificate{ // of whoever likes
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "\x1b[31mcontrol\x07"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(2, 0, 0), KeyUsage: x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, private)
	require.NoError(t, err)
	return der
}

// hugeKey is a certificate for a key of 8192 bits that nobody has.
func hugeKey(t testing.TB) []byte {
	t.Helper()
	signer, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	n := new(big.Int).Lsh(big.NewInt(1), 8191)
	return selfSigned(t, &rsa.PublicKey{N: n.Add(n, big.NewInt(1)), E: 65537}, signer)
}

// The certificate's file may be blank or truncated, have a header that is wrong in any way,
// or a key that can't be used.
//
// Faults: F49, F50, F51, F53.
func TestHostileCertificateFiles(t *testing.T) {
	genuine, err := open(t, cardtest.Open(t, simulator.Contact)).AuthCertificate(context.Background())
	require.NoError(t, err)
	whole := genuine.Raw
	short := append(bytes.Clone(whole[:2]), byte((len(whole)-14)>>8), byte(len(whole)-14)) // header says 10 bytes fewer
	short = append(short, whole[4:]...)
	long := append([]byte{0x30, 0x82, byte((len(whole) + 6) >> 8), byte(len(whole) + 6)}, whole[4:]...) // 10 bytes more
	extra := append([]byte{0x30, 0x82, byte((len(whole) - 2) >> 8), byte(len(whole) - 2)}, append(bytes.Clone(whole[4:]), 0x05, 0x00)...)
	header := func(length ...byte) []byte { return append(append([]byte{0x30}, length...), whole[4:]...) }
	ec, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	require.NoError(t, err)
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	require.NoError(t, err)

	for _, tt := range []struct {
		name    string
		content []byte
		err     error
	}{
		{"empty", nil, jpki.ErrNoCertificate},
		{"blank", bytes.Repeat([]byte{0xFF}, 2048), jpki.ErrNoCertificate},
		{"zeros", make([]byte, 2048), jpki.ErrNoCertificate},
		{"truncated", whole[:len(whole)-1], trust.ErrMalformed},
		{"one byte", whole[:1], trust.ErrMalformed},
		{"two bytes", whole[:2], trust.ErrMalformed},
		{"three bytes", whole[:3], trust.ErrMalformed},
		{"four bytes", whole[:4], trust.ErrMalformed},
		{"five bytes", whole[:5], trust.ErrMalformed},
		{"six bytes", whole[:6], trust.ErrMalformed},
		{"one byte of filler", []byte{0xFF}, jpki.ErrNoCertificate},
		{"an empty sequence", []byte{0x30, 0x00}, trust.ErrMalformed},
		{"not DER", append([]byte{0x30, 0x82, 0x01, 0x00}, bytes.Repeat([]byte{0xA5}, 300)...), trust.ErrMalformed},
		{"DER of something else", []byte{0x30, 0x03, 0x02, 0x01, 0x05}, trust.ErrMalformed},
		{"another tag", append([]byte{0x31}, whole[1:]...), trust.ErrMalformed},
		{"header shorter than the certificate", short, trust.ErrMalformed},
		{"header longer than the file", long, trust.ErrMalformed},
		{"header longer than the certificate, up to filler", append(bytes.Clone(long), bytes.Repeat([]byte{0xFF}, 300)...), trust.ErrMalformed},
		{"one element more in the certificate", extra, trust.ErrMalformed},
		{"indefinite length", header(0x80), trust.ErrMalformed},
		{"length in one byte that needs two", header(0x81, 0xFF), trust.ErrMalformed},
		{"length in three bytes that needs two", header(0x83, 0x00, whole[2], whole[3]), trust.ErrMalformed},
		{"length in four bytes that needs two", header(0x84, 0x00, 0x00, whole[2], whole[3]), trust.ErrMalformed},
		{"length in five bytes", header(0x85, 0x00, 0x00, 0x00, whole[2], whole[3]), trust.ErrMalformed},
		{"length in 127 bytes", header(append([]byte{0xFF}, make([]byte, 127)...)...), trust.ErrMalformed},
		{"length of all ones", header(0x82, 0xFF, 0xFF), trust.ErrMalformed},
		{"length of all ones, three bytes", header(0x83, 0xFF, 0xFF, 0xFF), trust.ErrMalformed},
		{"length of 2 GB, negative where int has 32 bits", header(0x84, 0x80, 0x00, 0x00, 0x00), trust.ErrMalformed},
		{"length of 4 GB and more, small where int has 32 bits", header(0x85, 0x01, 0x00, 0x00, 0x05, 0xE0), trust.ErrMalformed},
		{"length of 4 GB", append([]byte{0x30, 0x84, 0xFF, 0xFF, 0xFF, 0xFF}, whole...), trust.ErrMalformed},
		{"length of 40 KiB", append([]byte{0x30, 0x82, 0xA0, 0x00}, make([]byte, 41000)...), trust.ErrMalformed},
		{"length of 64 KiB and more", append([]byte{0x30, 0x83, 0x01, 0x00, 0x00}, make([]byte, 70000)...), trust.ErrMalformed},
		{"an elliptic key", selfSigned(t, ec.Public(), ec), trust.ErrUnsupportedKey},
		{"a short RSA key", selfSigned(t, small.Public(), small), trust.ErrUnsupportedKey},
		{"a huge RSA key", hugeKey(t), trust.ErrUnsupportedKey},
	} {
		for _, profile := range []simulator.Profile{simulator.ContactShort, simulator.ContactExtended} {
			t.Run(tt.name+", "+string(profile), func(t *testing.T) {
				d := cardtest.Open(t, profile)
				read := serve(d, tt.content)
				got, err := jpki.Authenticate(context.Background(), d.Connection, pin(t, simulator.PIN))
				require.ErrorIs(t, err, tt.err)
				assert.Nil(t, got)
				assert.LessOrEqual(t, *read, 64<<10)
				assert.Zero(t, d.Secrets(), "no attempt for a card that can't be used")
				assert.NotContains(t, err.Error(), "\x1b")
			})
		}
	}
}

// Faults: F51.
func TestTrailingFillerIsIgnored(t *testing.T) {
	genuine, err := open(t, cardtest.Open(t, simulator.Contact)).AuthCertificate(context.Background())
	require.NoError(t, err)
	for _, filler := range [][]byte{nil, {0xFF}, bytes.Repeat([]byte{0xFF}, 700), {0x30, 0x03, 1, 2, 3}} {
		d := cardtest.Open(t, simulator.Contact)
		serve(d, append(bytes.Clone(genuine.Raw), filler...))
		got, err := open(t, d).AuthCertificate(context.Background())
		require.NoError(t, err)
		assert.Equal(t, genuine.Raw, got.Raw)
	}
}

// The first and the last second are accepted. The seconds beside them are rejected before
// the PIN is sent, whatever the time zone of the clock.
//
// Faults: F56, F92.
func TestAuthenticateAtTheEdgesOfValidity(t *testing.T) {
	genuine, err := open(t, cardtest.Open(t, simulator.Contact)).AuthCertificate(context.Background())
	require.NoError(t, err)
	for _, tt := range []struct {
		now time.Time
		err error
	}{
		{genuine.NotBefore.Add(-1), trust.ErrNotYetValid},
		{genuine.NotBefore, nil},
		{genuine.NotAfter.Add(time.Second - 1), nil},
		{genuine.NotAfter.Add(time.Second), trust.ErrExpired},
		{time.Unix(0, 0), trust.ErrNotYetValid},
		{time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC), trust.ErrExpired},
	} {
		for _, zone := range []*time.Location{time.UTC, trust.Japan} {
			d := cardtest.Open(t, simulator.Contact)
			serve(d, genuine.Raw)
			_, err := jpki.Authenticate(context.Background(), d.Connection, pin(t, simulator.PIN), jpki.WithClock(func() time.Time { return tt.now.In(zone) }))
			require.ErrorIs(t, err, tt.err)
			if tt.err == nil {
				continue
			}
			assert.Zero(t, d.Secrets())
			var unusable *trust.ValidityError
			require.ErrorAs(t, err, &unusable)
			assert.Equal(t, genuine.NotAfter, unusable.NotAfter)
			assert.Equal(t, tt.err.Error(), err.Error(), "without the day, which is the holder's birthday")
		}
	}
}
