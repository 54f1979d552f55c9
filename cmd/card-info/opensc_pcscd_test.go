//go:build cgo

package main

import (
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/reader/simulator"
)

// OpenSC and card-info use the same card concurrently, a hundred times or more each. Each
// result is correct or a failure, no attempt is used up, and the card is logged out at the
// end. OpenSC often fails: if it connects while card-info cuts the card's power, pcscd
// reports the card as unpowered for about a second. card-info waits until that is over.
//
// Faults: F26, F27.
func TestConcurrentOpenSC(t *testing.T) {
	b := newBench(t)
	pkcs15 := openSC(t, "pkcs15-tool")
	card := b.insert(t, simulator.Contact)
	const runs = 100
	id := idArgs(t, "--pin-stdin", "--json")
	alone := runner{stdin: "1234\n"}.run(t, append(id, "--simulator", "contact")...)
	require.Zero(t, alone.exit, alone.stderr)
	identifier := identifierOf(t, alone.stdout)
	certificate := parsePEM(t, b.cardInfo(t, "", "cert").stdout).Raw

	var over atomic.Bool
	theirs := results{}
	var other sync.WaitGroup
	other.Go(func() {
		for !over.Load() {
			o := b.finish(t, b.command(pkcs15, "--dump"), "")
			if theirs.count("dump", o) {
				assert.Contains(t, o.stdout, "Tries left     : 3")
				assert.Contains(t, o.stdout, "Tries left     : 5")
			}
			o = b.finish(t, b.command(pkcs15, "--read-certificate", "01"), "")
			if theirs.count("certificate", o) {
				assert.Equal(t, certificate, parsePEM(t, o.stdout).Raw)
			}
		}
	})

	start := time.Now()
	ours := results{}
	for n := range runs {
		args := [][]string{id, {"retries", "--json"}, {"cert", "--json"}}[n%3]
		o := b.cardInfo(t, "1234\n", args...)
		if !ours.count(args[0], o) {
			code, _ := failureOf(t, o)
			assert.Contains(t, []string{"READ_FAILED", "CARD_CHANGED", "CARD_BUSY"}, code)
			t.Log(o.stderr)
			continue
		}
		switch args[0] {
		case "id":
			assert.Equal(t, identifier, identifierOf(t, o.stdout))
		case "retries":
			assert.JSONEq(t, `{"auth_pin":{"remaining":3,"max":3,"blocked":false},"signature_password":{"remaining":5,"max":5,"blocked":false}}`, o.stdout)
		case "cert":
			assert.Equal(t, certificate, parsePEM(t, o.stdout).Raw)
		}
		assert.Equal(t, 3, card.State().AuthAttempts)
	}
	took := time.Since(start).Round(time.Millisecond)
	over.Store(true)
	other.Wait()
	t.Logf("in %s, successes and failures: card-info %v, OpenSC %v", took, ours, theirs)
	for _, what := range []string{"id", "retries", "cert"} {
		assert.LessOrEqual(t, ours[what].failed, runs/20, what)
	}
	for _, what := range []string{"dump", "certificate"} {
		assert.NotZero(t, theirs[what].succeeded, what)
	}
	assert.Equal(t, 3, card.State().AuthAttempts)
	assert.Equal(t, 5, card.State().SignatureAttempts)
	assert.False(t, card.State().AuthVerified)
	assert.Eventually(t, func() bool { return b.finish(t, b.command(pkcs15, "--dump"), "").exit == 0 },
		20*time.Second, 50*time.Millisecond, "OpenSC works when it is alone again")
}

// results counts the successes and failures of each operation.
type results map[string]struct{ succeeded, failed int }

func (c results) count(what string, o outcome) (succeeded bool) {
	n := c[what]
	if o.exit == 0 {
		n.succeeded++
	} else {
		n.failed++
	}
	c[what] = n
	return o.exit == 0
}

func identifierOf(t *testing.T, output string) string {
	t.Helper()
	var result struct {
		ID string `json:"mykey_id"`
	}
	require.NoError(t, json.Unmarshal([]byte(output), &result), output)
	require.NotEmpty(t, result.ID)
	return result.ID
}

// OpenSC, an independent implementation, agrees with the simulator and with card-info.
func TestOpenSCAgrees(t *testing.T) {
	b := newBench(t)
	pkcs15, pkcs11, openssl := openSC(t, "pkcs15-tool"), openSC(t, "pkcs11-tool"), openSC(t, "openssl")
	card := b.insert(t, simulator.Contact)
	dir := t.TempDir()

	dump := b.finish(t, b.command(pkcs15, "--dump"), "")
	require.Zero(t, dump.exit, dump.stderr)
	for name, attempts := range map[string]string{"User Authentication PIN": "Tries left     : 3", "Digital Signature PIN": "Tries left     : 5"} {
		_, section, found := strings.Cut(dump.stdout, "PIN ["+name+"]")
		require.True(t, found, dump.stdout)
		section, _, _ = strings.Cut(section, "\n\n")
		assert.Contains(t, section, attempts)
	}

	theirs := b.finish(t, b.command(pkcs15, "--read-certificate", "01"), "")
	ours := b.cardInfo(t, "", "cert")
	require.Zero(t, ours.exit)
	certificate := parsePEM(t, ours.stdout)
	assert.Equal(t, certificate.Raw, parsePEM(t, theirs.stdout).Raw)

	data, signature, public := filepath.Join(dir, "data"), filepath.Join(dir, "signature"), filepath.Join(dir, "public.pem")
	require.NoError(t, os.WriteFile(data, []byte("signed through OpenSC"), 0o600))
	key, err := x509.MarshalPKIXPublicKey(certificate.PublicKey)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(public, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: key}), 0o600))
	sign := func(pin string) outcome {
		return b.finish(t, b.command(pkcs11, "--login", "--pin", pin, "--sign", "--id", "01",
			"--mechanism", "SHA256-RSA-PKCS", "--input-file", data, "--output-file", signature), "")
	}
	o := sign("1234")
	require.Zero(t, o.exit, o.stderr)
	verified := b.finish(t, exec.Command(openssl, "dgst", "-sha256", "-verify", public, "-signature", signature, data), "")
	assert.Contains(t, verified.stdout, "Verified OK")
	assert.True(t, card.State().AuthVerified, "OpenSC leaves the card unlocked; if this changes, update the README")

	require.NotZero(t, sign("4321").exit)
	retries := b.cardInfo(t, "", "retries", "--json")
	assert.JSONEq(t, `{"auth_pin":{"remaining":2,"max":3,"blocked":false},"signature_password":{"remaining":5,"max":5,"blocked":false}}`, retries.stdout)
}
