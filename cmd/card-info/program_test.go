package main

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/cardtest"
	"github.com/mykeykit/mykeykit/internal/cli"
	"github.com/mykeykit/mykeykit/internal/tty"
	"github.com/mykeykit/mykeykit/mykey/message"
	"github.com/mykeykit/mykeykit/reader"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// today is when the tests take place.
var today = time.Date(2026, 11, 21, 12, 0, 0, 0, time.FixedZone("JST", 9*60*60))

// outcome is what a run left.
type outcome struct {
	exit           int
	stdout, stderr string
	terminal       string // what the person saw
}

// desk is where the program runs in a test.
type desk struct {
	driver reader.Driver
	stdin  string
	typed  string // at the terminal; "" is no terminal
	typing func() // happens before the first key
	locale string
	system system
	now    time.Time // zero is today
}

func (d desk) run(t testing.TB, args ...string) outcome {
	t.Helper()
	return d.runContext(t, context.Background(), args...)
}

func (d desk) runContext(t testing.TB, ctx context.Context, args ...string) outcome {
	t.Helper()
	var stdout, stderr bytes.Buffer
	person := &person{types: d.typed, do: d.typing}
	locale := d.locale
	if locale == "" {
		locale = "en_US.UTF-8"
	}
	driver := d.driver
	if driver == nil {
		driver = simulator.New()
	}
	now := d.now
	if now.IsZero() {
		now = today
	}
	env := environment{
		stdin:  strings.NewReader(d.stdin),
		stdout: &stdout,
		stderr: &stderr,
		driver: driver,
		now:    func() time.Time { return now },
		system: d.system,
		getenv: func(name string) string { return map[string]string{"LANG": locale}[name] },
		terminal: func() (tty.Terminal, error) {
			if d.typed == "" {
				return nil, errors.New("no terminal")
			}
			return person, nil
		},
	}
	exit := run(ctx, args, env)
	return outcome{exit, stdout.String(), stderr.String(), person.sees.String()}
}

// person is a terminal with somebody at it.
type person struct {
	sees  bytes.Buffer
	types string
	do    func() // before the first key
}

func (p *person) Write(b []byte) (int, error) { return p.sees.Write(b) }
func (p *person) Close() error                { return nil }
func (p *person) Hide() error                 { return nil }
func (p *person) DiscardTyped()               {}
func (p *person) Background() bool            { return false }
func (p *person) ReadHidden(context.Context) ([]byte, error) {
	if p.do != nil {
		p.do()
	}
	return []byte(p.types), nil
}

// withCards is a driver with a reader for each profile.
func withCards(t testing.TB, profiles ...simulator.Profile) (*simulator.Driver, []*simulator.Card) {
	t.Helper()
	driver := simulator.New()
	var cards []*simulator.Card
	for _, p := range profiles {
		card, err := simulator.NewCard(p, simulator.WithInsecureSeed(simulatorSeed), simulator.WithClock(func() time.Time { return today }))
		require.NoError(t, err)
		require.NoError(t, driver.AddReader("Reader").Insert(card))
		cards = append(cards, card)
	}
	return driver, cards
}

// keyFile is a namespace key's file.
func keyFile(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "key")
	require.NoError(t, os.WriteFile(path, []byte(strings.Repeat("0123456789abcdef", 4)+"\n"), 0o600))
	return path
}

func idArgs(t testing.TB, more ...string) []string {
	return append([]string{"id", "--namespace", "library.example", "--namespace-key", keyFile(t)}, more...)
}

func failureOf(t testing.TB, o outcome) (code string, remaining *int) {
	t.Helper()
	var f struct {
		Error struct {
			Code      string            `json:"code"`
			Exit      int               `json:"exit"`
			Group     message.Group     `json:"group"`
			Attempt   message.Attempt   `json:"attempt"`
			Remaining *int              `json:"remaining"`
			Message   map[string]string `json:"message"`
			Next      map[string]string `json:"next"`
		} `json:"error"`
	}
	lines := strings.Split(strings.TrimSpace(o.stderr), "\n")
	require.NoError(t, json.Unmarshal([]byte(lines[len(lines)-1]), &f), o.stderr)
	assert.Equal(t, o.exit, f.Error.Exit)
	assert.NotEmpty(t, f.Error.Group)
	assert.NotEmpty(t, f.Error.Attempt)
	assert.NotEmpty(t, f.Error.Message["ja"])
	assert.NotEmpty(t, f.Error.Message["en"])
	return f.Error.Code, f.Error.Remaining
}

func parsePEM(t *testing.T, text string) *x509.Certificate {
	t.Helper()
	_, start, found := strings.Cut(text, "-----BEGIN CERTIFICATE-----")
	require.True(t, found, text)
	block, _ := pem.Decode([]byte("-----BEGIN CERTIFICATE-----" + start))
	require.NotNil(t, block)
	certificate, err := x509.ParseCertificate(block.Bytes)
	require.NoError(t, err)
	return certificate
}

func TestExitCodesAndFailureCodes(t *testing.T) {
	pin := func(digits string) desk { return desk{stdin: digits + "\n"} }
	id := func(profile simulator.Profile, more ...string) []string {
		return append(idArgs(t, more...), "--pin-stdin", "--simulator", string(profile))
	}
	two := 2
	one := 1
	zero := 0
	for _, tt := range []struct {
		name      string
		desk      desk
		args      []string
		exit      int
		code      string
		remaining *int
	}{
		{"right PIN", pin("1234"), id(simulator.Contact), 0, "", nil},
		{"right PIN in full width", pin("１２３４"), id(simulator.Contact), 0, "", nil},
		{"right PIN, no line end", desk{stdin: "1234"}, id(simulator.Contact), 0, "", nil},
		{"right PIN, Windows line end", desk{stdin: "1234\r\n"}, id(simulator.Contact), 0, "", nil},
		{"three digits", pin("123"), id(simulator.Contact), 2, "PIN_FORMAT", nil},
		{"five digits", pin("12345"), id(simulator.Contact), 2, "PIN_FORMAT", nil},
		{"letters", pin("12ab"), id(simulator.Contact), 2, "PIN_FORMAT", nil},
		{"a signature password", pin("ABC123"), id(simulator.Contact), 2, "PIN_FORMAT", nil},
		{"empty", pin(""), id(simulator.Contact), 2, "PIN_FORMAT", nil},
		{"nothing", desk{}, id(simulator.Contact), 2, "PIN_FORMAT", nil},
		{"a zero byte", pin("123\x00"), id(simulator.Contact), 2, "PIN_FORMAT", nil},
		{"very long", pin(strings.Repeat("1", 10000)), id(simulator.Contact), 2, "PIN_FORMAT", nil},
		{"wrong PIN", pin("9999"), id(simulator.Contact), 6, "PIN_WRONG", &two},
		{"last try refused", pin("1234"), id(simulator.LastTry), 6, "PIN_LAST_TRY", &one},
		{"last try allowed", pin("1234"), id(simulator.LastTry, "--allow-last-try"), 0, "", nil},
		{"last try wrong", pin("9999"), id(simulator.LastTry, "--allow-last-try"), 7, "PIN_LOCKED", &zero},
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
		{"no terminal", desk{}, append(idArgs(t), "--simulator", "contact"), 2, "NO_TERMINAL", nil},

		{"report", desk{}, []string{"--simulator", "contact"}, 0, "", nil},
		{"report, another card", desk{}, []string{"--simulator", "not-my-number"}, 5, "NOT_MYNUMBER_CARD", nil},
		{"report, no certificate", desk{}, []string{"--simulator", "no-certificate"}, 8, "NO_AUTH_CERT", nil},
		{"report, expired", desk{}, []string{"--simulator", "expired"}, 0, "", nil},
		{"report, locked", desk{}, []string{"--simulator", "locked"}, 0, "", nil},
		{"report, Android", desk{}, []string{"--simulator", "android"}, 0, "", nil},
		{"retries, locked", desk{}, []string{"retries", "--simulator", "locked"}, 0, "", nil},
		{"cert", desk{}, []string{"cert", "--simulator", "contact"}, 0, "", nil},
		{"cert, none", desk{}, []string{"cert", "--simulator", "no-certificate"}, 8, "NO_AUTH_CERT", nil},
		{"cert, Android", desk{}, []string{"cert", "--simulator", "android"}, 1, "CERT_NEEDS_PIN", nil},
		{"ssh-key", desk{}, []string{"ssh-key", "--simulator", "contact"}, 0, "", nil},
		{"ssh-key, locked", desk{}, []string{"ssh-key", "--simulator", "locked"}, 0, "", nil},
		{"ssh-key, none", desk{}, []string{"ssh-key", "--simulator", "no-certificate"}, 8, "NO_AUTH_CERT", nil},
		{"ssh-key, expired", desk{}, []string{"ssh-key", "--simulator", "expired"}, 8, "CERT_EXPIRED", nil},
		{"ssh-key, Android", desk{}, []string{"ssh-key", "--simulator", "android"}, 1, "CERT_NEEDS_PIN", nil},
		{"ssh-agent without a socket", desk{}, []string{"ssh-agent", "--simulator", "contact"}, 2, "USAGE", nil},
		{"ssh-agent with an odd time", desk{}, []string{"ssh-agent", "--socket", "/socket", "--idle", "-1s"}, 2, "USAGE", nil},
		{"ssh-agent with a time that is too long", desk{}, []string{"ssh-agent", "--socket", "/socket", "--idle", "10m1s"}, 2, "USAGE", nil},
		{"ssh-agent in everybody's folder", desk{}, []string{"ssh-agent", "--socket", "/socket", "--simulator", "contact"}, 2, "SOCKET", nil},
		{"no reader", desk{}, []string{"list"}, 3, "READER_NOT_FOUND", nil},
		{"report, no reader", desk{}, nil, 3, "READER_NOT_FOUND", nil},

		{"unknown command", desk{}, []string{"frobnicate"}, 2, "USAGE", nil},
		{"unknown flag", desk{}, []string{"--frobnicate"}, 2, "USAGE", nil},
		{"unknown simulator", desk{}, []string{"--simulator", "frobnicate"}, 2, "USAGE", nil},
		{"empty simulator", desk{}, []string{"--simulator", ""}, 2, "USAGE", nil},
		{"empty reader", desk{}, []string{"--reader="}, 2, "USAGE", nil},
		{"simulate without a port", desk{}, []string{"simulate", "--vpcd", "localhost"}, 2, "USAGE", nil},
		{"simulate at port 0", desk{}, []string{"simulate", "--vpcd", "localhost:0"}, 2, "USAGE", nil},
		{"unknown language", desk{}, []string{"--lang", "fr"}, 2, "USAGE", nil},
		{"negative wait", desk{}, []string{"--wait", "-1s"}, 2, "USAGE", nil},
		{"an argument too many", desk{}, []string{"retries", "1234"}, 2, "USAGE", nil},
		{"keygen without a file", desk{}, []string{"keygen"}, 2, "USAGE", nil},
		{"help for nothing", desk{}, []string{"help", "frobnicate"}, 2, "USAGE", nil},
		{"help", desk{}, []string{"help"}, 0, "", nil},
		{"version", desk{}, []string{"--version"}, 0, "", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := tt.desk.run(t, append(tt.args, "--json")...)
			assert.Equal(t, tt.exit, o.exit, o.stderr)
			if tt.code != "" {
				code, remaining := failureOf(t, o)
				assert.Equal(t, tt.code, code)
				assert.Equal(t, tt.remaining, remaining)
			} else {
				assert.Empty(t, o.stderr)
				assert.NotEmpty(t, o.stdout)
			}
			// Without --json the same failure is told in words and by its code.
			if tt.code != "" {
				plain := tt.desk.run(t, append(tt.args, "--json=false", "--lang=en")...)
				assert.Equal(t, tt.exit, plain.exit)
				assert.Contains(t, plain.stderr, "["+tt.code+"]")
			}
		})
	}
}

func TestWhatIsInTheReaders(t *testing.T) {
	t.Run("several cards", func(t *testing.T) {
		driver, _ := withCards(t, simulator.Contact, simulator.Contactless)
		o := desk{driver: driver}.run(t)
		assert.Equal(t, 2, o.exit)
		assert.Contains(t, o.stderr, "Reader\n")
		assert.Contains(t, o.stderr, "Reader 2\n")
		assert.Zero(t, desk{driver: driver}.run(t, "--reader", "Reader 2").exit)
		assert.Equal(t, 3, desk{driver: driver}.run(t, "--reader", "Reader 3").exit)

		o = desk{driver: driver}.run(t, "list", "--json")
		assert.JSONEq(t, `{"readers":[{"name":"Reader","present":true,"atr":"3BE000FF8131FE4514"},{"name":"Reader 2","present":true,"atr":"3B888001000041E0B381A1003B"}]}`, o.stdout)
	})
	t.Run("no card", func(t *testing.T) {
		driver := simulator.New()
		driver.AddReader("\x1b[31mRed\x07")
		o := desk{driver: driver}.run(t, "list")
		assert.Zero(t, o.exit)
		assert.Equal(t, "  ?[31mRed?  empty\n", o.stdout)
		o = desk{driver: driver}.run(t)
		assert.Equal(t, 4, o.exit)
		o = desk{driver: driver}.run(t, "--reader", "\x1b[31mRed\x07")
		assert.Equal(t, 4, o.exit)
		assert.NotContains(t, o.stderr, "\x1b")
		o = desk{driver: driver}.run(t, "--wait", "300ms")
		assert.Equal(t, 4, o.exit)
	})
	t.Run("no service", func(t *testing.T) {
		driver, _ := withCards(t, simulator.Contact)
		driver.StopService()
		for _, args := range [][]string{nil, {"list"}, {"retries"}, {"cert"}, {"--wait", "200ms"}} {
			o := desk{driver: driver}.run(t, append(args, "--json")...)
			assert.Equal(t, 3, o.exit)
			code, _ := failureOf(t, o)
			assert.Equal(t, "PCSC_UNAVAILABLE", code)
		}
	})
	t.Run("a card that comes", func(t *testing.T) {
		driver := simulator.New()
		slot := driver.AddReader("Reader")
		card, err := simulator.NewCard(simulator.Contact, simulator.WithInsecureSeed(simulatorSeed))
		require.NoError(t, err)
		time.AfterFunc(20*time.Millisecond, func() { _ = slot.Insert(card) })
		assert.Zero(t, desk{driver: driver}.run(t, "--wait", "10s").exit)
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
		o := desk{stdin: "1234\n"}.run(t, append(idArgs(t, "--pin-stdin", "--json", "--simulator", string(profile)), more...)...)
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

	// The same in every run and through every profile with this certificate.
	for _, profile := range []simulator.Profile{simulator.Contact, simulator.ContactExtended, simulator.ContactShort, simulator.Contactless, simulator.Expiring} {
		assert.Equal(t, first.ID, derive(t, profile).ID, profile)
	}
	assert.Equal(t, first.ID, derive(t, simulator.LastTry, "--allow-last-try").ID)
	assert.Equal(t, first.ID, derive(t, simulator.Expired, "--allow-expired").ID)

	// Another with another certificate, namespace or key.
	assert.NotEqual(t, first.ID, derive(t, simulator.Android).ID)
	assert.NotEqual(t, first.ID, derive(t, simulator.Contact, "--namespace", "points.example").ID)
	other := filepath.Join(t.TempDir(), "other")
	require.Zero(t, desk{}.run(t, "keygen", other).exit)
	assert.NotEqual(t, first.ID, derive(t, simulator.Contact, "--namespace-key", other).ID)
}

// What programs leave around a piped PIN is no part of it. What can't be a PIN is not
// sent.
//
// Faults: F68.
func TestWhatIsPipedAroundAPIN(t *testing.T) {
	for piped, exit := range map[string]int{
		"\uFEFF1234\r\n":                     0,
		"\uFEFF１２３４\r\n":                     0,
		"1234 \n":                            0,
		"1234\t\r\n":                         0,
		" 1234":                              0,
		"\u3000１２３４\u3000\u3000\n":           0,
		"1234 \r \r\n":                       0,
		"1234\n9999\n":                       0, // one line is read
		"\uFEFF \u30001234\n":                0,
		"1234" + strings.Repeat(" ", 250):    0,
		"1234" + strings.Repeat(" ", 300):    cli.ExitUsage,
		"12 34\n":                            cli.ExitUsage,
		"12\u300034\n":                       cli.ExitUsage,
		"1234\uFEFF\n":                       cli.ExitUsage,
		"\uFEFF\uFEFF1234\n":                 cli.ExitUsage,
		"1234\u00A0\n":                       cli.ExitUsage,
		"1234\v\n":                           cli.ExitUsage,
		"\n1234\n":                           cli.ExitUsage,
		"\uFEFF\r\n":                         cli.ExitUsage,
		" \u3000\n":                          cli.ExitUsage,
		"\xff\xfe1\x002\x003\x004\x00\n\x00": cli.ExitUsage, // UTF-16
	} {
		driver, _ := withCards(t, simulator.Contact)
		m := &cardtest.Driver{Driver: driver}
		for _, stdin := range []io.Reader{strings.NewReader(piped), iotest.OneByteReader(strings.NewReader(piped)), iotest.DataErrReader(strings.NewReader(piped))} {
			m.Forget()
			var stderr bytes.Buffer
			got := run(t.Context(), idArgs(t, "--pin-stdin"), environment{
				stdin: stdin, stdout: io.Discard, stderr: &stderr, driver: m, now: func() time.Time { return today }, getenv: func(string) string { return "" },
			})
			assert.Equal(t, exit, got, "%q: %s", piped, &stderr)
			want := 1
			if exit != 0 {
				want = 0
				assert.Contains(t, stderr.String(), "[PIN_FORMAT]")
			}
			assert.Equal(t, want, m.Secrets(), "%q", piped)
		}
	}
}

// Faults: F25, F45.
func TestThePINAtTheTerminal(t *testing.T) {
	t.Run("shows the tries left", func(t *testing.T) {
		o := desk{typed: "1234", locale: "ja_JP.UTF-8"}.run(t, idArgs(t, "--simulator", "contact")...)
		require.Zero(t, o.exit, o.stderr)
		assert.Contains(t, o.terminal, "あと3回です。")
		assert.NotContains(t, o.terminal, "1234")
		o = desk{typed: "1234"}.run(t, idArgs(t, "--simulator", "last-try", "--allow-last-try")...)
		assert.Contains(t, o.terminal, "Attempts left: 1.")
		assert.Contains(t, o.terminal, "This is the last attempt.")
	})
	t.Run("is not asked for in vain", func(t *testing.T) {
		for profile, exit := range map[simulator.Profile]int{
			simulator.Locked: 7, simulator.LastTry: 6, simulator.NotMyNumber: 5, simulator.NoCertificate: 8, simulator.Expired: 8,
		} {
			o := desk{typed: "1234"}.run(t, idArgs(t, "--simulator", string(profile))...)
			assert.Equal(t, exit, o.exit)
			assert.Empty(t, o.terminal, profile)
		}
	})
	t.Run("is not sent to a card that changed meanwhile", func(t *testing.T) {
		driver, cards := withCards(t, simulator.Contact)
		o := desk{driver: driver, typed: "1234", typing: func() {
			cards[0].PowerOn()
			cards[0].Exchange([]byte{0x00, 0xA4, 0x04, 0x0C, 0x0A, 0xD3, 0x92, 0xF0, 0x00, 0x26, 0x01, 0x00, 0x00, 0x00, 0x01})
			cards[0].Exchange([]byte{0x00, 0x20, 0x00, 0x98, 0x04, '0', '0', '0', '0'})
		}}.run(t, idArgs(t)...)
		assert.Equal(t, 4, o.exit)
		assert.Contains(t, o.stderr, "[CARD_CHANGED]")
		assert.Equal(t, 2, cards[0].State().AuthTries, "the other program's try")
	})
	t.Run("is not sent to another card that was put in meanwhile", func(t *testing.T) {
		driver := simulator.New()
		slot := driver.AddReader("Reader")
		var cards []*simulator.Card
		for _, profile := range []simulator.Profile{simulator.Contact, simulator.ResidentCard} { // with the same ATR and tries
			card, err := simulator.NewCard(profile, simulator.WithInsecureSeed(simulatorSeed))
			require.NoError(t, err)
			cards = append(cards, card)
		}
		require.NoError(t, slot.Insert(cards[0]))
		m := &cardtest.Driver{Driver: driver}
		o := desk{driver: m, typed: "9999", typing: func() {
			slot.Remove()
			require.NoError(t, slot.Insert(cards[1]))
		}}.run(t, idArgs(t)...)
		assert.Equal(t, 4, o.exit)
		assert.Contains(t, o.stderr, "[CARD_CHANGED]")
		assert.Contains(t, o.stderr, "No PIN was sent")
		assert.Zero(t, m.Secrets())
		assert.Equal(t, 3, cards[1].State().AuthTries)
	})
	t.Run("malformed", func(t *testing.T) {
		driver, cards := withCards(t, simulator.Contact)
		o := desk{driver: driver, typed: "12345"}.run(t, idArgs(t)...)
		assert.Equal(t, 2, o.exit)
		assert.Equal(t, 3, cards[0].State().AuthTries)
	})
	t.Run("the card is not held meanwhile", func(t *testing.T) {
		driver, cards := withCards(t, simulator.Contact)
		o := desk{driver: driver, typed: "1234", typing: func() {
			assert.False(t, cards[0].State().Powered, "connected while a person types")
		}}.run(t, idArgs(t)...)
		assert.Zero(t, o.exit, o.stderr)
	})
}

// Faults: F95.
func TestKeygen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	o := desk{}.run(t, "keygen", path, "--json")
	require.Zero(t, o.exit, o.stderr)
	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	before, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Len(t, bytes.TrimSpace(before), 64)
	assert.NotContains(t, o.stdout, string(before[:16]), "the key itself is not printed")

	o = desk{}.run(t, "keygen", path)
	assert.Equal(t, 1, o.exit)
	assert.Contains(t, o.stderr, "[KEY_EXISTS]")
	after, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, before, after, "never overwritten")

	for mode, warned := range map[os.FileMode]bool{0o644: true, 0o640: true, 0o620: true, 0o602: true, 0o622: true, 0o400: false} {
		require.NoError(t, os.Chmod(path, mode))
		id := []string{"id", "--namespace", "a", "--namespace-key", path, "--pin-stdin", "--simulator", "contact"}
		o = desk{stdin: "1234\n"}.run(t, id...)
		assert.Zero(t, o.exit)
		assert.Equal(t, warned, strings.Contains(o.stderr, "chmod 600"), "%o: %s", mode, o.stderr)
		o = desk{stdin: "1234\n"}.run(t, append(id, "--json")...)
		assert.Equal(t, warned, strings.HasPrefix(o.stderr, `{"warning":{"code":"KEY_READABLE"`), "%o", mode)
	}

	for name, text := range map[string]string{"short": "00ff\n", "zero": strings.Repeat("00", 32), "binary": "\x00\x01", "empty": ""} {
		bad := filepath.Join(t.TempDir(), name)
		require.NoError(t, os.WriteFile(bad, []byte(text), 0o600))
		o = desk{stdin: "1234\n"}.run(t, "id", "--namespace", "a", "--namespace-key", bad, "--pin-stdin", "--simulator", "contact")
		assert.Equal(t, 2, o.exit, name)
	}
}

func TestCertificate(t *testing.T) {
	plain := desk{}.run(t, "cert", "--simulator", "contact").stdout
	assert.True(t, strings.HasPrefix(plain, "-----BEGIN CERTIFICATE-----\n"))
	der := desk{}.run(t, "cert", "--der", "--simulator", "contact").stdout
	assert.Equal(t, "\x30\x82", der[:2])
	ca := desk{}.run(t, "cert", "--ca", "--simulator", "contact").stdout
	assert.NotEqual(t, plain, ca)
}

func TestLanguages(t *testing.T) {
	for locale, japanese := range map[string]bool{
		"ja_JP.UTF-8": true, "ja": true, "en_US.UTF-8": false, "C": false, "POSIX": false, "C.UTF-8": false, "fr_FR.UTF-8": false, "-": false,
	} {
		o := desk{locale: locale}.run(t, "retries", "--simulator", "contact")
		assert.Equal(t, japanese, strings.Contains(o.stdout, "暗証番号"), locale)
	}
	for _, args := range [][]string{{"--lang", "ja"}, {"--lang=ja"}} {
		assert.Contains(t, desk{}.run(t, append(args, "--help")...).stdout, "使い方")
		assert.Contains(t, desk{}.run(t, append(args, "--nosuch")...).stderr, "書き方")
	}
}

func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	o := desk{stdin: "1234\n"}.runContext(t, ctx, idArgs(t, "--pin-stdin", "--simulator", "contact", "--json")...)
	assert.Equal(t, 1, o.exit)
	code, _ := failureOf(t, o)
	assert.Equal(t, "INTERRUPTED", code)

	driver := simulator.New()
	driver.AddReader("Reader")
	ctx, cancel = context.WithCancel(context.Background())
	time.AfterFunc(20*time.Millisecond, cancel)
	o = desk{driver: driver}.runContext(t, ctx, "--wait", "1h")
	assert.Equal(t, 1, o.exit)

	// A pipe that says nothing.
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
