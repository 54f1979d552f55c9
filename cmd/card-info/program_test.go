package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/reader/simulator"
)

func TestExitCodesAndFailureCodes(t *testing.T) {
	pin := func(digits string) runner { return runner{stdin: digits + "\n"} }
	id := func(profile simulator.Profile, more ...string) []string {
		return append(idArgs(t, more...), "--pin-stdin", "--simulator", string(profile))
	}
	two := 2
	one := 1
	zero := 0
	for _, tt := range []struct {
		name      string
		runner    runner
		args      []string
		exit      int
		code      string
		remaining *int
	}{
		{"right PIN", pin("1234"), id(simulator.Contact), 0, "", nil},
		{"right PIN in full width", pin("１２３４"), id(simulator.Contact), 0, "", nil},
		{"right PIN, no line end", runner{stdin: "1234"}, id(simulator.Contact), 0, "", nil},
		{"right PIN, Windows line end", runner{stdin: "1234\r\n"}, id(simulator.Contact), 0, "", nil},
		{"three digits", pin("123"), id(simulator.Contact), 2, "PIN_FORMAT", nil},
		{"five digits", pin("12345"), id(simulator.Contact), 2, "PIN_FORMAT", nil},
		{"letters", pin("12ab"), id(simulator.Contact), 2, "PIN_FORMAT", nil},
		{"a signature password", pin("ABC123"), id(simulator.Contact), 2, "PIN_FORMAT", nil},
		{"empty", pin(""), id(simulator.Contact), 2, "PIN_FORMAT", nil},
		{"nothing", runner{}, id(simulator.Contact), 2, "PIN_FORMAT", nil},
		{"a zero byte", pin("123\x00"), id(simulator.Contact), 2, "PIN_FORMAT", nil},
		{"very long", pin(strings.Repeat("1", 10000)), id(simulator.Contact), 2, "PIN_FORMAT", nil},
		{"wrong PIN", pin("9999"), id(simulator.Contact), 6, "PIN_WRONG", &two},
		{"last attempt refused", pin("1234"), id(simulator.LastAttempt), 6, "PIN_LAST_TRY", &one},
		{"last attempt allowed", pin("1234"), id(simulator.LastAttempt, "--allow-last-attempt"), 0, "", nil},
		{"last attempt wrong", pin("9999"), id(simulator.LastAttempt, "--allow-last-attempt"), 7, "PIN_LOCKED", &zero},
		{"locked", pin("1234"), id(simulator.Locked), 7, "PIN_LOCKED", &zero},
		{"face authentication", pin("1234"), id(simulator.FaceAuth), 7, "PIN_LOCKED", &zero},
		{"another card", pin("1234"), id(simulator.NotMyNumber), 5, "NOT_MYNUMBER_CARD", nil},
		{"no certificate", pin("1234"), id(simulator.NoCertificate), 8, "NO_AUTH_CERT", nil},
		{"expired", pin("1234"), id(simulator.Expired), 8, "CERT_EXPIRED", nil},
		{"expired allowed", pin("1234"), id(simulator.Expired, "--allow-expired"), 0, "", nil},
		{"expiring", pin("1234"), id(simulator.Expiring), 0, "", nil},
		{"Android", pin("1234"), id(simulator.Android), 0, "", nil},
		{"no namespace", pin("1234"), []string{"id", "--simulator", "contact"}, 2, "USAGE", nil},
		{"a folder for a key file", pin("1234"), []string{"id", "--namespace", "a", "--namespace-key", "/"}, 2, "NAMESPACE_KEY", nil},
		{"no such key file", pin("1234"), []string{"id", "--namespace", "a", "--namespace-key", "/nonexistent/key"}, 2, "NAMESPACE_KEY", nil},
		{"a key file that goes on", pin("1234"), []string{"id", "--namespace", "a", "--namespace-key",
			fileOf(t, strings.Repeat("0123456789abcdef", 4)+strings.Repeat("\n", 4096))}, 2, "NAMESPACE_KEY", nil},
		{"a bad namespace", pin("1234"), append(id(simulator.Contact), "--namespace", "a\nb"), 2, "NAMESPACE_NAME", nil},
		{"no terminal", runner{}, append(idArgs(t), "--simulator", "contact"), 2, "NO_TERMINAL", nil},

		{"report", runner{}, []string{"--simulator", "contact"}, 0, "", nil},
		{"report, another card", runner{}, []string{"--simulator", "not-my-number"}, 5, "NOT_MYNUMBER_CARD", nil},
		{"report, no certificate", runner{}, []string{"--simulator", "no-certificate"}, 8, "NO_AUTH_CERT", nil},
		{"report, expired", runner{}, []string{"--simulator", "expired"}, 0, "", nil},
		{"report, locked", runner{}, []string{"--simulator", "locked"}, 0, "", nil},
		{"report, Android", runner{}, []string{"--simulator", "android"}, 0, "", nil},
		{"retries, locked", runner{}, []string{"retries", "--simulator", "locked"}, 0, "", nil},
		{"cert", runner{}, []string{"cert", "--simulator", "contact"}, 0, "", nil},
		{"cert, none", runner{}, []string{"cert", "--simulator", "no-certificate"}, 8, "NO_AUTH_CERT", nil},
		{"cert, Android", runner{}, []string{"cert", "--simulator", "android"}, 1, "CERT_NEEDS_PIN", nil},
		{"ssh-key", runner{}, []string{"ssh-key", "--simulator", "contact"}, 0, "", nil},
		{"ssh-key, locked", runner{}, []string{"ssh-key", "--simulator", "locked"}, 0, "", nil},
		{"ssh-key, none", runner{}, []string{"ssh-key", "--simulator", "no-certificate"}, 8, "NO_AUTH_CERT", nil},
		{"ssh-key, expired", runner{}, []string{"ssh-key", "--simulator", "expired"}, 8, "CERT_EXPIRED", nil},
		{"ssh-key, Android", runner{}, []string{"ssh-key", "--simulator", "android"}, 1, "CERT_NEEDS_PIN", nil},
		{"ssh-agent without a socket", runner{}, []string{"ssh-agent", "--simulator", "contact"}, 2, "USAGE", nil},
		{"ssh-agent with an odd time", runner{}, []string{"ssh-agent", "--socket", "/socket", "--idle", "-1s"}, 2, "USAGE", nil},
		{"ssh-agent with a time that is too long", runner{}, []string{"ssh-agent", "--socket", "/socket", "--idle", "10m1s"}, 2, "USAGE", nil},
		{"ssh-agent in everybody's folder", runner{}, []string{"ssh-agent", "--socket", "/socket", "--simulator", "contact"}, 2, "SOCKET", nil},
		{"no reader", runner{}, []string{"list"}, 3, "READER_NOT_FOUND", nil},
		{"report, no reader", runner{}, nil, 3, "READER_NOT_FOUND", nil},

		{"unknown command", runner{}, []string{"frobnicate"}, 2, "USAGE", nil},
		{"unknown flag", runner{}, []string{"--frobnicate"}, 2, "USAGE", nil},
		{"unknown simulator", runner{}, []string{"--simulator", "frobnicate"}, 2, "USAGE", nil},
		{"empty simulator", runner{}, []string{"--simulator", ""}, 2, "USAGE", nil},
		{"empty reader", runner{}, []string{"--reader="}, 2, "USAGE", nil},
		{"simulate without a port", runner{}, []string{"simulate", "--vpcd", "localhost"}, 2, "USAGE", nil},
		{"simulate at port 0", runner{}, []string{"simulate", "--vpcd", "localhost:0"}, 2, "USAGE", nil},
		{"unknown language", runner{}, []string{"--lang", "fr"}, 2, "USAGE", nil},
		{"negative wait", runner{}, []string{"--wait", "-1s"}, 2, "USAGE", nil},
		{"an argument too many", runner{}, []string{"retries", "1234"}, 2, "USAGE", nil},
		{"keygen without a file", runner{}, []string{"keygen"}, 2, "USAGE", nil},
		{"help for nothing", runner{}, []string{"help", "frobnicate"}, 2, "USAGE", nil},
		{"help", runner{}, []string{"help"}, 0, "", nil},
		{"version", runner{}, []string{"--version"}, 0, "", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := tt.runner.run(t, append(tt.args, "--json")...)
			assert.Equal(t, tt.exit, o.exit, o.stderr)
			if tt.code != "" {
				code, remaining := failureOf(t, o)
				assert.Equal(t, tt.code, code)
				assert.Equal(t, tt.remaining, remaining)
			} else {
				assert.Empty(t, o.stderr)
				assert.NotEmpty(t, o.stdout)
			}
			// Without --json the failure is shown as text, with the same code.
			if tt.code != "" {
				plain := tt.runner.run(t, append(tt.args, "--json=false", "--lang=en")...)
				assert.Equal(t, tt.exit, plain.exit)
				assert.Contains(t, plain.stderr, "["+tt.code+"]")
			}
		})
	}
}

func TestReaders(t *testing.T) {
	t.Run("several cards", func(t *testing.T) {
		driver, _ := withCards(t, simulator.Contact, simulator.Contactless)
		o := runner{driver: driver}.run(t)
		assert.Equal(t, 2, o.exit)
		assert.Contains(t, o.stderr, "Reader\n")
		assert.Contains(t, o.stderr, "Reader 2\n")
		assert.Zero(t, runner{driver: driver}.run(t, "--reader", "Reader 2").exit)
		assert.Equal(t, 3, runner{driver: driver}.run(t, "--reader", "Reader 3").exit)

		o = runner{driver: driver}.run(t, "list", "--json")
		assert.JSONEq(t, `{"readers":[{"name":"Reader","present":true,"atr":"3BE000FF8131FE4514"},{"name":"Reader 2","present":true,"atr":"3B888001000041E0B381A1003B"}]}`, o.stdout)
	})
	t.Run("no card", func(t *testing.T) {
		driver := simulator.New()
		driver.AddReader("\x1b[31mRed\x07")
		o := runner{driver: driver}.run(t, "list")
		assert.Zero(t, o.exit)
		assert.Equal(t, "  ?[31mRed?  empty\n", o.stdout)
		o = runner{driver: driver}.run(t)
		assert.Equal(t, 4, o.exit)
		o = runner{driver: driver}.run(t, "--reader", "\x1b[31mRed\x07")
		assert.Equal(t, 4, o.exit)
		assert.NotContains(t, o.stderr, "\x1b")
		o = runner{driver: driver}.run(t, "--wait", "300ms")
		assert.Equal(t, 4, o.exit)
	})
	t.Run("no service", func(t *testing.T) {
		driver, _ := withCards(t, simulator.Contact)
		driver.StopService()
		for _, args := range [][]string{nil, {"list"}, {"retries"}, {"cert"}, {"--wait", "200ms"}} {
			o := runner{driver: driver}.run(t, append(args, "--json")...)
			assert.Equal(t, 3, o.exit)
			code, _ := failureOf(t, o)
			assert.Equal(t, "PCSC_UNAVAILABLE", code)
		}
	})
	t.Run("a card inserted later", func(t *testing.T) {
		driver := simulator.New()
		slot := driver.AddReader("Reader")
		card, err := simulator.NewCard(simulator.Contact, simulator.WithInsecureSeed(simulatorSeed))
		require.NoError(t, err)
		time.AfterFunc(20*time.Millisecond, func() { _ = slot.Insert(card) })
		assert.Zero(t, runner{driver: driver}.run(t, "--wait", "10s").exit)
	})
}

func TestIdentifier(t *testing.T) {
	type result struct {
		ID        string `json:"mykey_id"`
		Display   string `json:"display"`
		Namespace string `json:"namespace"`
		Assurance struct {
			PIN        bool   `json:"pin"`
			PINSource  string `json:"pin_source"`
			Possession bool   `json:"possession"`
			Chain      string `json:"chain"`
		} `json:"assurance"`
		Revocation string `json:"revocation"`
		ValidUntil string `json:"valid_until"`
	}
	derive := func(t *testing.T, profile simulator.Profile, more ...string) result {
		o := runner{stdin: "1234\n"}.run(t, append(idArgs(t, "--pin-stdin", "--json", "--simulator", string(profile)), more...)...)
		require.Zero(t, o.exit, o.stderr)
		var r result
		decoder := json.NewDecoder(strings.NewReader(o.stdout))
		decoder.DisallowUnknownFields()
		require.NoError(t, decoder.Decode(&r))
		return r
	}
	first := derive(t, simulator.Contact)
	assert.Len(t, first.ID, 8)
	assert.Equal(t, first.ID[:4]+"-"+first.ID[4:], first.Display)
	assert.Equal(t, "library.example", first.Namespace)
	assert.True(t, first.Assurance.PIN)
	assert.Equal(t, "card", first.Assurance.PINSource)
	assert.True(t, first.Assurance.Possession)
	assert.Equal(t, "simulator", first.Assurance.Chain)
	assert.Equal(t, "not-checked", first.Revocation)
	assert.Equal(t, "2030-05", first.ValidUntil, "the day is the holder's birthday")

	// The identifier is the same in every run and for every profile with this certificate.
	for _, profile := range []simulator.Profile{simulator.Contact, simulator.ContactExtended, simulator.ContactShort, simulator.Contactless, simulator.Expiring} {
		assert.Equal(t, first.ID, derive(t, profile).ID, profile)
	}
	assert.Equal(t, first.ID, derive(t, simulator.LastAttempt, "--allow-last-attempt").ID)
	assert.Equal(t, first.ID, derive(t, simulator.Expired, "--allow-expired").ID)

	// Another certificate, namespace or key gives another identifier.
	assert.NotEqual(t, first.ID, derive(t, simulator.Android).ID)
	assert.NotEqual(t, first.ID, derive(t, simulator.Contact, "--namespace", "points.example").ID)
	other := filepath.Join(t.TempDir(), "other")
	require.Zero(t, runner{}.run(t, "keygen", other).exit)
	assert.NotEqual(t, first.ID, derive(t, simulator.Contact, "--namespace-key", other).ID)
}

// Faults: F95.
func TestKeygen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	o := runner{}.run(t, "keygen", path, "--json")
	require.Zero(t, o.exit, o.stderr)
	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	before, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Len(t, bytes.TrimSpace(before), 64)
	assert.NotContains(t, o.stdout, string(before[:16]), "the key itself is not printed")

	o = runner{}.run(t, "keygen", path)
	assert.Equal(t, 1, o.exit)
	assert.Contains(t, o.stderr, "[KEY_EXISTS]")
	after, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, before, after, "never overwritten")

	for mode, warned := range map[os.FileMode]bool{0o644: true, 0o640: true, 0o620: true, 0o602: true, 0o622: true, 0o400: false} {
		require.NoError(t, os.Chmod(path, mode))
		id := []string{"id", "--namespace", "a", "--namespace-key", path, "--pin-stdin", "--simulator", "contact"}
		o = runner{stdin: "1234\n"}.run(t, id...)
		assert.Zero(t, o.exit)
		assert.Equal(t, warned, strings.Contains(o.stderr, "chmod 600"), "%o: %s", mode, o.stderr)
		o = runner{stdin: "1234\n"}.run(t, append(id, "--json")...)
		assert.Equal(t, warned, strings.HasPrefix(o.stderr, `{"warning":{"code":"KEY_READABLE"`), "%o", mode)
	}

	for name, text := range map[string]string{"short": "00ff\n", "zero": strings.Repeat("00", 32), "binary": "\x00\x01", "empty": ""} {
		bad := filepath.Join(t.TempDir(), name)
		require.NoError(t, os.WriteFile(bad, []byte(text), 0o600))
		o = runner{stdin: "1234\n"}.run(t, "id", "--namespace", "a", "--namespace-key", bad, "--pin-stdin", "--simulator", "contact")
		assert.Equal(t, 2, o.exit, name)
	}
}

func TestCertificate(t *testing.T) {
	plain := runner{}.run(t, "cert", "--simulator", "contact").stdout
	assert.True(t, strings.HasPrefix(plain, "-----BEGIN CERTIFICATE-----\n"))
	der := runner{}.run(t, "cert", "--der", "--simulator", "contact").stdout
	assert.Equal(t, "\x30\x82", der[:2])
	ca := runner{}.run(t, "cert", "--ca", "--simulator", "contact").stdout
	assert.NotEqual(t, plain, ca)
}

func TestLanguages(t *testing.T) {
	for locale, japanese := range map[string]bool{
		"ja_JP.UTF-8": true, "ja": true, "en_US.UTF-8": false, "C": false, "POSIX": false, "C.UTF-8": false, "fr_FR.UTF-8": false, "-": false,
	} {
		o := runner{locale: locale}.run(t, "retries", "--simulator", "contact")
		assert.Equal(t, japanese, strings.Contains(o.stdout, "暗証番号"), locale)
	}
	for _, args := range [][]string{{"--lang", "ja"}, {"--lang=ja"}} {
		assert.Contains(t, runner{}.run(t, append(args, "--help")...).stdout, "使い方")
		assert.Contains(t, runner{}.run(t, append(args, "--nosuch")...).stderr, "書き方")
	}
}

func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	o := runner{stdin: "1234\n"}.runContext(t, ctx, idArgs(t, "--pin-stdin", "--simulator", "contact", "--json")...)
	assert.Equal(t, 1, o.exit)
	code, _ := failureOf(t, o)
	assert.Equal(t, "INTERRUPTED", code)

	driver := simulator.New()
	driver.AddReader("Reader")
	ctx, cancel = context.WithCancel(context.Background())
	time.AfterFunc(20*time.Millisecond, cancel)
	o = runner{driver: driver}.runContext(t, ctx, "--wait", "1h")
	assert.Equal(t, 1, o.exit)

	// A pipe to which nothing is written.
	silent, writer := io.Pipe()
	defer writer.Close()
	ctx, cancel = context.WithCancel(context.Background())
	time.AfterFunc(20*time.Millisecond, cancel)
	var stdout, stderr bytes.Buffer
	exit := run(ctx, idArgs(t, "--pin-stdin", "--simulator", "contact"), environment{
		stdin: silent, stdout: &stdout, stderr: &stderr, now: time.Now, getenv: func(string) string { return "" },
	})
	assert.Equal(t, 1, exit)
	assert.Contains(t, stderr.String(), "[INTERRUPTED]")
}
