package simulator_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/reader/simulator"
)

const selectAnnounced = "00A4040C 0A D392F000260100000002"

// announced returns a card with power whose application is selected, with a fixed seed and
// clock.
func announced(t *testing.T, options ...simulator.Option) *simulator.Card {
	t.Helper()
	now := time.Date(2026, 4, 1, 3, 0, 0, 0, time.UTC)
	options = append([]simulator.Option{simulator.WithInsecureSeed("test"), simulator.WithClock(func() time.Time { return now })}, options...)
	card, err := simulator.NewCard(simulator.Announced2028, options...)
	require.NoError(t, err)
	card.PowerOn()
	require.Equal(t, "9000", hex.EncodeToString(exchange(t, card, selectAnnounced)))
	return card
}

func TestAnnouncedCardAnswers(t *testing.T) {
	zeros := func(n int) string { return fmt.Sprintf("%02X %s", n, strings.Repeat("00", n)) }
	signHash := "802A1093 " + zeros(32) + " 00"
	password := "00200098 06 " + hex.EncodeToString([]byte(simulator.Password))
	for _, tt := range []struct {
		name  string
		lines []string
	}{
		{"applications", []string{
			selectJPKI + " > 6A82", selectText + " > 6A82", selectVisual + " > 6A82", selectCommon + " > 6A82",
			"00A4040C 0A D3921000310001010401 > 6A82", "00A4040C 09 D392F0002601000000 > 9000", "00A4040E 09 D392F0002601000000 > 6A82",
			"00A40400 0A D392F000260100000002 00 > 6F0C840AD392F0002601000000029000", selectISD + " > 9000", "00CA004200 > …9000",
		}},
		{"files", []string{
			selectAnnounced + " > 9000", "00B0860020 > " + hex.EncodeToString([]byte("INVENTED2028                    ")) + "9000",
			"00A4020C020006 > 9000", "00B000A000 > 6B00", "00B0009F00 > 399000",
			"00A4020C020001 > 6A82", "00A4020C020002 > 6A82", "00A4020C020008 > 6A82", "00A4020C020009 > 6A82", "00A4020C02000A > 6A82",
			"00A4020C02000B > 6A82", "00A4020C020010 > 6A82", "00A4020C020019 > 6A82", "00A4020C02001A > 6A82", "00A4020C02001B > 6A82", "00A4020C02001E > 6A82",
			"00B0910004 > 3082…9000", "00A4020C020011 > 9000", "00B0000002 > 30829000", "00B0920004 > 3082…9000", "00B0930000 > 6981", "00B0940000 > 6981",
			"00B0950004 > 6982", "00B0960004 > 3082…9000", "00B0970000 > 6981", "00B0980000 > 6981",
			"00B09100 000000 > 3082…FFFF9000", // with an extended length
		}},
		{"the PIN", []string{
			selectAnnounced + " > 9000", "00200094 > 63C3", "00A4020C020014 > 9000", "00200080 > 63C3", signHash + " > 6982",
			"00200094 04 39393939 > 63C2", "00200094 04 31323334 > 9000", "00200094 > 63C3", signHash + " > …9000", "00B0950004 > 6982",
			selectISD + " > 9000", selectAnnounced + " > 9000", signHash + " > 6982",
			"00200094 04 39393939 > 63C2", "00200094 04 39393939 > 63C1", "00200094 04 39393939 > 63C0", "00200094 04 31323334 > 6984", signHash + " > 6982",
		}},
		{"the password", []string{
			selectAnnounced + " > 9000", "00200098 > 63C5", "802A1097 " + zeros(32) + " 00 > 6982",
			"00200098 06 616263313233 > 63C4", password + " > 9000", "00200098 > 63C5", "00B0950004 > 3082…9000",
			"802A1097 " + zeros(32) + " 00 > …9000", signHash + " > 6982",
		}},
		{"signing", []string{
			selectAnnounced + " > 9000", "802A0093 01 AA 00 > 6A86", "00200094 04 31323334 > 9000",
			"802A0093 01 AA 00 > 6A86", "802A0193 01 AA 00 > 6A86", "802A0293 01 AA 00 > 6A86", "802A0393 01 AA 00 > 6A86",
			"802A0493 01 AA 00 > 6A86", "802A0593 01 AA 00 > 6A86", "802A0F93 01 AA 00 > 6A86", "802A1193 01 AA 00 > 6A86",
			"802A1093 01 AA 00 > 6985", "802A1093 " + zeros(31) + " 00 > 6985",
			"802A1093 " + zeros(33) + " 00 > 6985", "802A1093 " + zeros(20) + " 00 > 6985",
			"802A1094 " + zeros(32) + " 00 > 6981", "802A1091 " + zeros(32) + " 00 > 6981",
			"802A1093 " + zeros(32) + " 5F > 6700", "802A1093 " + zeros(32) + " 60 > …9000",
			"00880093 04 01020304 00 > 6985", "80AE0000 01 00 > 6982",
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			converse(t, newCard(t, simulator.Announced2028), tt.lines)
		})
	}
	assert.Equal(t, newCard(t, simulator.ContactExtended).ATR(), newCard(t, simulator.Announced2028).ATR())
	converse(t, newCard(t, simulator.Contact), []string{selectAnnounced + " > 6A82", selectJPKI + " > 9000", "802A1097 01 AA 00 > 6A86"})
}

func TestAnnouncedCertificates(t *testing.T) {
	card := announced(t)
	exchange(t, card, "00200098 06 414243313233")
	today := poweredCard(t, simulator.Contact)
	exchange(t, today, verifyABC123)
	for _, tt := range []struct {
		file, ca, today byte
		keyUsage        x509.KeyUsage
	}{
		{0x11, 0x12, 0x0A, x509.KeyUsageDigitalSignature},
		{0x15, 0x16, 0x01, x509.KeyUsageDigitalSignature | x509.KeyUsageContentCommitment},
	} {
		leaf, ca := certificate(t, card, tt.file), certificate(t, card, tt.ca)
		require.NoError(t, leaf.CheckSignatureFrom(ca))
		require.NoError(t, ca.CheckSignatureFrom(ca))
		for _, c := range []*x509.Certificate{leaf, ca} {
			assert.Equal(t, elliptic.P384(), c.PublicKey.(*ecdsa.PublicKey).Curve)
			assert.Equal(t, x509.ECDSAWithSHA384, c.SignatureAlgorithm)
			assert.Len(t, c.SerialNumber.Bytes(), 4)
		}
		assert.Equal(t, leaf.NotBefore.AddDate(10, 0, 0), leaf.NotAfter)
		assert.True(t, ca.NotBefore.Before(leaf.NotBefore))
		assert.True(t, ca.NotAfter.After(leaf.NotAfter))
		assert.Equal(t, tt.keyUsage, leaf.KeyUsage)
		assert.Equal(t, ca.SubjectKeyId, leaf.AuthorityKeyId)
		assert.Equal(t, extensions(certificate(t, today, tt.today)), extensions(leaf))
		roots := x509.NewCertPool()
		roots.AddCert(ca)
		_, err := leaf.Verify(x509.VerifyOptions{Roots: roots, CurrentTime: leaf.NotAfter, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
		require.NoError(t, err)
	}
	assert.Equal(t, card.CACertificate().Raw, certificate(t, card, 0x12).Raw)
	assert.NotEqual(t, certificate(t, card, 0x11).PublicKey, certificate(t, card, 0x15).PublicKey)
}

// With the same seed and clock, keys and certificates are the same in every run and on
// every machine. Without a seed, the keys are new.
func TestAnnouncedCardIsReproducible(t *testing.T) {
	card := announced(t)
	exchange(t, card, "00200098 06 414243313233")
	for file, want := range map[byte]string{0x11: "b3146b3984736631", 0x12: "9024dce81a2c5837", 0x15: "3594cd08a6e9d15a", 0x16: "9243008d69a32582"} {
		hash := sha256.Sum256(readFile(t, card, file))
		assert.Equal(t, want, hex.EncodeToString(hash[:8]), "file %02X", file)
	}
	key := func(options ...simulator.Option) []byte {
		made, err := simulator.NewCard(simulator.Announced2028, options...)
		require.NoError(t, err)
		made.PowerOn()
		exchange(t, made, selectAnnounced)
		return certificate(t, made, 0x11).RawSubjectPublicKeyInfo
	}
	assert.Equal(t, certificate(t, card, 0x11).RawSubjectPublicKeyInfo, key(simulator.WithInsecureSeed("test")))
	assert.NotEqual(t, key(simulator.WithInsecureSeed("other")), key(simulator.WithInsecureSeed("test")))
	assert.NotEqual(t, key(), key())
}

// A signature is r and s with 48 bytes each, also if they start with zeros.
func TestAnnouncedSignatures(t *testing.T) {
	card := announced(t)
	exchange(t, card, "00200094 04 31323334")
	exchange(t, card, "00200098 06 414243313233")
	for reference, file := range map[byte]byte{0x93: 0x11, 0x97: 0x15} {
		public := certificate(t, card, file).PublicKey.(*ecdsa.PublicKey)
		for _, length := range []int{32, 48, 64} {
			digest := bytes.Repeat([]byte{0xA5}, length)
			short := false // r or s starts with a zero byte, in 1 of 128 signatures
			for range 10_000 {
				command := append([]byte{0x80, 0x2A, 0x10, reference, byte(length)}, digest...)
				response := card.Exchange(append(command, 0x00))
				require.Len(t, response, 98)
				r, s := new(big.Int).SetBytes(response[:48]), new(big.Int).SetBytes(response[48:96])
				require.True(t, ecdsa.Verify(public, digest, r, s))
				if short = response[0] == 0 || response[48] == 0; short {
					break
				}
			}
			assert.True(t, short)
		}
	}
}

// The length of an ECDSA signature varies, but the certificate has the requested length.
func TestAnnouncedCertificateSizes(t *testing.T) {
	for size := 1500; size < 1540; size++ {
		assert.Len(t, certificate(t, announced(t, simulator.WithCertificateSize(size)), 0x11).Raw, size)
	}
}
