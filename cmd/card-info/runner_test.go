package main

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/tty"
	"github.com/mykeykit/mykeykit/mykey/message"
	"github.com/mykeykit/mykeykit/reader"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// today is the current time in the tests.
var today = time.Date(2026, 11, 21, 12, 0, 0, 0, time.FixedZone("JST", 9*60*60))

// outcome is the result of running the program.
type outcome struct {
	exit           int
	stdout, stderr string
	terminal       string // the text shown on the terminal
}

// runner runs the program in a test. The zero value has no readers and no terminal.
type runner struct {
	driver reader.Driver
	stdin  string
	typed  string // at the terminal; "": no terminal
	typing func() // called before the first key
	locale string
	system system
	now    time.Time // zero: today
}

func (r runner) run(t testing.TB, args ...string) outcome {
	t.Helper()
	return r.runContext(t, context.Background(), args...)
}

func (r runner) runContext(t testing.TB, ctx context.Context, args ...string) outcome {
	t.Helper()
	var stdout, stderr bytes.Buffer
	terminal := &fakeTerminal{types: r.typed, typing: r.typing}
	locale := r.locale
	if locale == "" {
		locale = "en_US.UTF-8"
	}
	driver := r.driver
	if driver == nil {
		driver = simulator.New()
	}
	now := r.now
	if now.IsZero() {
		now = today
	}
	env := environment{
		stdin:  strings.NewReader(r.stdin),
		stdout: &stdout,
		stderr: &stderr,
		driver: driver,
		now:    func() time.Time { return now },
		system: r.system,
		getenv: func(name string) string { return map[string]string{"LANG": locale}[name] },
		terminal: func() (tty.Terminal, error) {
			if r.typed == "" {
				return nil, errors.New("no terminal")
			}
			return terminal, nil
		},
	}
	exit := run(ctx, args, env)
	return outcome{exit, stdout.String(), stderr.String(), terminal.shown.String()}
}

// fakeTerminal is a terminal at which a line is typed.
type fakeTerminal struct {
	shown  bytes.Buffer
	types  string
	typing func() // called before the first key
}

func (p *fakeTerminal) Write(b []byte) (int, error) { return p.shown.Write(b) }
func (p *fakeTerminal) Close() error                { return nil }
func (p *fakeTerminal) Hide() error                 { return nil }
func (p *fakeTerminal) DiscardTyped()               {}
func (p *fakeTerminal) Background() bool            { return false }
func (p *fakeTerminal) ReadHidden(context.Context) ([]byte, error) {
	if p.typing != nil {
		p.typing()
	}
	line, rest, more := strings.Cut(p.types, "\n")
	if more { // the answers to several questions
		p.types = rest
	}
	return []byte(line), nil
}

// withCards returns a driver with one reader and card for each profile.
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

// keyFile returns a file with a namespace key.
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
