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
	path := filepath.Join(t.TempDir(), "authority")
	require.NoError(t, os.WriteFile(path, []byte(content), 0o644))
	return path
}

// authorityOf is a file with the authority of the simulated cards, as cert --ca
// writes it.
func authorityOf(t testing.TB) string {
	t.Helper()
	o := desk{}.run(t, "cert", "--ca", "--simulator", "contact")
	require.Zero(t, o.exit, o.stderr)
	return fileOf(t, o.stdout)
}

func chainOf(t testing.TB, o outcome) trust.Chain {
	t.Helper()
	require.Zero(t, o.exit, o.stderr)
	var shown struct {
		Chain     trust.Chain
		Assurance struct{ Chain trust.Chain }
	}
	require.NoError(t, json.Unmarshal([]byte(o.stdout), &shown))
	return shown.Chain + shown.Assurance.Chain // a report has the one, an identity the other
}

// Who issued the certificate, in the report and beside the identifier. With
// --require-chain the PIN is not sent, nor asked for, where it can be known before.
func TestTheChainIsShown(t *testing.T) {
	file := authorityOf(t)
	for _, tt := range []struct {
		name    string
		profile simulator.Profile
		args    []string
		report  trust.Chain
		id      trust.Chain // "" is refused
		pins    int
	}{
		{"a card of no known authority", simulator.Contact, nil, trust.Unknown, trust.Unknown, 1},
		{"of one that is given", simulator.Contact, []string{"--authority", file}, trust.Caller, trust.Caller, 1},
		{"required", simulator.Contact, []string{"--require-chain"}, trust.Unknown, "", 0},
		{"required, and given", simulator.Contact, []string{"--require-chain", "--authority", file}, trust.Caller, trust.Caller, 1},
		{"required of a phone", simulator.Android, []string{"--require-chain"}, trust.Unknown, "", 1},
		{"required of a phone, and given", simulator.Android, []string{"--require-chain", "--authority", file}, trust.Unknown, trust.Caller, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			driver, cards := withCards(t, tt.profile)
			m := &cardtest.Driver{Driver: driver}
			var ofReport []string
			for _, arg := range tt.args {
				if arg != "--require-chain" {
					ofReport = append(ofReport, arg)
				}
			}
			assert.Equal(t, tt.report, chainOf(t, desk{driver: m}.run(t, append(ofReport, "--json")...)))
			assert.Zero(t, m.Secrets())

			piped := desk{driver: m, stdin: "1234\n"}.run(t, append(idArgs(t, "--pin-stdin", "--json"), tt.args...)...)
			assert.Equal(t, tt.pins, m.Secrets())
			typed := desk{driver: m, typed: "1234"}.run(t, append(idArgs(t, "--json"), tt.args...)...)
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
			assert.Equal(t, 3, cards[0].State().AuthTries)
			assert.False(t, cards[0].State().AuthVerified)
		})
	}
}

// The simulator's authority is trusted because it was asked for by name, and is
// still not a real one.
func TestTheSimulatorsChain(t *testing.T) {
	id := func(more ...string) outcome {
		return desk{stdin: "1234\n"}.run(t, append(idArgs(t, "--pin-stdin", "--json", "--simulator", "contact"), more...)...)
	}
	assert.Equal(t, trust.Simulator, chainOf(t, id()))
	o := id("--require-chain")
	assert.Equal(t, cli.ExitCertificate, o.exit)
	code, _ := failureOf(t, o)
	assert.Equal(t, "CHAIN_UNKNOWN", code)
	assert.Equal(t, trust.Caller, chainOf(t, id("--require-chain", "--authority", authorityOf(t))))
}

// Files of authorities, read before the card is touched.
//
// Faults: F94.
func TestAuthorityFiles(t *testing.T) {
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
		content string
		taken   bool
	}{
		"PEM":                       {pemOf(der), true},
		"DER":                       {string(der), true},
		"PEM with words around":     {"J-LIS\n" + pemOf(der) + "\nthe end\n", true},
		"several":                   {pemOf(other) + pemOf(der), true},
		"several, DER":              {string(other) + string(der), true},
		"nothing":                   {"", false},
		"words":                     {"authority\n", false},
		"a certificate that is cut": {string(der[:len(der)-1]), false},
		"PEM of what is none":       {pemOf([]byte("none")), false},
		"a holder's certificate":    {pemOf(leaf), false},
		"one beside an authority's": {pemOf(der) + pemOf(leaf), false},
		"an authority for servers":  {pemOf(limited), false},
		"one beside another":        {pemOf(der) + pemOf(limited), false},
		"a key":                     {string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), false},
		"a key beside it":           {pemOf(der) + string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), false},
		"far too long":              {pemOf(der) + strings.Repeat("\n", 1<<20), false},
	} {
		t.Run(name, func(t *testing.T) {
			driver, _ := withCards(t, simulator.Contact)
			m := &cardtest.Driver{Driver: driver}
			for _, args := range [][]string{{"--json"}, idArgs(t, "--pin-stdin", "--json")} {
				o := desk{driver: m, stdin: "1234\n"}.run(t, append(args, "--authority", fileOf(t, tt.content))...)
				if tt.taken {
					assert.Equal(t, trust.Caller, chainOf(t, o))
					continue
				}
				assert.Equal(t, cli.ExitUsage, o.exit)
				code, _ := failureOf(t, o)
				assert.Equal(t, "AUTHORITY_FILE", code)
			}
			assert.Equal(t, tt.taken, len(m.Sent()) > 0)
		})
	}
	t.Run("one file each", func(t *testing.T) {
		driver, _ := withCards(t, simulator.Contact)
		o := desk{driver: driver}.run(t, "--json", "--authority", fileOf(t, pemOf(other)), "--authority", fileOf(t, pemOf(der)))
		assert.Equal(t, trust.Caller, chainOf(t, o))
	})
	for _, path := range []string{"", "/nonexistent/authority", t.TempDir(), os.DevNull} {
		driver, _ := withCards(t, simulator.Contact)
		m := &cardtest.Driver{Driver: driver}
		o := desk{driver: m}.run(t, "--authority", path)
		assert.Equal(t, cli.ExitUsage, o.exit, path)
		assert.Contains(t, o.stderr, "[AUTHORITY_FILE]", path)
		fits(t, o.stderr)
		assert.Zero(t, len(m.Sent()), path)
	}
}

// An issuer that is out of its time is told as such: the report shows the rest,
// and no PIN is sent.
//
// Faults: F56.
func TestAnIssuerOutOfItsTime(t *testing.T) {
	for name, period := range map[string][2]time.Time{
		"expired":       {today.AddDate(-10, 0, 0), today.AddDate(0, 0, -1)},
		"not yet valid": {today.AddDate(0, 0, 1), today.AddDate(10, 0, 0)},
	} {
		t.Run(name, func(t *testing.T) {
			_, authority, holder := ownAuthority(t, func(c *x509.Certificate) { c.NotBefore, c.NotAfter = period[0], period[1] })
			driver, cards := withCards(t, simulator.Contact)
			m := attacker(driver, shown{certificate: holder})
			file := fileOf(t, pemOf(authority))

			for _, language := range []string{"ja", "en"} {
				o := desk{driver: m}.run(t, "--authority", file, "--lang", language)
				assert.Equal(t, cli.ExitCertificate, o.exit)
				assert.Contains(t, o.stderr, "[ISSUER_EXPIRED]")
				assert.Contains(t, o.stdout, map[string]string{"ja": "発行元の証明書が、有効期間の外です", "en": "its own certificate is out of its time"}[language])
				assert.Contains(t, o.stdout, map[string]string{"ja": "残り3回", "en": "3 of 3"}[language])
				assert.Contains(t, o.stdout, "2029")
				fits(t, o.stdout+o.stderr)
			}
			o := desk{driver: m}.run(t, "--authority", file, "--json")
			var shown report
			require.NoError(t, json.Unmarshal([]byte(o.stdout), &shown))
			assert.Equal(t, trust.Unknown, shown.Chain)
			assert.Equal(t, trust.Valid, shown.AuthCertificate.Status)

			later := desk{driver: m, now: today.AddDate(11, 0, 0)}.run(t, "--authority", file, "--lang", "en")
			assert.Zero(t, later.exit, later.stderr) // the certificate has expired as well, which is no failure of a report
			assert.Contains(t, later.stdout, "its own certificate is out of its time")

			o = desk{driver: m, stdin: "1234\n"}.run(t, idArgs(t, "--pin-stdin", "--json", "--authority", file)...)
			assert.Equal(t, cli.ExitCertificate, o.exit)
			code, _ := failureOf(t, o)
			assert.Equal(t, "ISSUER_EXPIRED", code)
			assert.Zero(t, m.Secrets())
			assert.Equal(t, 3, cards[0].State().AuthTries)
		})
	}
}

// ownAuthority is an attacker's authority with the name and the key identifier
// of the simulated cards', the genuine one, and a holder's certificate that the
// attacker's authority issued.
func ownAuthority(t testing.TB, change func(*x509.Certificate)) (genuine, authority, holder []byte) {
	t.Helper()
	_, cards := withCards(t, simulator.Contact)
	of := cards[0].CACertificate()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), RawSubject: of.RawSubject, SubjectKeyId: of.SubjectKeyId,
		NotBefore: of.NotBefore, NotAfter: of.NotAfter, KeyUsage: of.KeyUsage, BasicConstraintsValid: true, IsCA: true,
	}
	change(template)
	authority, err := x509.CreateCertificate(rand.Reader, template, template, attackersKey().Public(), attackersKey())
	require.NoError(t, err)
	parsed, err := x509.ParseCertificate(authority)
	require.NoError(t, err)
	require.True(t, bytes.Equal(of.RawSubject, parsed.RawSubject))
	holder, err = x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(2), NotBefore: today.AddDate(-1, 0, 0), NotAfter: today.AddDate(3, 0, 0), KeyUsage: x509.KeyUsageDigitalSignature,
	}, parsed, attackersKey().Public(), attackersKey())
	require.NoError(t, err)
	return of.Raw, authority, holder
}

// An authority is known by its key. One of the same name is not the one that was
// given, whatever the card shows beside it; and who shows a genuine holder's
// certificate lacks its key.
//
// Faults: F57, F59.
func TestAttackersAreRefused(t *testing.T) {
	genuine, own, ofOwn := ownAuthority(t, func(*x509.Certificate) {})
	victims := desk{}.run(t, "cert", "--der", "--simulator", "contact").stdout
	file := fileOf(t, pemOf(genuine))
	for _, tt := range []struct {
		name   string
		card   shown
		report trust.Chain
		code   string // of id with --require-chain
		pins   int
		taken  bool // without it, as of an unknown issuer
	}{
		{"own authority of the same name", shown{certificate: ofOwn, authority: own}, trust.Unknown, "CHAIN_UNKNOWN", 0, true},
		{"own authority, with the genuine one on the card", shown{certificate: ofOwn, authority: genuine}, trust.Unknown, "CHAIN_UNKNOWN", 0, true},
		{"another's certificate, with an own key", shown{certificate: []byte(victims), authority: genuine}, trust.Caller, "POSSESSION_FAILED", 1, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			driver, cards := withCards(t, simulator.Contact)
			m := attacker(driver, tt.card)
			assert.Equal(t, tt.report, chainOf(t, desk{driver: m}.run(t, "--json", "--authority", file)))
			assert.Zero(t, m.Secrets())

			id := idArgs(t, "--pin-stdin", "--json", "--authority", file)
			refused := func(o outcome) {
				assert.Equal(t, cli.ExitCertificate, o.exit)
				assert.Empty(t, o.stdout)
				code, _ := failureOf(t, o)
				assert.Equal(t, tt.code, code)
			}
			refused(desk{driver: m, stdin: "1234\n"}.run(t, append(id, "--require-chain")...))
			assert.Equal(t, tt.pins, m.Secrets())

			o := desk{driver: m, stdin: "1234\n"}.run(t, id...)
			assert.Equal(t, tt.pins+1, m.Secrets())
			if tt.taken {
				assert.Equal(t, trust.Unknown, chainOf(t, o))
			} else {
				refused(o)
			}
			assert.Equal(t, 3, cards[0].State().AuthTries)
			assert.False(t, cards[0].State().AuthVerified)
		})
	}
}

// The report reads the authority's certificate only where that can tell something.
func TestTheChainOfTheReportCostsNoCommand(t *testing.T) {
	for _, args := range [][]string{nil, {"--authority", authorityOf(t)}} {
		driver, _ := withCards(t, simulator.ContactExtended)
		m := &cardtest.Driver{Driver: driver}
		require.Zero(t, desk{driver: m}.run(t, args...).exit)
		assert.Equal(t, 5, len(m.Sent()), "SELECT, token, two counters, certificate")
	}
	o := desk{}.run(t, "--simulator", "contact-extended", "--trace")
	require.Zero(t, o.exit)
	assert.Equal(t, 5, strings.Count(o.stderr, "> "))

	// One that says it is J-LIS's, of 2023, is looked at and not believed.
	_, _, claims := ownAuthority(t, func(c *x509.Certificate) {
		c.SubjectKeyId = []byte("\x1A\xC1\x00\xF5\x96\xA3\xBC\x8C\x4B\x3D\xF1\x95\xE3\x26\x99\x24\x9E\x9E\x30\x8A")
	})
	driver, _ := withCards(t, simulator.ContactExtended)
	m := attacker(driver, shown{certificate: claims})
	assert.Equal(t, trust.Unknown, chainOf(t, desk{driver: m}.run(t, "--json")))
	assert.Equal(t, 6, len(m.Sent()), "and the authority's certificate")
}

// What is said of each chain, in both languages. No test has a card of J-LIS's.
func TestEveryChainHasItsWords(t *testing.T) {
	for _, language := range []string{"ja", "en"} {
		var b bytes.Buffer
		p := &program{environment: environment{stdout: &b}, Console: &cli.Console{Language: message.Language(language)}}
		for _, chain := range []trust.Chain{trust.Pinned, trust.Caller, trust.Simulator, trust.Unknown} {
			if p.simulated = nil; chain == trust.Simulator {
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
		fits(t, b.String())
		golden(t, "chains-"+language+".txt", b.String())
	}
}
