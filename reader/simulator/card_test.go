package simulator_test

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/apdu"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

const (
	selectJPKI = "00A4040C 0A D392F000260100000001"
	selectISD  = "00A4040C 07 A0000001510000"
	selectText = "00A4040C 0A D3921000310001010408"
	verify1234 = "00200098 04 31323334"
	verify9999 = "00200098 04 39393939"
	digest     = "802A0097 01 AA 00"
)

func exchange(t testing.TB, card *simulator.Card, command string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(command, " ", ""))
	require.NoError(t, err)
	return card.Exchange(b)
}

// Each line is a command and the answer, or only its end with "…" before it.
// "cold", "warm" are resets.
func TestCardAnswers(t *testing.T) {
	password := "0020009B 06 " + hex.EncodeToString([]byte(simulator.Password))
	for _, tt := range []struct {
		name    string
		profile simulator.Profile
		lines   []string
	}{
		{"nothing is selected after power-up", simulator.Contact, []string{
			"00A4020C02000A > 6A86", "00B0000000 > 6986", "00B08A0000 > 6986", "00200080 > 6986", "00200098 > 6986", "00A40000 > 6A86",
		}},
		{"applications", simulator.Contact, []string{
			"00A4040C 05 A000000308 > 6A82", selectJPKI + " > 9000", "00A40000 > 9000", "00A40000023F00 > 6A82",
			"00A4040C 05 A000000308 > 6A82", "00200098 > 63C3", // an unknown name changes nothing
			"00A4040C 06 D392F0002601 > 9000", "00200098 > 63C3", // the start of a name
			"00A40400 0A D392F000260100000001 00 > 6F0C840AD392F0002601000000019000",
			"00A4040C 02 D392 > 9000", "00200098 > 6A82", // the first that fits is another
			"00A4040E 02 D392 > 9000", "00A4040E 02 D392 > 9000", "00A4040E 02 D392 > 9000", "00A4040E 02 D392 > 9000", "00200098 > 63C3",
			"00A4040E 02 D392 > 6A82",
			"00A4040C 00 > 6700", "00A4060C 02 3F00 > 6A86", "00A4040C 11 D392F00026010000000100000000000000 > 6700",
			selectText + " > 9000", "00200091 > 63C3",
			selectISD + " > 9000",
		}},
		{"files", simulator.Contact, []string{
			selectJPKI + " > 9000", "00A4020C020006 > 9000", "00B0000020 > " + hex.EncodeToString([]byte("JPKIAPICCTOKEN2                 ")) + "9000",
			"00B0000000 > …9000", "00B000A000 > 6B00", "00B0009F00 > 399000", "00A4020C02EEEE > 6A82",
			"00B0800000 > …9000", "00B09F0000 > 6A86", "00B09D0000 > 6A82", "00B09E0000 > 6981", "00B0970000 > 6981", "00B0980000 > 6981",
			"00B08800 00 > 8F8F009000", "00B08A0004 > 308206…9000", "00B0000404 > …9000",
			"00B07FFF00 > 6B00", "00B08A00 > 6700", "00B08A0001AA00 > 6700",
			"00B08100 00 > 6982", "00B08900 00 > 6982",
		}},
		{"the retry counter costs nothing", simulator.Contact, []string{
			selectJPKI + " > 9000", "00200098 > 63C3", "00200098 > 63C3", "00A4020C020018 > 9000", "00200080 > 63C3",
			"0020008000 > 6700", "00A4020C02001B > 9000", "00200080 > 63C5", "0020009B > 63C5", "00200097 > 6981", "00200198 > 6A86",
			"00200018 > 6A86", "0020009F > 6A86",
			verify1234 + " > 9000", "00200098 > 63C3",
		}},
		{"a wrong PIN costs a try, a right one gives them back", simulator.Contact, []string{
			selectJPKI + " > 9000", verify9999 + " > 63C2", "00200098 > 63C2", verify9999 + " > 63C1", verify1234 + " > 9000", "00200098 > 63C3",
		}},
		{"three misses lock", simulator.Contact, []string{
			selectJPKI + " > 9000", verify9999 + " > 63C2", verify9999 + " > 63C1", verify9999 + " > 63C0",
			verify1234 + " > 6984", "00200098 > 63C0", "cold", selectJPKI + " > 9000", verify1234 + " > 6984", digest + " > 6982",
		}},
		{"wrong lengths are wrong PINs, up to 16 bytes", simulator.Contact, []string{
			selectJPKI + " > 9000", "00200098 05 3132333435 > 63C2", "00200098 11 3132333435363738393031323334353637 > 6700", "00200098 > 63C2",
		}},
		{"a wrong PIN ends the verified state", simulator.Contact, []string{
			selectJPKI + " > 9000", verify1234 + " > 9000", digest + " > …9000", verify9999 + " > 63C2", digest + " > 6982",
		}},
		{"the verified state survives a warm reset and the application selected again", simulator.Contact, []string{
			selectJPKI + " > 9000", digest + " > 6982", verify1234 + " > 9000", digest + " > …9000", digest + " > …9000",
			selectJPKI + " > 9000", digest + " > …9000", "warm", digest + " > 6986", selectJPKI + " > 9000", digest + " > …9000",
			"00A4040C 05 A000000308 > 6A82", digest + " > …9000",
		}},
		{"the verified state ends with another application", simulator.Contact, []string{
			selectJPKI + " > 9000", verify1234 + " > 9000", selectISD + " > 9000", selectJPKI + " > 9000", digest + " > 6982",
			verify1234 + " > 9000", selectText + " > 9000", selectJPKI + " > 9000", digest + " > 6982",
		}},
		{"the verified state ends with power", simulator.Contact, []string{
			selectJPKI + " > 9000", verify1234 + " > 9000", "cold", selectJPKI + " > 9000", digest + " > 6982",
		}},
		{"the signature password guards its own", simulator.Contact, []string{
			selectJPKI + " > 9000", verify1234 + " > 9000", "00B0810004 > 6982", "802A009A01AA00 > 6982",
			password + " > 9000", "00B0810004 > 3082…9000", "802A009A01AA00 > …9000", "00B0820004 > 3082…9000",
			"0020009B 06 414243313233 > 9000", "0020009B 06 616263313233 > 63C4", "802A009A01AA00 > 6982", digest + " > …9000",
		}},
		{"signature by selected file", simulator.Contact, []string{
			selectJPKI + " > 9000", verify1234 + " > 9000", "802A008001AA00 > 6981", "00A4020C020017 > 9000", "802A008001AA00 > …9000",
			"802A0697 01 AA 00 > 6A86", "802A0097 01 AA > 6700", "802A0097 00 > 6700", "802A0297 01 AA 00 > 6985", "802A0497 01 AA 00 > 6985",
			"802A0097 01 AA 10 > 6700",
		}},
		{"changing the PIN", simulator.Contact, []string{
			selectJPKI + " > 9000", "00240198 04 39393939 > 6982", verify1234 + " > 9000", "00240098 04 39393939 > 6A86",
			"00240198 04 39393939 > 9000", "cold", selectJPKI + " > 9000", verify1234 + " > 63C2", verify9999 + " > 9000",
		}},
		{"classes and instructions", simulator.Contact, []string{
			selectJPKI + " > 9000", "01200098 > 6881", "40200098 > 6881", "0CA4040C > 6882", "08B0000000 > 69FC", "0C200098 > 69FC",
			"00CADF3005 > 6A88", "00CB3FFF035C017E08 > 6D00", "00C0000000 > 6D00", "80200098 > 6D00", "10200098 > 6E00", "A0200098 > 6E00",
			"80FC0000 > 6700", "0020 > 6700", "00A4040C 0A D3 > 6700",
		}},
		{"challenges", simulator.Contact, []string{
			"0084000008 > …9000", "00840000 > 6700", "0084010008 > 6A86",
		}},
		{"extended lengths where declared", simulator.ContactExtended, []string{
			selectJPKI + " > 9000", "00B08A00 000010 > …9000", "00B08A00 000000 > …FFFF9000", "00840000 000008 > 6985",
		}},
		{"extended lengths elsewhere", simulator.ContactShort, []string{
			selectJPKI + " > 9000", "00B08A00 000010 > 6700",
		}},
		{"a phone's certificate needs the PIN", simulator.Android, []string{
			selectJPKI + " > 9000", "00B0860020 > " + hex.EncodeToString([]byte("JPKIAPGPSETOKEN                 ")) + "9000",
			"00B08A0004 > 6982", verify1234 + " > 9000", "00B08A0004 > 3082…9000", "80FC0000 > 6700",
		}},
		{"an iPhone knows the last command", simulator.IPhone, []string{
			selectJPKI + " > 9000", "00B08A0004 > 6982", "80FC0000 > 9000",
		}},
		{"no certificate", simulator.NoCertificate, []string{
			selectJPKI + " > 9000", "00B0880000 > 8F00009000", "00B08A0004 > FFFFFFFF9000",
		}},
		{"locked", simulator.Locked, []string{selectJPKI + " > 9000", "00200098 > 63C0", verify1234 + " > 6984"}},
		{"last try", simulator.LastTry, []string{selectJPKI + " > 9000", "00200098 > 63C1", verify9999 + " > 63C0"}},
		{"face authentication", simulator.FaceAuth, []string{
			selectJPKI + " > 9000", "00200098 > 63C0", "00B0880000 > 008F009000", "00B0810004 > 6A82", "00B08A0004 > 3082…9000",
		}},
		{"not a My Number Card", simulator.NotMyNumber, []string{selectJPKI + " > 6A82", selectISD + " > 9000"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			converse(t, newCard(t, tt.profile), tt.lines)
		})
	}
}

func TestBlockedStatusIsAChoice(t *testing.T) {
	card, err := simulator.NewCard(simulator.Locked, simulator.WithInsecureSeed("test"), simulator.WithBlockedStatus(0x6983))
	require.NoError(t, err)
	card.PowerOn()
	exchange(t, card, selectJPKI)
	assert.Equal(t, "6983", hex.EncodeToString(exchange(t, card, verify1234)))
	assert.Equal(t, "63c0", hex.EncodeToString(exchange(t, card, "00200098")))
}

func TestCardWithoutPowerAnswersNothing(t *testing.T) {
	card := newCard(t, simulator.Contact)
	assert.Nil(t, exchange(t, card, selectJPKI))
	card.PowerOn()
	assert.NotNil(t, exchange(t, card, selectJPKI))
	card.PowerOff()
	assert.Nil(t, exchange(t, card, selectJPKI))
}

// OpenSC asks these before it tries JPKI, in this order.
func TestCardRefusesOpenSCsProbes(t *testing.T) {
	card := newCard(t, simulator.Contact)
	card.PowerOn()
	probes := []string{
		"00A4040C 06 627601FF0000", "00A4040C 06 A00000000101", "00A4040C 0B E82B0601040181C31F0201",
		"00A4040C 0F D23300000045737445494420763335",
		"00CADF3005", "00CB3FFF035C017E08", "00A4040C 09 A00000030800001000", "00A4040C 06 A000000116DB00",
	}
	for n := range 16 {
		probes = append(probes, fmt.Sprintf("00A4040C 07 A00000007901%02X", n))
	}
	probes = append(probes, "00A4040C 0C F276A288BCFBA69D34F31001", "00A4040C 09 A00000039742544659", "00A4040C 06 D27600012401")
	for _, probe := range probes {
		assert.Contains(t, []string{"6a82", "6a88", "6d00"}, hex.EncodeToString(exchange(t, card, probe)), probe)
	}
	assert.Equal(t, "9000", hex.EncodeToString(exchange(t, card, selectJPKI)))
}

// readFile reads a whole file by short identifier, filler included.
func readFile(t testing.TB, card *simulator.Card, sfi byte) []byte {
	t.Helper()
	var content []byte
	for first := true; ; first = false {
		command := []byte{0x00, 0xB0, byte(len(content) >> 8), byte(len(content)), 0x00}
		if first {
			command[2], command[3] = 0x80|sfi, 0
		}
		answer := card.Exchange(command)
		n := len(answer) - 2
		if sw := answer[n:]; bytes.Equal(sw, []byte{0x6B, 0x00}) {
			return content
		} else {
			require.Equal(t, []byte{0x90, 0x00}, sw)
		}
		content = append(content, answer[:n]...)
	}
}

func certificate(t testing.TB, card *simulator.Card, sfi byte) *x509.Certificate {
	t.Helper()
	var raw asn1.RawValue
	rest, err := asn1.Unmarshal(readFile(t, card, sfi), &raw)
	require.NoError(t, err)
	assert.NotEmpty(t, rest, "filler follows")
	assert.Empty(t, bytes.Trim(rest, "\xFF"))
	cert, err := x509.ParseCertificate(raw.FullBytes)
	require.NoError(t, err)
	return cert
}

func powered(t testing.TB, p simulator.Profile) *simulator.Card {
	card := newCard(t, p)
	card.PowerOn()
	exchange(t, card, selectJPKI)
	return card
}

func TestCertificates(t *testing.T) {
	card := powered(t, simulator.Contact)
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
	_, err = auth.Verify(x509.VerifyOptions{Roots: roots}) // which asks for a server's certificate
	require.Error(t, err, "as of a test card")
	assert.Equal(t, "1.2.392.200149.8.5.1.3.30", auth.Policies[0].String())
	assert.Empty(t, auth.UnhandledCriticalExtensions)
	assert.Equal(t, 2048, auth.PublicKey.(*rsa.PublicKey).N.BitLen())
	assert.Len(t, auth.Subject.CommonName, 24)
	assert.Empty(t, auth.CRLDistributionPoints, "a directory name, not an address")
	assert.InDelta(t, 1590, len(auth.Raw), 30, "about as long as a test card's")
	assert.True(t, ca.IsCA)
	assert.False(t, auth.IsCA)

	exchange(t, card, "0020009B 06 414243313233")
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
		card, err := simulator.NewCard(profile, simulator.WithInsecureSeed("test"), simulator.WithClock(func() time.Time { return now }))
		require.NoError(t, err)
		card.PowerOn()
		exchange(t, card, selectJPKI)
		assert.Equal(t, want, certificate(t, card, 0x0A).NotAfter, profile)
	}
}

func TestSeedsAndKeys(t *testing.T) {
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
	assert.Equal(t, key(simulator.Contact, seed), key(simulator.Expired, seed), "one seed, one resident")
	assert.NotEqual(t, key(simulator.Contact, seed), key(simulator.Android, seed), "a phone has its own certificate")
	assert.NotEqual(t, key(simulator.Contact, seed), key(simulator.Contact, simulator.WithInsecureSeed("other")))
	assert.NotEqual(t, key(simulator.Contact), key(simulator.Contact), "without a seed, a new key each time")

	// The same in every run, on every machine.
	hash := sha256.Sum256(key(simulator.Contact, seed))
	assert.Equal(t, "159b481b3504070a", hex.EncodeToString(hash[:8]))
}

// Certificates of any length that measurements want, and none shorter than it is.
func TestCertificateSizes(t *testing.T) {
	for _, size := range []int{1600, 1700, 1701, 2047, 2048, 4096, 16384} {
		card, err := simulator.NewCard(simulator.Contact, simulator.WithInsecureSeed("test"), simulator.WithCertificateSize(size))
		require.NoError(t, err)
		card.PowerOn()
		exchange(t, card, selectJPKI)
		assert.Len(t, certificate(t, card, 0x0A).Raw, size)
	}
	for _, size := range []int{-1, 100, 1000} {
		_, err := simulator.NewCard(simulator.Contact, simulator.WithInsecureSeed("test"), simulator.WithCertificateSize(size))
		require.Error(t, err)
	}
}

func TestSignatureSchemes(t *testing.T) {
	card := powered(t, simulator.Contact)
	public := certificate(t, card, 0x0A).PublicKey.(*rsa.PublicKey)
	require.Equal(t, "9000", hex.EncodeToString(exchange(t, card, verify1234)))

	message := []byte("what is signed")
	hash := sha256.Sum256(message)
	digestInfo := append(mustHex(t, "3031300D060960864801650304020105000420"), hash[:]...)
	pkcs1 := func(h crypto.Hash, b []byte) func([]byte) error {
		return func(s []byte) error { return rsa.VerifyPKCS1v15(public, h, b, s) }
	}
	pss := func(s []byte) error {
		return rsa.VerifyPSS(public, crypto.SHA256, hash[:], s, &rsa.PSSOptions{SaltLength: 32})
	}
	for _, tt := range []struct {
		scheme byte
		input  []byte
		verify func([]byte) error
	}{
		{0x00, digestInfo, pkcs1(crypto.SHA256, hash[:])},
		{0x00, message, pkcs1(0, message)},
		{0x00, bytes.Repeat([]byte{1}, 245), pkcs1(0, bytes.Repeat([]byte{1}, 245))},
		{0x01, message, pkcs1(0, hash[:])},
		{0x02, hash[:], pkcs1(crypto.SHA256, hash[:])},
		{0x03, message, pkcs1(crypto.SHA256, hash[:])},
		{0x04, hash[:], pss},
		{0x05, message, pss},
	} {
		command := append([]byte{0x80, 0x2A, tt.scheme, 0x97, byte(len(tt.input))}, tt.input...)
		answer := card.Exchange(append(command, 0x00))
		require.Len(t, answer, 258, "scheme %02X", tt.scheme)
		assert.NoError(t, tt.verify(answer[:256]), "scheme %02X", tt.scheme)
	}
	without, err := simulator.NewCard(simulator.Contact, simulator.WithInsecureSeed("test"), simulator.WithoutPSS())
	require.NoError(t, err)
	without.PowerOn()
	exchange(t, without, selectJPKI)
	exchange(t, without, verify1234)
	for scheme, want := range map[byte]string{0x03: "9000", 0x04: "6a86", 0x05: "6a86"} {
		answer := without.Exchange(append(append([]byte{0x80, 0x2A, scheme, 0x97, 32}, hash[:]...), 0x00))
		assert.Equal(t, want, hex.EncodeToString(answer[len(answer)-2:]), "scheme %02X", scheme)
	}
	tooLong := append([]byte{0x80, 0x2A, 0x00, 0x97, 246}, make([]byte, 246)...)
	assert.Equal(t, "6700", hex.EncodeToString(card.Exchange(append(tooLong, 0x00))))
}

func mustHex(t testing.TB, s string) []byte {
	b, err := hex.DecodeString(s)
	require.NoError(t, err)
	return b
}

func TestTokenInformation(t *testing.T) {
	for profile, label := range map[simulator.Profile]string{
		simulator.Contact:      "JPKIAPICCTOKEN2",
		simulator.ResidentCard: "JPKIAPICCTOKEN",
		simulator.Android:      "JPKIAPGPSETOKEN",
		simulator.IPhone:       "JPKIAPIOSTOKEN",
	} {
		record := readFile(t, powered(t, profile), 0x06)
		assert.Len(t, record, 160)
		assert.Equal(t, fmt.Sprintf("%-32s", label), string(record[:32]))
	}
}

func TestProfiles(t *testing.T) {
	assert.Len(t, simulator.Profiles(), 15)
	for _, p := range simulator.Profiles() {
		// What every answer to reset obeys: its parts fill it, and where it has
		// a check byte all bytes after the first cancel out.
		atr := apdu.ATR(newCard(t, p).ATR())
		history, err := atr.HistoricalBytes()
		require.NoError(t, err, p)
		assert.Contains(t, []int{len(atr), len(atr) - 1}, bytes.LastIndex(atr, history)+len(history), p)
		sum := byte(0)
		for _, b := range atr[1:] {
			sum ^= b
		}
		assert.Zero(t, sum, "%s %X", p, []byte(atr))
	}
	for profile, atr := range map[simulator.Profile]string{ // as listed where they were seen
		simulator.Contact:         "3BE000FF8131FE4514",
		simulator.ContactExtended: "3BDA13FF8131FB468012392F31C173C601C03B",
		simulator.ContactShort:    "3BC5FF8131FB458073C6010000",
		simulator.Contactless:     "3B888001000041E0B381A1003B",
		simulator.NotMyNumber:     "3B888001000000009181C100D8",
	} {
		assert.Equal(t, mustHex(t, strings.ToLower(atr)), newCard(t, profile).ATR(), profile)
	}
	_, err := simulator.NewCard("no-such-card")
	assert.ErrorContains(t, err, "no-such-card")
}

// Whatever is sent to a card, it answers with a status word.
func FuzzCard(f *testing.F) {
	for _, seed := range []string{selectJPKI, verify1234, digest, "00B08A0000", "00B08A00000000", "0084000008", "00240198 04 39393939"} {
		b, _ := hex.DecodeString(strings.ReplaceAll(seed, " ", ""))
		f.Add(b, b)
	}
	f.Fuzz(func(t *testing.T, first, second []byte) {
		card := newCard(t, simulator.ContactExtended)
		card.PowerOn()
		exchange(t, card, selectJPKI)
		before := card.State().AuthTries
		for _, command := range [][]byte{first, second} {
			require.GreaterOrEqual(t, len(card.Exchange(command)), 2)
		}
		require.GreaterOrEqual(t, card.State().AuthTries, before-2)
	})
}
