//go:build linux || darwin

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
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
	"golang.org/x/sys/unix"

	"github.com/mykeykit/mykeykit/internal/cardtest"
	"github.com/mykeykit/mykeykit/internal/cli"
	"github.com/mykeykit/mykeykit/internal/sshagent"
	"github.com/mykeykit/mykeykit/internal/tty"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/mykey/message"
	"github.com/mykeykit/mykeykit/reader"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// agentDesk is where ssh-agent runs in a test.
type agentDesk struct {
	driver   reader.Driver
	terminal *askedTerminal // nil: none
	env      map[string]string
	args     []string

	socket string
	exit   chan int
	end    context.CancelFunc
	stderr *oneAtATime
	output bytes.Buffer
}

// askedTerminal is a terminal at which each question gets the next line.
type askedTerminal struct {
	lines        []string
	inBackground bool
	asking       chan struct{} // told of questions, if it is not nil
	asked        int
	sees         bytes.Buffer
}

func (t *askedTerminal) Write(b []byte) (int, error) { return t.sees.Write(b) }
func (t *askedTerminal) Close() error                { return nil }
func (t *askedTerminal) Hide() error                 { return nil }
func (t *askedTerminal) DiscardTyped()               {}
func (t *askedTerminal) Background() bool            { return t.inBackground }
func (t *askedTerminal) ReadHidden(ctx context.Context) ([]byte, error) {
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

func (d *agentDesk) start(t *testing.T) agent.ExtendedAgent {
	t.Helper()
	d.socket = filepath.Join(t.TempDir(), "agent", "socket")
	d.stderr = &oneAtATime{Writer: &d.output}
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

// told is what was written on standard error so far.
func (d *agentDesk) told() string {
	d.stderr.mu.Lock()
	defer d.stderr.mu.Unlock()
	return d.output.String()
}

// login is what an SSH client has signed to log in.
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

func TestTheAgentAsksAtTheTerminal(t *testing.T) {
	for _, tt := range []struct {
		name  string
		lines []string
		fails bool
		left  int
		asked int
		told  []string // in turn
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
			d := &agentDesk{driver: recorded, terminal: &askedTerminal{lines: tt.lines}}
			err := sign(t, d.start(t))
			assert.Equal(t, tt.fails, err != nil)
			d.end()
			require.Zero(t, <-d.exit)
			assert.Equal(t, tt.asked, d.terminal.asked)
			assert.Equal(t, tt.left, cards[0].State().AuthTries)
			assert.False(t, cards[0].State().AuthVerified)
			said := d.terminal.sees.String()
			assert.Contains(t, said, "An SSH client wants")
			assert.Contains(t, said, "Attempts left: 3.")
			assert.Equal(t, tt.asked-1, strings.Count(said, "no attempt was used"))
			rest := d.told()
			for _, part := range tt.told {
				_, after, found := strings.Cut(rest, part)
				require.True(t, found, d.told())
				rest = after
			}
			wrong := strings.Contains(d.told(), "PIN_WRONG")
			if !tt.fails || wrong {
				assert.Equal(t, 1, recorded.Secrets())
			} else {
				assert.Zero(t, recorded.Secrets())
			}
			for _, line := range tt.lines {
				if len(line) > 1 {
					assert.NotContains(t, said+d.told(), line)
				}
			}
		})
	}
}

// One try left is refused before anybody is asked, unless allowed.
//
// Faults: F47.
func TestTheAgentAndTheLastTry(t *testing.T) {
	driver, cards := withCards(t, simulator.LastTry)
	d := &agentDesk{driver: driver, terminal: &askedTerminal{lines: []string{"1234"}}}
	require.Error(t, sign(t, d.start(t)))
	assert.Zero(t, d.terminal.asked)
	assert.Contains(t, d.told(), "[PIN_LAST_TRY]")
	assert.Contains(t, d.told(), "--allow-last-try")
	d.end()

	d = &agentDesk{driver: driver, terminal: &askedTerminal{lines: []string{"1234"}}, args: []string{"--allow-last-try"}}
	require.NoError(t, sign(t, d.start(t)))
	assert.Contains(t, d.terminal.sees.String(), "This is the last attempt.")
	assert.Equal(t, 3, cards[0].State().AuthTries)
}

// The key of a card that was taken out is not shown any more, and asking for its
// PIN ends.
func TestTheAgentForgetsCardsThatAreGone(t *testing.T) {
	driver, slot, card := withCard(t)
	d := &agentDesk{driver: driver, terminal: &askedTerminal{asking: make(chan struct{}, 1)}, args: []string{"--trace"}}
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
		assert.Contains(t, d.told(), part)
	}
	require.NoError(t, slot.Insert(card))
	keys, err := client.List()
	require.NoError(t, err)
	assert.Len(t, keys, 1)
}

// withCard is a driver with a card that can be taken out.
func withCard(t *testing.T) (*simulator.Driver, *simulator.Reader, *simulator.Card) {
	t.Helper()
	driver := simulator.New()
	card, err := simulator.NewCard(simulator.Contact, simulator.WithInsecureSeed(simulatorSeed), simulator.WithClock(func() time.Time { return today }))
	require.NoError(t, err)
	slot := driver.AddReader("Reader")
	require.NoError(t, slot.Insert(card))
	return driver, slot, card
}

// script is a program that asks: it keeps its argument, and answers.
func script(t *testing.T, commands string) (program, prompts string) {
	t.Helper()
	folder := t.TempDir()
	program, prompts = filepath.Join(folder, "askpass"), filepath.Join(folder, "prompts")
	text := "#!/bin/sh\nprintf '%s\\n' \"$1\" >>'" + prompts + "'\n" + commands + "\n"
	require.NoError(t, os.WriteFile(program, []byte(text), 0o700))
	return program, prompts
}

// Who asks is chosen as OpenSSH does: ssh(1), SSH_ASKPASS_REQUIRE.
func TestWhoAsks(t *testing.T) {
	const nobody, atTerminal, byProgram = "nobody", "terminal", "program"
	for _, tt := range []struct {
		env      map[string]string
		terminal bool
		behind   bool // the terminal is another's
		who      string
	}{
		{nil, true, false, atTerminal},
		{nil, true, true, nobody},
		{nil, false, false, nobody},
		{map[string]string{"DISPLAY": ":0"}, true, false, atTerminal},
		{map[string]string{"DISPLAY": ":0"}, true, true, byProgram},
		{map[string]string{"DISPLAY": ":0"}, false, false, byProgram},
		{map[string]string{"WAYLAND_DISPLAY": "wayland-0"}, false, false, byProgram},
		{map[string]string{"SSH_ASKPASS_REQUIRE": "force"}, true, false, byProgram},
		{map[string]string{"SSH_ASKPASS_REQUIRE": "FORCE"}, false, false, byProgram},
		{map[string]string{"SSH_ASKPASS_REQUIRE": "prefer"}, true, false, atTerminal},
		{map[string]string{"SSH_ASKPASS_REQUIRE": "prefer"}, false, false, nobody},
		{map[string]string{"SSH_ASKPASS_REQUIRE": "prefer", "DISPLAY": ":0"}, true, false, byProgram},
		{map[string]string{"SSH_ASKPASS_REQUIRE": "never", "DISPLAY": ":0"}, true, false, atTerminal},
		{map[string]string{"SSH_ASKPASS_REQUIRE": "never", "DISPLAY": ":0"}, false, false, nobody},
	} {
		t.Run(fmt.Sprintf("%v %t %t", tt.env, tt.terminal, tt.behind), func(t *testing.T) {
			driver, _ := withCards(t, simulator.Contact)
			program, prompts := script(t, "echo 1234")
			d := &agentDesk{driver: driver, env: map[string]string{"SSH_ASKPASS": program}}
			for name, value := range tt.env {
				d.env[name] = value
			}
			if tt.terminal {
				d.terminal = &askedTerminal{lines: []string{"1234"}, inBackground: tt.behind}
			}
			err := sign(t, d.start(t))
			asked := tt.terminal && d.terminal.asked > 0
			prompt, _ := os.ReadFile(prompts)
			assert.Equal(t, tt.who == atTerminal, asked)
			assert.Equal(t, tt.who == byProgram, strings.Contains(string(prompt), "Attempts left: 3."))
			assert.Equal(t, tt.who == nobody, err != nil)
			assert.Equal(t, tt.who == nobody, strings.Contains(d.told(), "[NO_TERMINAL]"))
		})
	}
}

// What a program answers is a PIN on one line, or none was sent.
//
// Faults: F46.
func TestAnswersOfAskpass(t *testing.T) {
	for _, tt := range []struct {
		name, commands string
		code           string // "": signed
		prompts        int
	}{
		{"a line", "echo 1234", "", 1},
		{"no line end", "printf 1234", "", 1},
		{"a line of Windows", `printf '1234\r\n'`, "", 1},
		{"full width", "echo １２３４", "", 1},
		{"what becomes right", `[ -e "$0.again" ] && echo 1234 || { : >"$0.again"; echo 12345; }`, "", 2},
		{"two lines", "echo 1234; echo 1234", "[PIN_FORMAT]", 3},
		{"a line and more", `printf '1234\n5'`, "[PIN_FORMAT]", 3},
		{"a PIN and much more", "echo 1234; head -c 100000 /dev/zero", "[PIN_FORMAT]", 3},
		{"without an end", "yes 1234", "[PIN_FORMAT]", 3},
		{"wrong", "echo 9999", "[PIN_WRONG]", 1},
		{"nothing", "true", "[INTERRUPTED]", 1},
		{"an empty line", "echo", "[INTERRUPTED]", 1},
		{"no", "echo 1234; exit 1", "[INTERRUPTED]", 1},
		{"killed", "kill -9 $$", "[INTERRUPTED]", 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			driver, cards := withCards(t, simulator.Contact)
			recorded := &cardtest.Driver{Driver: driver}
			program, prompts := script(t, tt.commands)
			d := &agentDesk{driver: recorded, env: map[string]string{"SSH_ASKPASS": program, "SSH_ASKPASS_REQUIRE": "force", "LANG": "ja_JP.UTF-8"}}
			err := sign(t, d.start(t))
			shown, readErr := os.ReadFile(prompts)
			require.NoError(t, readErr)
			assert.Equal(t, tt.prompts, strings.Count(string(shown), "あと3回です。\n"), "in the language of the locale")
			d.end()
			require.Zero(t, <-d.exit)
			if tt.code == "" {
				require.NoError(t, err)
				assert.Equal(t, 1, recorded.Secrets())
				return
			}
			require.Error(t, err)
			assert.Contains(t, d.told(), tt.code)
			wrong := 0
			if tt.code == "[PIN_WRONG]" {
				wrong = 1
				assert.Contains(t, d.told(), "あと2回まちがえると")
			}
			assert.Equal(t, wrong, recorded.Secrets())
			assert.Equal(t, 3-wrong, cards[0].State().AuthTries)
		})
	}
	t.Run("no such program", func(t *testing.T) {
		driver, _ := withCards(t, simulator.Contact)
		d := &agentDesk{driver: driver, env: map[string]string{"SSH_ASKPASS": "/nonexistent/askpass", "SSH_ASKPASS_REQUIRE": "force"}}
		require.Error(t, sign(t, d.start(t)))
		assert.Contains(t, d.told(), "[NO_TERMINAL]")
	})
}

// A program that asks ends with the request, and with all that it started.
func TestAskpassEndsWithTheRequest(t *testing.T) {
	driver, slot, _ := withCard(t)
	pipe := filepath.Join(t.TempDir(), "pipe")
	require.NoError(t, unix.Mkfifo(pipe, 0o600))
	program, _ := script(t, "exec 3>'"+pipe+"'; sleep 1000 & wait; echo 1234")
	d := &agentDesk{driver: driver, env: map[string]string{"SSH_ASKPASS": program, "SSH_ASKPASS_REQUIRE": "force"}}
	client := d.start(t)
	failed := make(chan error, 1)
	go func() { failed <- sign(t, client) }()
	held, err := os.Open(pipe) // by the program, and what it started
	require.NoError(t, err)
	defer held.Close()
	slot.Remove()
	require.Error(t, <-failed)
	_, err = io.ReadAll(held)
	require.NoError(t, err)
}

func TestSSHKey(t *testing.T) {
	o := desk{}.run(t, "ssh-key", "--simulator", "contact")
	require.Zero(t, o.exit, o.stderr)
	key, comment, _, rest, err := ssh.ParseAuthorizedKey([]byte(o.stdout))
	require.NoError(t, err)
	assert.Empty(t, rest)
	assert.Equal(t, "my-number-card", comment, "no name")
	certificate := parsePEM(t, desk{}.run(t, "cert", "--simulator", "contact").stdout)
	assert.Equal(t, certificate.PublicKey, key.(ssh.CryptoPublicKey).CryptoPublicKey())

	var object map[string]string
	require.NoError(t, json.Unmarshal([]byte(desk{}.run(t, "ssh-key", "--simulator", "contact", "--json").stdout), &object))
	assert.Equal(t, map[string]string{"authorized_key": strings.TrimSuffix(o.stdout, "\n"), "fingerprint": ssh.FingerprintSHA256(key)}, object)
}

// What people see of failures, for reading as a whole.
func TestGoldenSSH(t *testing.T) {
	for _, language := range []string{"ja", "en"} {
		var b strings.Builder
		for _, err := range []error{
			noSocket(sshagent.ErrUnsafeFolder), noSocket(sshagent.ErrSocketInUse), noSocket(fs.ErrPermission), noSocket(errors.ErrUnsupported),
			ofSSH(jpki.ErrSignerClosed), ofSSH(sshagent.ErrReadOnly), ofSSH(sshagent.ErrAlgorithm), ofSSH(sshagent.ErrData), ofSSH(sshagent.ErrOtherKey),
			ofSSH(sshagent.ErrOtherUser), ofSSH(sshagent.ErrForwarded), ofSSH(sshagent.ErrSession), ofSSH(sshagent.ErrIdleClosed), ofSSH(sshagent.ErrAllBusy),
			ofSSH(reader.ErrNoCard), errNotGiven,
			cli.Because(errors.New("no terminal"), cli.CodeNoTerminal, tty.TextNoTerminal, textNoAskpassNext),
		} {
			console, wrong := cli.New("card-info", []string{"--lang", language}, &b, &b, os.Getenv)
			require.NoError(t, wrong)
			p := program{Console: console}
			p.fail(err)
			b.WriteString("\n")
		}
		driver, _ := withCards(t, simulator.Contact)
		d := &agentDesk{driver: driver, terminal: &askedTerminal{lines: []string{"12345", "1234"}}, args: []string{"--lang", language, "--idle", "10m"}}
		client := d.start(t)
		require.NoError(t, sign(t, client))
		require.NoError(t, sign(t, client))
		seen := d.terminal.sees.String() + "\n" + strings.ReplaceAll(d.told(), d.socket, "SOCKET")
		fits(t, seen)
		b.WriteString(regexp.MustCompile(`\d+([,、] ?)\S+`).ReplaceAllString(seen, "4242${1}/usr/bin/ssh"))
		for _, kind := range []sshagent.Kind{sshagent.Signature, sshagent.ShowKey} {
			text := promptForSSH(sshagent.Request{Kind: kind, Namespace: "git"})
			b.WriteString("\n" + text.In(message.Language(language)) + "\n")
		}
		b.WriteString("\n" + desk{}.run(t, "ssh-key", "--simulator", "android", "--lang", language).stderr)
		fits(t, b.String())
		golden(t, "ssh-"+language+".txt", b.String())
	}
}
