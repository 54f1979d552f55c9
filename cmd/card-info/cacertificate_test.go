package main

import (
	"bytes"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/cardtest"
	"github.com/mykeykit/mykeykit/internal/cli"
	"github.com/mykeykit/mykeykit/internal/clitest"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/jpki/credential"
	"github.com/mykeykit/mykeykit/jpki/trust"
	"github.com/mykeykit/mykeykit/mykey"
	"github.com/mykeykit/mykeykit/mykey/message"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

func pemOf(der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

func fileOf(t testing.TB, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ca-certificate")
	require.NoError(t, os.WriteFile(path, []byte(content), 0o644))
	return path
}

// simulatorCAFile returns a file with the simulated cards' CA certificate, written by
// cert --ca.
func simulatorCAFile(t testing.TB) string {
	t.Helper()
	o := runner{}.run(t, "cert", "--ca", "--simulator", "contact")
	require.Zero(t, o.exit, o.stderr)
	return fileOf(t, o.stdout)
}

func chainOf(t testing.TB, o outcome) trust.Issuer {
	t.Helper()
	require.Zero(t, o.exit, o.stderr)
	var shown struct {
		Chain     trust.Issuer
		Assurance struct{ Chain trust.Issuer }
	}
	require.NoError(t, json.Unmarshal([]byte(o.stdout), &shown))
	return shown.Chain + shown.Assurance.Chain // a report has the first, an identity the second
}

// The report and id show who issued the certificate. With --require-chain the PIN is
// neither asked for nor sent if the issuer is known to be untrusted before.
func TestChainIsShown(t *testing.T) {
	file := simulatorCAFile(t)
	for _, tt := range []struct {
		name    string
		profile simulator.Profile
		args    []string
		report  trust.Issuer
		id      trust.Issuer // "": rejected
		pins    int
	}{
		{"unknown CA", simulator.Contact, nil, trust.IssuerUnknown, trust.IssuerUnknown, 1},
		{"given CA", simulator.Contact, []string{"--ca-certificate", file}, trust.IssuerCaller, trust.IssuerCaller, 1},
		{"required", simulator.Contact, []string{"--require-chain"}, trust.IssuerUnknown, "", 0},
		{"required, and given", simulator.Contact, []string{"--require-chain", "--ca-certificate", file}, trust.IssuerCaller, trust.IssuerCaller, 1},
		{"required of a phone", simulator.Android, []string{"--require-chain"}, trust.IssuerUnknown, "", 1},
		{"required of a phone, and given", simulator.Android, []string{"--require-chain", "--ca-certificate", file}, trust.IssuerUnknown, trust.IssuerCaller, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			driver, cards := withCards(t, tt.profile)
			m := &cardtest.Driver{Driver: driver}
			var reportArgs []string
			for _, arg := range tt.args {
				if arg != "--require-chain" {
					reportArgs = append(reportArgs, arg)
				}
			}
			assert.Equal(t, tt.report, chainOf(t, runner{driver: m}.run(t, append(reportArgs, "--json")...)))
			assert.Zero(t, m.Secrets())

			piped := runner{driver: m, stdin: "1234\n"}.run(t, append(idArgs(t, "--pin-stdin", "--json"), tt.args...)...)
			assert.Equal(t, tt.pins, m.Secrets())
			typed := runner{driver: m, typed: "1234"}.run(t, append(idArgs(t, "--json"), tt.args...)...)
			assert.Equal(t, 2*tt.pins, m.Secrets())
			assert.Equal(t, tt.pins > 0, typed.terminal != "", "asked")
			for _, o := range []outcome{piped, typed} {
				if tt.id != "" {
					assert.Equal(t, tt.id, chainOf(t, o))
					continue
				}
				assert.Equal(t, cli.ExitCertificate, o.exit)
				assert.Empty(t, o.stdout)
				code, _ := failureOf(t, o)
				assert.Equal(t, "CHAIN_UNKNOWN", code)
			}
			assert.Equal(t, 3, cards[0].State().AuthAttempts)
			assert.False(t, cards[0].State().AuthVerified)
		})
	}
}

// The simulator's CA is trusted because --simulator names it, but --require-chain still
// rejects it.
func TestSimulatorChain(t *testing.T) {
	id := func(more ...string) outcome {
		return runner{stdin: "1234\n"}.run(t, append(idArgs(t, "--pin-stdin", "--json", "--simulator", "contact"), more...)...)
	}
	assert.Equal(t, trust.IssuerSimulator, chainOf(t, id()))
	o := id("--require-chain")
	assert.Equal(t, cli.ExitCertificate, o.exit)
	code, _ := failureOf(t, o)
	assert.Equal(t, "CHAIN_UNKNOWN", code)
	assert.Equal(t, trust.IssuerCaller, chainOf(t, id("--require-chain", "--ca-certificate", simulatorCAFile(t))))
}

// Files with CA certificates are checked before the card is used.
//
// Faults: F94.
func TestCACertificateFiles(t *testing.T) {
	_, cards := withCards(t, simulator.Contact)
	der := cards[0].CACertificate().Raw
	other := attackersCertificate(t, func(c *x509.Certificate) {
		c.KeyUsage, c.BasicConstraintsValid, c.IsCA = x509.KeyUsageCertSign, true, true
	})
	leaf := attackersCertificate(t, func(*x509.Certificate) {})
	limited := attackersCertificate(t, func(c *x509.Certificate) {
		c.KeyUsage, c.BasicConstraintsValid, c.IsCA = x509.KeyUsageCertSign, true, true
		c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	})
	for name, tt := range map[string]struct {
		content  string
		accepted bool
	}{
		"PEM":                       {pemOf(der), true},
		"DER":                       {string(der), true},
		"PEM with other text":       {"J-LIS\n" + pemOf(der) + "\nthe end\n", true},
		"several":                   {pemOf(other) + pemOf(der), true},
		"several, DER":              {string(other) + string(der), true},
		"nothing":                   {"", false},
		"words":                     {"words\n", false},
		"a certificate that is cut": {string(der[:len(der)-1]), false},
		"PEM without a certificate": {pemOf([]byte("none")), false},
		"a holder's certificate":    {pemOf(leaf), false},
		"a CA's and a holder's":     {pemOf(der) + pemOf(leaf), false},
		"a CA for servers":          {pemOf(limited), false},
		"a CA and one for servers":  {pemOf(der) + pemOf(limited), false},
		"a key":                     {string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), false},
		"a certificate and a key":   {pemOf(der) + string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), false},
		"far too long":              {pemOf(der) + strings.Repeat("\n", 1<<20), false},
	} {
		t.Run(name, func(t *testing.T) {
			driver, _ := withCards(t, simulator.Contact)
			m := &cardtest.Driver{Driver: driver}
			for _, args := range [][]string{{"--json"}, idArgs(t, "--pin-stdin", "--json")} {
				o := runner{driver: m, stdin: "1234\n"}.run(t, append(args, "--ca-certificate", fileOf(t, tt.content))...)
				if tt.accepted {
					assert.Equal(t, trust.IssuerCaller, chainOf(t, o))
					continue
				}
				assert.Equal(t, cli.ExitUsage, o.exit)
				code, _ := failureOf(t, o)
				assert.Equal(t, "AUTHORITY_FILE", code)
			}
			assert.Equal(t, tt.accepted, len(m.Sent()) > 0)
		})
	}
	t.Run("one file each", func(t *testing.T) {
		driver, _ := withCards(t, simulator.Contact)
		o := runner{driver: driver}.run(t, "--json", "--ca-certificate", fileOf(t, pemOf(other)), "--ca-certificate", fileOf(t, pemOf(der)))
		assert.Equal(t, trust.IssuerCaller, chainOf(t, o))
	})
	for _, path := range []string{"", "/nonexistent/ca-certificate", t.TempDir(), os.DevNull} {
		driver, _ := withCards(t, simulator.Contact)
		m := &cardtest.Driver{Driver: driver}
		o := runner{driver: m}.run(t, "--ca-certificate", path)
		assert.Equal(t, cli.ExitUsage, o.exit, path)
		assert.Contains(t, o.stderr, "[AUTHORITY_FILE]", path)
		clitest.Fits(t, o.stderr)
		assert.Zero(t, len(m.Sent()), path)
	}
}

// A CA certificate that is expired or not yet valid is reported as such: the report shows
// everything else, and no PIN is sent.
//
// Faults: F56.
func TestExpiredCACertificate(t *testing.T) {
	for name, period := range map[string][2]time.Time{
		"expired":       {today.AddDate(-10, 0, 0), today.AddDate(0, 0, -1)},
		"not yet valid": {today.AddDate(0, 0, 1), today.AddDate(10, 0, 0)},
	} {
		t.Run(name, func(t *testing.T) {
			_, ca, holder := namesakeCA(t, func(c *x509.Certificate) { c.NotBefore, c.NotAfter = period[0], period[1] })
			driver, cards := withCards(t, simulator.Contact)
			m := attacker(driver, shown{certificate: holder})
			file := fileOf(t, pemOf(ca))

			for _, language := range []string{"ja", "en"} {
				o := runner{driver: m}.run(t, "--ca-certificate", file, "--lang", language)
				assert.Equal(t, cli.ExitCertificate, o.exit)
				assert.Contains(t, o.stderr, "[ISSUER_EXPIRED]")
				assert.Contains(t, o.stdout, map[string]string{"ja": "認証局の証明書が、有効期間外です", "en": "its CA certificate is expired or not yet valid"}[language])
				assert.Contains(t, o.stdout, map[string]string{"ja": "残り3回", "en": "3 of 3"}[language])
				assert.Contains(t, o.stdout, "2029")
				clitest.Fits(t, o.stdout+o.stderr)
			}
			o := runner{driver: m}.run(t, "--ca-certificate", file, "--json")
			var shown report
			require.NoError(t, json.Unmarshal([]byte(o.stdout), &shown))
			assert.Equal(t, trust.IssuerUnknown, shown.Chain)
			assert.Equal(t, trust.Valid, shown.AuthCertificate.Status)

			later := runner{driver: m, now: today.AddDate(11, 0, 0)}.run(t, "--ca-certificate", file, "--lang", "en")
			assert.Zero(t, later.exit, later.stderr) // the certificate has expired too, which is not a failure of the report
			assert.Contains(t, later.stdout, "its CA certificate is expired or not yet valid")

			o = runner{driver: m, stdin: "1234\n"}.run(t, idArgs(t, "--pin-stdin", "--json", "--ca-certificate", file)...)
			assert.Equal(t, cli.ExitCertificate, o.exit)
			code, _ := failureOf(t, o)
			assert.Equal(t, "ISSUER_EXPIRED", code)
			assert.Zero(t, m.Secrets())
			assert.Equal(t, 3, cards[0].State().AuthAttempts)
		})
	}
}

// namesakeCA returns the simulated cards' genuine CA certificate, an attacker's CA
// certificate with the same name and key identifier, and a holder's certificate that the
// attacker's CA issued.
func namesakeCA(t testing.TB, change func(*x509.Certificate)) (genuine, ca, holder []byte) {
	t.Helper()
	_, cards := withCards(t, simulator.Contact)
	of := cards[0].CACertificate()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), RawSubject: of.RawSubject, SubjectKeyId: of.SubjectKeyId,
		NotBefore: of.NotBefore, NotAfter: of.NotAfter, KeyUsage: of.KeyUsage, BasicConstraintsValid: true, IsCA: true,
	}
	change(template)
	ca, err := x509.CreateCertificate(rand.Reader, template, template, attackersKey().Public(), attackersKey())
	require.NoError(t, err)
	parsed, err := x509.ParseCertificate(ca)
	require.NoError(t, err)
	require.True(t, bytes.Equal(of.RawSubject, parsed.RawSubject))
	holder, err = x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(2), NotBefore: today.AddDate(-1, 0, 0), NotAfter: today.AddDate(3, 0, 0), KeyUsage: x509.KeyUsageDigitalSignature,
	}, parsed, attackersKey().Public(), attackersKey())
	require.NoError(t, err)
	return of.Raw, ca, holder
}

// A CA is identified by its key: another CA with the same name is not trusted, whatever CA
// certificate the card shows. A card with a copied certificate lacks its key.
//
// Faults: F57, F59.
func TestForgedCardsAreRejected(t *testing.T) {
	genuine, own, ofOwn := namesakeCA(t, func(*x509.Certificate) {})
	victims := runner{}.run(t, "cert", "--der", "--simulator", "contact").stdout
	file := fileOf(t, pemOf(genuine))
	for _, tt := range []struct {
		name   string
		card   shown
		report trust.Issuer
		code   string // of id with --require-chain
		pins   int

		accepted bool // without --require-chain, with an unknown issuer
	}{
		{"own CA with the same name", shown{certificate: ofOwn, caCertificate: own}, trust.IssuerUnknown, "CHAIN_UNKNOWN", 0, true},
		{"own CA, with the genuine CA certificate on the card", shown{certificate: ofOwn, caCertificate: genuine}, trust.IssuerUnknown, "CHAIN_UNKNOWN", 0, true},
		{"a copied certificate with an own key", shown{certificate: []byte(victims), caCertificate: genuine}, trust.IssuerCaller, "POSSESSION_FAILED", 1, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			driver, cards := withCards(t, simulator.Contact)
			m := attacker(driver, tt.card)
			assert.Equal(t, tt.report, chainOf(t, runner{driver: m}.run(t, "--json", "--ca-certificate", file)))
			assert.Zero(t, m.Secrets())

			id := idArgs(t, "--pin-stdin", "--json", "--ca-certificate", file)
			refused := func(o outcome) {
				assert.Equal(t, cli.ExitCertificate, o.exit)
				assert.Empty(t, o.stdout)
				code, _ := failureOf(t, o)
				assert.Equal(t, tt.code, code)
			}
			refused(runner{driver: m, stdin: "1234\n"}.run(t, append(id, "--require-chain")...))
			assert.Equal(t, tt.pins, m.Secrets())

			o := runner{driver: m, stdin: "1234\n"}.run(t, id...)
			assert.Equal(t, tt.pins+1, m.Secrets())
			if tt.accepted {
				assert.Equal(t, trust.IssuerUnknown, chainOf(t, o))
			} else {
				refused(o)
			}
			assert.Equal(t, 3, cards[0].State().AuthAttempts)
			assert.False(t, cards[0].State().AuthVerified)
		})
	}
}

// The report reads the CA certificate from the card only if it may be a trusted one.
func TestReportReadsTheCACertificateOnlyWhenNeeded(t *testing.T) {
	for _, args := range [][]string{nil, {"--ca-certificate", simulatorCAFile(t)}} {
		driver, _ := withCards(t, simulator.ContactExtended)
		m := &cardtest.Driver{Driver: driver}
		require.Zero(t, runner{driver: m}.run(t, args...).exit)
		assert.Equal(t, 5, len(m.Sent()), "SELECT, token, two counters, certificate")
	}
	o := runner{}.run(t, "--simulator", "contact-extended", "--trace")
	require.Zero(t, o.exit)
	assert.Equal(t, 5, strings.Count(o.stderr, "> "))

	// A certificate that claims J-LIS's CA of 2023 is checked and not trusted.
	_, _, claims := namesakeCA(t, func(c *x509.Certificate) {
		c.SubjectKeyId = []byte("\x1A\xC1\x00\xF5\x96\xA3\xBC\x8C\x4B\x3D\xF1\x95\xE3\x26\x99\x24\x9E\x9E\x30\x8A")
	})
	driver, _ := withCards(t, simulator.ContactExtended)
	m := attacker(driver, shown{certificate: claims})
	assert.Equal(t, trust.IssuerUnknown, chainOf(t, runner{driver: m}.run(t, "--json")))
	assert.Equal(t, 6, len(m.Sent()), "and the CA certificate")
}

// The golden files have the texts for each chain in both languages. No test has a genuine
// card of J-LIS.
func TestEveryChainHasTexts(t *testing.T) {
	for _, language := range []string{"ja", "en"} {
		var b bytes.Buffer
		p := &program{environment: environment{stdout: &b}, Console: &cli.Console{Language: message.Language(language)}}
		for _, chain := range []trust.Issuer{trust.IssuerPinned, trust.IssuerCaller, trust.IssuerSimulator, trust.IssuerUnknown} {
			if p.simulated = nil; chain == trust.IssuerSimulator {
				_, cards := withCards(t, simulator.Contact)
				p.simulated = cards[0]
			}
			r := report{
				Reader: "Reader", Token: jpki.Token{Kind: jpki.IndividualNumberCard}, Chain: chain, issuer: textIssuer()[chain],
				AuthPIN: credential.Counter{Remaining: 3, Max: 3}, SignaturePassword: credential.Counter{Remaining: 5, Max: 5},
				AuthCertificate: certificate{Present: true, Status: trust.Valid, until: message.Date(today)},
			}
			require.NoError(t, p.writeReport(r, false))
			b.WriteString("\n")
			require.NoError(t, p.writeIdentity(identity{
				Display: "0000-0000", Namespace: "library.example", Assurance: assurance{Chain: chain}, ValidUntil: mykey.MonthOf(today),
			}))
			b.WriteString("\n")
		}
		clitest.Fits(t, b.String())
		clitest.Golden(t, "chains-"+language+".txt", b.String())
	}
}
