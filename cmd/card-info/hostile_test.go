package main

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/cardtest"
	"github.com/mykeykit/mykeykit/internal/cli"
	"github.com/mykeykit/mykeykit/internal/termtext"
	"github.com/mykeykit/mykeykit/reader"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// shown holds the files that an attacker's card shows.
type shown struct {
	certificate []byte

	caCertificate []byte // the CA certificate on the card; nil: certificate
	label         string // in the token information; "": the card's own
}

// attacker returns a driver whose cards show other files and sign with the attacker's key.
func attacker(driver reader.Driver, card shown) *cardtest.Driver {
	files := map[byte][]byte{0x0A: card.certificate, 0x0B: card.certificate}
	if card.caCertificate != nil {
		files[0x0B] = card.caCertificate
	}
	if card.label != "" {
		files[0x06] = []byte(card.label)
	}
	d := &cardtest.Driver{Driver: driver}
	d.ServeFiles(files)
	d.SignWith(func(input []byte) []byte {
		signature, err := rsa.SignPKCS1v15(nil, attackersKey(), 0, input)
		if err != nil {
			panic(err)
		}
		return signature
	})
	return d
}

var attackersKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err) // of the machine, not of what is tested
	}
	return key
})

func attackersCertificate(t testing.TB, change func(*x509.Certificate)) []byte {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		NotBefore:    today.AddDate(-1, 0, 0), NotAfter: today.AddDate(3, 0, 0),
		KeyUsage: x509.KeyUsageDigitalSignature,
	}
	change(template)
	der, err := x509.CreateCertificate(rand.Reader, template, template, attackersKey().Public(), attackersKey())
	require.NoError(t, err)
	return der
}

// For a certificate of another kind no PIN is sent, and the report shows everything else.
//
// Faults: F55.
func TestCertificateOfAnotherKind(t *testing.T) {
	driver, cards := withCards(t, simulator.Contact)
	m := attacker(driver, shown{certificate: attackersCertificate(t, func(c *x509.Certificate) {
		c.KeyUsage |= x509.KeyUsageContentCommitment
	})})

	o := runner{driver: m}.run(t)
	assert.Equal(t, 8, o.exit)
	assert.Contains(t, o.stderr, "[CERT_WRONG_KIND]")
	assert.Contains(t, o.stdout, "cannot be read")
	assert.Contains(t, o.stdout, "3 of 3")
	for _, args := range [][]string{{"cert"}, {"cert", "--der"}, idArgs(t, "--pin-stdin")} {
		o := runner{driver: m, stdin: "1234\n"}.run(t, append(args, "--json")...)
		assert.Equal(t, 8, o.exit)
		assert.Empty(t, o.stdout)
		code, _ := failureOf(t, o)
		assert.Equal(t, "CERT_WRONG_KIND", code)
	}
	assert.Zero(t, m.Secrets())
	assert.Equal(t, 3, cards[0].State().AuthAttempts)
}

// hostileTexts are texts in a certificate that try to control a terminal, a log or a file
// name.
var hostileTexts = []string{
	"\x1b[2J\x1b]0;title\x07", "line\r\nfeed", "zero\x00byte", "\u202edekcart\u2066", "\u009b31m", "../../../etc/passwd",
	strings.Repeat("long", 2500),
}

// Text of a certificate or label never reaches a terminal or log unescaped. Only cert
// prints a certificate, as PEM.
//
// Faults: F54.
func TestHostileTextsAreNotShown(t *testing.T) {
	const marker = "NAME OF THE HOLDER"
	for _, text := range hostileTexts {
		driver, _ := withCards(t, simulator.ContactExtended)
		hostile := attacker(driver, shown{label: text, certificate: attackersCertificate(t, func(c *x509.Certificate) {
			c.Subject = pkix.Name{CommonName: marker + text} // and so its issuer
		})})
		for _, args := range [][]string{nil, {"--trace"}, {"retries", "--trace"}, {"cert"}, {"cert", "--ca"}, {"list"}, idArgs(t, "--pin-stdin", "--trace")} {
			for _, form := range []string{"--json", "--json=false"} {
				o := runner{driver: hostile, stdin: "1234\n"}.run(t, append(args, form)...)
				assert.Zero(t, o.exit, o.stderr)
				output := o.stdout + o.stderr
				onlyPrintable(t, output)
				assert.NotContains(t, output, marker)
				assert.Less(t, len(output), 40000)
			}
		}
	}
}

// Faults: F54.
func TestNamespaceNamesAreShownSafely(t *testing.T) {
	args := append(idArgs(t, "--pin-stdin", "--simulator", "contact"), "--namespace", "library\u202eexample")
	o := runner{stdin: "1234\n"}.run(t, args...)
	require.Zero(t, o.exit, o.stderr)
	onlyPrintable(t, o.stdout)
	assert.Contains(t, o.stdout, "library?example")
}

// RFC 5280's date for certificates without expiry falls in the year 10000 in Japan, which
// RFC 3339 can't express.
//
// Faults: F56.
func TestCertificatesWithoutAnEnd(t *testing.T) {
	driver, _ := withCards(t, simulator.Contact)
	hostile := attacker(driver, shown{certificate: attackersCertificate(t, func(c *x509.Certificate) {
		c.NotBefore = time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)
		c.NotAfter = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)
	})})
	var r report
	o := runner{driver: hostile}.run(t, "--json")
	require.Zero(t, o.exit, o.stderr)
	require.NoError(t, json.Unmarshal([]byte(o.stdout), &r))
	assert.Equal(t, "valid", string(r.AuthCertificate.Status))
	for _, text := range []string{r.AuthCertificate.NotBefore, r.AuthCertificate.NotAfter} {
		_, err := time.Parse(time.RFC3339, text)
		assert.NoError(t, err)
	}
	o = runner{driver: hostile}.run(t)
	assert.Zero(t, o.exit, o.stderr)
}

// onlyPrintable checks that a text has no control characters but line feeds.
func onlyPrintable(t testing.TB, text string) {
	t.Helper()
	for _, r := range text {
		if r != '\n' && (!unicode.IsPrint(r) || r == unicode.ReplacementChar) {
			require.Failf(t, "not printable", "%U in %q", r, text)
		}
	}
}

// Whatever its name contains, each reader is one line of the list and found by its name.
//
// Faults: F11, F54.
func FuzzReaderNames(f *testing.F) {
	card, err := simulator.NewCard(simulator.NotMyNumber, simulator.WithInsecureSeed(simulatorSeed))
	require.NoError(f, err)
	f.Add("Reader", "Reader")
	f.Add("カードリーダー 00 00", "\x1b[31mRed\x07")
	f.Add("", "-x")
	f.Add("\u202e\n", "\xff\x00")
	f.Fuzz(func(t *testing.T, first, second string) {
		driver := simulator.New()
		empty, occupied := driver.AddReader(first), driver.AddReader(second)
		require.NoError(t, occupied.Insert(card))

		o := runner{driver: driver}.run(t, "list")
		require.Zero(t, o.exit, o.stderr)
		onlyPrintable(t, o.stdout)
		require.Equal(t, 2, strings.Count(o.stdout, "\n"))
		require.Contains(t, o.stdout, termtext.Printable(occupied.Name()))

		o = runner{driver: driver}.run(t, "list", "--json")
		onlyPrintable(t, o.stdout)
		var list struct{ Readers []listedReader }
		require.NoError(t, json.Unmarshal([]byte(o.stdout), &list))
		require.Equal(t, termtext.Printable(empty.Name()), list.Readers[0].Name)
		require.True(t, list.Readers[1].Present)

		for _, slot := range []*simulator.Reader{empty, occupied} {
			if slot.Name() == "" {
				continue // --reader "" is rejected
			}
			want := map[*simulator.Reader]int{empty: cli.ExitNoCard, occupied: cli.ExitOtherCard}[slot]
			o = runner{driver: driver}.run(t, "--reader="+slot.Name())
			require.Equal(t, want, o.exit, o.stderr)
			onlyPrintable(t, o.stdout+o.stderr)
		}
	})
}

// cert writes a certificate that Go's parser rejects, so that other tools can examine it.
// All other commands report it as malformed. cert does not write data that is not DER.
//
// Faults: F87.
func TestCertificatesThatGoRejects(t *testing.T) {
	named := attackersCertificate(t, func(c *x509.Certificate) { c.Subject = pkix.Name{CommonName: "NAMED"} })
	version := []byte{0xA0, 3, 2, 1, 2}
	for name, der := range map[string][]byte{
		"a negative serial number":          bytes.Replace(named, append(version, 2, 1, 1), append(version, 2, 1, 0x81), 1),
		"an underscore in PrintableString":  bytes.ReplaceAll(named, []byte("NAMED"), []byte("NAM_D")),
		"a sequence that is no certificate": {0x30, 3, 2, 1, 0},
	} {
		_, err := x509.ParseCertificate(der)
		require.Error(t, err, name)
		driver, _ := withCards(t, simulator.Contact)
		m := attacker(driver, shown{certificate: der})
		for _, ca := range []string{"--ca=true", "--ca=false"} {
			o := runner{driver: m}.run(t, "cert", "--der", ca)
			assert.Zero(t, o.exit, "%s: %s", name, o.stderr)
			assert.Equal(t, string(der), o.stdout)
			o = runner{driver: m}.run(t, "cert", ca)
			assert.Zero(t, o.exit, "%s: %s", name, o.stderr)
			block, rest := pem.Decode([]byte(o.stdout))
			require.NotNil(t, block)
			assert.Equal(t, der, block.Bytes)
			assert.Empty(t, rest)
		}
		for _, args := range [][]string{nil, {"ssh-key"}, idArgs(t, "--pin-stdin")} {
			o := runner{driver: m, stdin: "1234\n"}.run(t, args...)
			assert.Equal(t, cli.ExitCertificate, o.exit, args)
			assert.Contains(t, o.stderr, "[CERT_MALFORMED]")
		}
		assert.Zero(t, m.Secrets())
	}
	for _, file := range [][]byte{{0x31, 3, 2, 1, 0}, {0x30, 0x80, 2, 1, 0, 0, 0}, {0x30, 0x81, 3, 2, 1, 0}, {0x30, 0x82, 0x10, 0x00, 2, 1}} {
		driver, _ := withCards(t, simulator.Contact)
		for _, args := range [][]string{{"cert"}, {"cert", "--der"}} {
			o := runner{driver: attacker(driver, shown{certificate: file})}.run(t, args...)
			assert.Equal(t, cli.ExitCertificate, o.exit, "%x", file)
			assert.Contains(t, o.stderr, "[CERT_MALFORMED]", "%x", file)
			assert.Empty(t, o.stdout)
		}
	}
}
