package simulator_test

import (
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/reader/simulator"
)

func TestCertificates(t *testing.T) {
	card := poweredCard(t, simulator.Contact)
	auth, ca := certificate(t, card, 0x0A), certificate(t, card, 0x0B)

	require.NoError(t, auth.CheckSignatureFrom(ca))
	require.NoError(t, ca.CheckSignatureFrom(ca))
	assert.Contains(t, ca.Subject.String(), "O=JPKI-SIMULATOR")
	assert.Equal(t, ca.RawSubject, auth.RawIssuer)
	assert.LessOrEqual(t, auth.SerialNumber.BitLen(), 32)
	assert.Equal(t, 4, len(auth.SerialNumber.Bytes()))
	assert.Equal(t, x509.KeyUsageDigitalSignature, auth.KeyUsage)
	assert.Equal(t, []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}, auth.ExtKeyUsage)
	roots := x509.NewCertPool()
	roots.AddCert(ca)
	_, err := auth.Verify(x509.VerifyOptions{Roots: roots, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	require.NoError(t, err)
	_, err = auth.Verify(x509.VerifyOptions{Roots: roots}) // requires a server certificate
	require.Error(t, err, "the same as with a test card")
	assert.Equal(t, "1.2.392.200149.8.5.1.3.30", auth.Policies[0].String())
	assert.Empty(t, auth.UnhandledCriticalExtensions)
	assert.Equal(t, 2048, auth.PublicKey.(*rsa.PublicKey).N.BitLen())
	assert.Len(t, auth.Subject.CommonName, 24)
	assert.Empty(t, auth.CRLDistributionPoints, "a directory name, not an address")
	assert.InDelta(t, 1590, len(auth.Raw), 30, "about as long as a test card's")
	assert.True(t, ca.IsCA)
	assert.False(t, auth.IsCA)

	exchange(t, card, verifyABC123)
	sign := certificate(t, card, 0x01)
	require.NoError(t, sign.CheckSignatureFrom(certificate(t, card, 0x02)))
	assert.Equal(t, x509.KeyUsageDigitalSignature|x509.KeyUsageContentCommitment, sign.KeyUsage)
	assert.Empty(t, sign.ExtKeyUsage)
	assert.NotEqual(t, auth.PublicKey, sign.PublicKey)
	assert.Contains(t, string(sign.Raw), "模擬　花子")
	assert.InDelta(t, 1758, len(sign.Raw), 100, "about as long as a test card's")
}

func TestValidityFollowsTheProfile(t *testing.T) {
	now := time.Date(2026, 4, 1, 3, 0, 0, 0, time.UTC)
	for profile, want := range map[simulator.Profile]time.Time{
		simulator.Contact:  now.AddDate(3, 6, 0),
		simulator.Expired:  now.AddDate(0, -1, 0),
		simulator.Expiring: now.AddDate(0, 1, 0),
	} {
		card := poweredCard(t, profile, simulator.WithClock(func() time.Time { return now }))
		assert.Equal(t, want, certificate(t, card, 0x0A).NotAfter, profile)
	}
}

func TestKeysAreDerivedFromTheSeed(t *testing.T) {
	key := func(p simulator.Profile, options ...simulator.Option) []byte {
		card, err := simulator.NewCard(p, options...)
		require.NoError(t, err)
		card.PowerOn()
		exchange(t, card, selectJPKI)
		if p == simulator.Android {
			exchange(t, card, verify1234)
		}
		return certificate(t, card, 0x0A).RawSubjectPublicKeyInfo
	}
	seed := simulator.WithInsecureSeed("test")
	assert.Equal(t, key(simulator.Contact, seed), key(simulator.Expired, seed), "the same holder")
	assert.NotEqual(t, key(simulator.Contact, seed), key(simulator.Android, seed), "a phone has other keys")
	assert.NotEqual(t, key(simulator.Contact, seed), key(simulator.Contact, simulator.WithInsecureSeed("other")))
	assert.NotEqual(t, key(simulator.Contact), key(simulator.Contact), "without a seed, keys are new")

	// The keys are the same in every run and on every machine.
	hash := sha256.Sum256(key(simulator.Contact, seed))
	assert.Equal(t, "159b481b3504070a", hex.EncodeToString(hash[:8]))
}

// WithCertificateSize pads a certificate to any length, but can't make it shorter.
func TestWithCertificateSize(t *testing.T) {
	for _, size := range []int{1600, 1700, 1701, 2047, 2048, 4096, 16384} {
		card := poweredCard(t, simulator.Contact, simulator.WithCertificateSize(size))
		assert.Len(t, certificate(t, card, 0x0A).Raw, size)
	}
	for _, size := range []int{-1, 100, 1000} {
		_, err := simulator.NewCard(simulator.Contact, simulator.WithInsecureSeed("test"), simulator.WithCertificateSize(size))
		require.Error(t, err)
	}
}

// With the same seed and clock, keys and certificates are the same in every run and on
// every machine.
func TestSeededCertificatesAreReproducible(t *testing.T) {
	now := time.Date(2026, 4, 1, 3, 0, 0, 0, time.UTC)
	for profile, want := range map[simulator.Profile]map[byte]string{
		simulator.Contact:      {0x0A: "10d4e941ce69b9c0", 0x0B: "d47d00ae6de16668", 0x01: "f9b190dad5c90933", 0x02: "73c922492fe75272"},
		simulator.Android:      {0x0A: "60dbfc43f1f6e418", 0x0B: "d47d00ae6de16668", 0x01: "79064af8e027f004", 0x02: "73c922492fe75272"},
		simulator.ResidentCard: {0x0A: "6ef4495b56356c5c", 0x0B: "d47d00ae6de16668", 0x01: "b959c8b94b25e7cf", 0x02: "73c922492fe75272"},
	} {
		card := poweredCard(t, profile, simulator.WithClock(func() time.Time { return now }))
		exchange(t, card, verify1234)
		exchange(t, card, verifyABC123)
		for file, want := range want {
			hash := sha256.Sum256(readFile(t, card, file))
			assert.Equal(t, want, hex.EncodeToString(hash[:8]), "%s, file %02X", profile, file)
		}
	}
}

// The padding is an extension under the arc 2.999, which is reserved for examples.
func TestPaddingOfCertificates(t *testing.T) {
	padded := certificate(t, poweredCard(t, simulator.Contact, simulator.WithCertificateSize(1700)), 0x0A)
	assert.Len(t, padded.Raw, 1700)
	assert.False(t, extension(t, padded, 2, 999, 1).Critical)
}
