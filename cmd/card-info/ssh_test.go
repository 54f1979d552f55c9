//go:build linux || darwin

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"github.com/mykeykit/mykeykit/internal/cardtest"
	"github.com/mykeykit/mykeykit/internal/cli"
	"github.com/mykeykit/mykeykit/internal/clitest"
	"github.com/mykeykit/mykeykit/internal/sshagent"
	"github.com/mykeykit/mykeykit/internal/tty"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/mykey/message"
	"github.com/mykeykit/mykeykit/reader"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// agentRunner runs ssh-agent in a test.
type agentRunner struct {
	driver   reader.Driver
	terminal *scriptedTerminal // nil: no terminal
	env      map[string]string
	args     []string

	socket string
	exit   chan int
	end    context.CancelFunc
	stderr *lockedWriter
	output bytes.Buffer
}

// scriptedTerminal is a terminal that answers each prompt with the next line.
type scriptedTerminal struct {
	lines        []string
	inBackground bool
	asking       chan struct{} // stderrText of questions, if it is not nil
	asked        int
	shown        bytes.Buffer
}

func (t *scriptedTerminal) Write(b []byte) (int, error) { return t.shown.Write(b) }
func (t *scriptedTerminal) Close() error                { return nil }
func (t *scriptedTerminal) Hide() error                 { return nil }
func (t *scriptedTerminal) DiscardTyped()               {}
func (t *scriptedTerminal) Background() bool            { return t.inBackground }
func (t *scriptedTerminal) ReadHidden(ctx context.Context) ([]byte, error) {
	t.asked++
	if t.asking != nil {
		t.asking <- struct{}{}
	}
	if len(t.lines) < t.asked {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return []byte(t.lines[t.asked-1] + "\n"), nil
}

func (d *agentRunner) start(t *testing.T) agent.ExtendedAgent {
	t.Helper()
	d.socket = filepath.Join(t.TempDir(), "agent", "socket")
	d.stderr = &lockedWriter{Writer: &d.output}
	env := environment{
		stdin: strings.NewReader(""), stdout: &bytes.Buffer{}, stderr: d.stderr, driver: d.driver,
		now: func() time.Time { return today }, getenv: func(name string) string { return d.env[name] },
		terminal: func() (tty.Terminal, error) {
			if d.terminal == nil {
				return nil, errors.New("no terminal")
			}
			return d.terminal, nil
		},
	}
	var ctx context.Context
	ctx, d.end = context.WithCancel(context.Background())
	d.exit = make(chan int, 1)
	var running sync.WaitGroup
	running.Go(func() { d.exit <- run(ctx, append([]string{"ssh-agent", "--socket", d.socket}, d.args...), env) })
	t.Cleanup(func() {
		d.end()
		running.Wait()
		assert.NoFileExists(t, d.socket)
	})
	var conn net.Conn
	require.Eventually(t, func() (found bool) {
		var err error
		conn, err = net.Dial("unix", d.socket)
		return err == nil
	}, 10*time.Second, time.Millisecond)
	t.Cleanup(func() { conn.Close() })
	return agent.NewClient(conn)
}

// stderrText returns what was written on standard error so far.
func (d *agentRunner) stderrText() string {
	d.stderr.mu.Lock()
	defer d.stderr.mu.Unlock()
	return d.output.String()
}

// login returns the data that an SSH client has signed to log in.
func login(key ssh.PublicKey) []byte {
	return ssh.Marshal(struct {
		Session               []byte
		Message               byte
		User, Service, Method string
		Signed                bool
		Algorithm             string
		Key                   []byte
	}{make([]byte, 32), 50, "somebody", "ssh-connection", "publickey", true, ssh.KeyAlgoRSASHA512, key.Marshal()})
}

func sign(t *testing.T, client agent.ExtendedAgent) error {
	t.Helper()
	keys, err := client.List()
	require.NoError(t, err)
	require.Len(t, keys, 1)
	data := login(keys[0])
	signature, err := client.SignWithFlags(keys[0], data, agent.SignatureFlagRsaSha512)
	if err == nil {
		require.NoError(t, keys[0].Verify(data, signature))
	}
	return err
}

func TestAgentAsksAtTheTerminal(t *testing.T) {
	for _, tt := range []struct {
		name     string
		lines    []string
		fails    bool
		left     int
		asked    int
		reported []string // on standard error, in this order
	}{
		{"right", []string{"1234"}, false, 3, 1, nil},
		{"in full width", []string{"１２３４"}, false, 3, 1, nil},
		{"wrong", []string{"9999"}, true, 2, 1, []string{"2 more wrong entries", "[PIN_WRONG]"}},
		{"malformed, then right", []string{"12345", "1234"}, false, 3, 2, nil},
		{"malformed three times", []string{"1", "abcd", "ABC123", "1234"}, true, 3, 3, []string{"[PIN_FORMAT]"}},
		{"nothing", []string{"", "1234"}, true, 3, 1, []string{"No PIN was entered", "[INTERRUPTED]"}},
		{"malformed, then nothing", []string{"12345", "", "1234"}, true, 3, 2, []string{"[INTERRUPTED]"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			driver, cards := withCards(t, simulator.Contact)
			recorded := &cardtest.Driver{Driver: driver}
			d := &agentRunner{driver: recorded, terminal: &scriptedTerminal{lines: tt.lines}}
			err := sign(t, d.start(t))
			assert.Equal(t, tt.fails, err != nil)
			d.end()
			require.Zero(t, <-d.exit)
			assert.Equal(t, tt.asked, d.terminal.asked)
			assert.Equal(t, tt.left, cards[0].State().AuthAttempts)
			assert.False(t, cards[0].State().AuthVerified)
			shown := d.terminal.shown.String()
			assert.Contains(t, shown, "An SSH client wants")
			assert.Contains(t, shown, "Attempts left: 3.")
			assert.Equal(t, tt.asked-1, strings.Count(shown, "no attempt was used"))
			rest := d.stderrText()
			for _, part := range tt.reported {
				_, after, found := strings.Cut(rest, part)
				require.True(t, found, d.stderrText())
				rest = after
			}
			wrong := strings.Contains(d.stderrText(), "PIN_WRONG")
			if !tt.fails || wrong {
				assert.Equal(t, 1, recorded.Secrets())
			} else {
				assert.Zero(t, recorded.Secrets())
			}
			for _, line := range tt.lines {
				if len(line) > 1 {
					assert.NotContains(t, shown+d.stderrText(), line)
				}
			}
		})
	}
}

// With one attempt left the agent fails without asking for the PIN, unless
// --allow-last-attempt is given.
//
// Faults: F47.
func TestAgentAndTheLastAttempt(t *testing.T) {
	driver, cards := withCards(t, simulator.LastAttempt)
	d := &agentRunner{driver: driver, terminal: &scriptedTerminal{lines: []string{"1234"}}}
	require.Error(t, sign(t, d.start(t)))
	assert.Zero(t, d.terminal.asked)
	assert.Contains(t, d.stderrText(), "[PIN_LAST_TRY]")
	assert.Contains(t, d.stderrText(), "--allow-last-attempt")
	d.end()

	d = &agentRunner{driver: driver, terminal: &scriptedTerminal{lines: []string{"1234"}}, args: []string{"--allow-last-attempt"}}
	require.NoError(t, sign(t, d.start(t)))
	assert.Contains(t, d.terminal.shown.String(), "This is the last attempt.")
	assert.Equal(t, 3, cards[0].State().AuthAttempts)
}

// The key of a removed card is not listed any more, and its PIN prompt ends.
func TestAgentForgetsRemovedCards(t *testing.T) {
	driver, slot, card := withCard(t)
	d := &agentRunner{driver: driver, terminal: &scriptedTerminal{asking: make(chan struct{}, 1)}, args: []string{"--trace"}}
	client := d.start(t)
	failed := make(chan error, 1)
	go func() { failed <- sign(t, client) }()
	<-d.terminal.asking
	slot.Remove()
	require.Error(t, <-failed)
	require.Eventually(t, func() bool {
		keys, err := client.List()
		require.NoError(t, err)
		return len(keys) == 0
	}, 10*time.Second, time.Millisecond)
	for _, part := range []string{"[CARD_REMOVED]", "Do not enter it", "[CARD_ABSENT]"} {
		assert.Contains(t, d.stderrText(), part)
	}
	require.NoError(t, slot.Insert(card))
	keys, err := client.List()
	require.NoError(t, err)
	assert.Len(t, keys, 1)
}

// withCard returns a driver with one card, its reader and the card.
func withCard(t *testing.T) (*simulator.Driver, *simulator.Reader, *simulator.Card) {
	t.Helper()
	driver := simulator.New()
	card, err := simulator.NewCard(simulator.Contact, simulator.WithInsecureSeed(simulatorSeed), simulator.WithClock(func() time.Time { return today }))
	require.NoError(t, err)
	slot := driver.AddReader("Reader")
	require.NoError(t, slot.Insert(card))
	return driver, slot, card
}

func TestSSHKey(t *testing.T) {
	o := runner{}.run(t, "ssh-key", "--simulator", "contact")
	require.Zero(t, o.exit, o.stderr)
	key, comment, _, rest, err := ssh.ParseAuthorizedKey([]byte(o.stdout))
	require.NoError(t, err)
	assert.Empty(t, rest)
	assert.Equal(t, "my-number-card", comment, "no name")
	certificate := parsePEM(t, runner{}.run(t, "cert", "--simulator", "contact").stdout)
	assert.Equal(t, certificate.PublicKey, key.(ssh.CryptoPublicKey).CryptoPublicKey())

	var object map[string]string
	require.NoError(t, json.Unmarshal([]byte(runner{}.run(t, "ssh-key", "--simulator", "contact", "--json").stdout), &object))
	assert.Equal(t, map[string]string{"authorized_key": strings.TrimSuffix(o.stdout, "\n"), "fingerprint": ssh.FingerprintSHA256(key)}, object)
}

// The golden files show all messages of ssh-agent as users see them.
func TestGoldenSSH(t *testing.T) {
	for _, language := range []string{"ja", "en"} {
		var b strings.Builder
		for _, err := range []error{
			socketFailure(sshagent.ErrUnsafeFolder), socketFailure(sshagent.ErrSocketInUse), socketFailure(fs.ErrPermission), socketFailure(errors.ErrUnsupported),
			sshFailure(jpki.ErrSignerClosed), sshFailure(sshagent.ErrReadOnly), sshFailure(sshagent.ErrAlgorithm), sshFailure(sshagent.ErrData), sshFailure(sshagent.ErrOtherKey),
			sshFailure(sshagent.ErrOtherUser), sshFailure(sshagent.ErrForwarded), sshFailure(sshagent.ErrSession), sshFailure(sshagent.ErrIdleClosed), sshFailure(sshagent.ErrAllBusy),
			sshFailure(reader.ErrNoCard), errNoPIN,
			cli.Because(errors.New("no terminal"), cli.CodeNoTerminal, tty.TextNoTerminal, textNoAskpassNext),
		} {
			console, wrong := cli.New("card-info", []string{"--lang", language}, &b, &b, os.Getenv)
			require.NoError(t, wrong)
			p := program{Console: console}
			p.fail(err)
			b.WriteString("\n")
		}
		driver, _ := withCards(t, simulator.Contact)
		d := &agentRunner{driver: driver, terminal: &scriptedTerminal{lines: []string{"12345", "1234"}}, args: []string{"--lang", language, "--idle", "10m"}}
		client := d.start(t)
		require.NoError(t, sign(t, client))
		require.NoError(t, sign(t, client))
		shown := d.terminal.shown.String() + "\n" + strings.ReplaceAll(d.stderrText(), d.socket, "SOCKET")
		clitest.Fits(t, shown)
		b.WriteString(regexp.MustCompile(`\d+([,、] ?)\S+`).ReplaceAllString(shown, "4242${1}/usr/bin/ssh"))
		for _, kind := range []sshagent.Kind{sshagent.Signature, sshagent.ShowKey} {
			text := promptForSSH(sshagent.Request{Kind: kind, Namespace: "git"})
			b.WriteString("\n" + text.In(message.Language(language)) + "\n")
		}
		b.WriteString("\n" + runner{}.run(t, "ssh-key", "--simulator", "android", "--lang", language).stderr)
		clitest.Fits(t, b.String())
		clitest.Golden(t, "ssh-"+language+".txt", b.String())
	}
}
