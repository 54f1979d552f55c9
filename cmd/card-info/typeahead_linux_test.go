package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/mykeykit/mykeykit/internal/cli"
	"github.com/mykeykit/mykeykit/internal/tty"
	"github.com/mykeykit/mykeykit/reader"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// id runs id on the other end of a pseudo-terminal, in this process.
func (p *pseudoTerminal) id(t *testing.T, ctx context.Context, driver reader.Driver, more ...string) (ended chan outcome) {
	t.Helper()
	ended = make(chan outcome, 1)
	var stdout, stderr bytes.Buffer
	args := idArgs(t, more...)
	go func() {
		exit := run(ctx, args, environment{
			stdin: strings.NewReader(""), stdout: &stdout, stderr: &stderr, driver: driver,
			now: func() time.Time { return today }, getenv: func(string) string { return "" },
			terminal: func() (tty.Terminal, error) { return tty.New(p.slave, p.slave), nil },
		})
		ended <- outcome{exit: exit, stdout: stdout.String(), stderr: stderr.String()}
	}()
	return ended
}

// waitForKeys blocks until the terminal holds an unread line.
func (p *pseudoTerminal) waitForKeys(t *testing.T) {
	t.Helper()
	require.Eventually(t, func() bool {
		n, err := unix.IoctlGetInt(int(p.slave.Fd()), unix.TIOCINQ)
		return err == nil && n > 0
	}, time.Minute, time.Millisecond)
}

// Keys pressed before the prompt are neither shown nor taken for the PIN, whether they are
// a whole line, several lines, or a part of one.
//
// Faults: F66.
func TestKeysPressedBeforeThePrompt(t *testing.T) {
	for name, early := range map[string]string{
		"a line": "9999\n", "lines": "9999\n8888\n7777\n", "a line and a half": "9999\n99", "half a line after Ctrl-D": "99\x0499", "a full-width line": "９９９９\n",
	} {
		t.Run(name, func(t *testing.T) {
			p := newPseudoTerminal(t)
			driver := simulator.New()
			slot := driver.AddReader("Reader")
			card, err := simulator.NewCard(simulator.Contact, simulator.WithInsecureSeed(simulatorSeed))
			require.NoError(t, err)
			ended := p.id(t, t.Context(), driver, "--wait", "1h")
			p.waitForEcho(t, false)
			p.types(t, early)
			p.waitForKeys(t)
			require.NoError(t, slot.Insert(card))
			p.waitForPrompt(t)
			p.types(t, "1234\n")
			o := <-ended
			require.Zero(t, o.exit, o.stderr)
			assert.Equal(t, 3, card.State().AuthAttempts)
			for _, typed := range []string{"9", "８", "1234"} {
				assert.NotContains(t, p.text(), typed)
			}
			assert.True(t, p.echoes(t), "echo is restored")
		})
	}
}

// connectHook is a driver that calls a function before each connection.
type connectHook struct {
	reader.Driver
	before func()
}

func (s connectHook) Connect(ctx context.Context, name string) (reader.Card, error) {
	s.before()
	return s.Driver.Connect(ctx, name)
}

// However the wait or the prompt ends, the terminal is restored, and typed keys are
// discarded.
//
// Faults: F66.
func TestTerminalIsRestored(t *testing.T) {
	driver, _ := withCards(t, simulator.Contact)
	locked, _ := withCards(t, simulator.Locked)
	hides := func(p *pseudoTerminal) func() {
		return func() { assert.False(t, p.echoes(t), "echo is off before the card is used") }
	}
	requireRestored := func(t *testing.T, p *pseudoTerminal) {
		t.Helper()
		assert.True(t, p.echoes(t))
		n, err := unix.IoctlGetInt(int(p.slave.Fd()), unix.TIOCINQ)
		require.NoError(t, err)
		assert.Zero(t, n, "no keys are left for the next program")
	}
	t.Run("an error of the card", func(t *testing.T) {
		p := newPseudoTerminal(t)
		o := <-p.id(t, t.Context(), connectHook{locked, hides(p)})
		assert.Equal(t, cli.ExitLocked, o.exit)
		requireRestored(t, p)
	})
	t.Run("a timeout", func(t *testing.T) {
		p := newPseudoTerminal(t)
		o := <-p.id(t, t.Context(), simulator.New(), "--wait", "10ms")
		assert.Equal(t, cli.ExitNoReader, o.exit)
		requireRestored(t, p)
	})
	t.Run("an interrupt during the wait", func(t *testing.T) {
		p := newPseudoTerminal(t)
		ctx, cancel := context.WithCancel(t.Context())
		ended := p.id(t, ctx, simulator.New(), "--wait", "1h")
		p.waitForEcho(t, false)
		p.types(t, "9999\n")
		p.waitForKeys(t)
		cancel()
		assert.Equal(t, 1, (<-ended).exit)
		requireRestored(t, p)
	})
	t.Run("an interrupt at the prompt", func(t *testing.T) {
		p := newPseudoTerminal(t)
		ctx, cancel := context.WithCancel(t.Context())
		ended := p.id(t, ctx, connectHook{driver, hides(p)})
		p.waitForPrompt(t)
		cancel()
		assert.Equal(t, 1, (<-ended).exit)
		requireRestored(t, p)
	})
	t.Run("a panic", func(t *testing.T) {
		p := newPseudoTerminal(t)
		m := &program{Console: &cli.Console{}, environment: environment{
			driver:   connectHook{driver, func() { hides(p)(); panic("a driver's") }},
			terminal: func() (tty.Terminal, error) { return tty.New(p.slave, p.slave), nil },
		}}
		assert.Panics(t, func() { _, _, _, _ = m.typedPIN(t.Context(), nil) })
		requireRestored(t, p)
	})
}

// Without a controlling terminal, the terminal on standard input is used.
//
// Faults: F66, F69.
func TestTerminalAtStandardInput(t *testing.T) {
	program := func(t *testing.T, stdin, stderr *os.File) (*exec.Cmd, *bytes.Buffer) {
		self, err := os.Executable()
		require.NoError(t, err)
		c := exec.Command(self, idArgs(t, "--simulator", "contact", "--json")...)
		c.Args[0] = "card-info"
		c.Env = append(os.Environ(), "LC_ALL=en_US.UTF-8")
		c.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		var stdout bytes.Buffer
		c.Stdin, c.Stdout, c.Stderr = stdin, &stdout, stderr
		require.NoError(t, c.Start())
		return c, &stdout
	}
	file := func(t *testing.T) *os.File {
		f, err := os.CreateTemp(t.TempDir(), "")
		require.NoError(t, err)
		t.Cleanup(func() { f.Close() })
		return f
	}
	for name, open := range map[string]func(t *testing.T, slave *os.File) (stdin, stderr *os.File){
		"prompt on standard error": func(_ *testing.T, slave *os.File) (*os.File, *os.File) { return slave, slave },
		"prompt on standard input": func(t *testing.T, slave *os.File) (*os.File, *os.File) { return slave, file(t) },
		"read-only standard input": func(t *testing.T, slave *os.File) (*os.File, *os.File) {
			reading, err := os.OpenFile(slave.Name(), os.O_RDONLY|unix.O_NOCTTY, 0)
			require.NoError(t, err)
			t.Cleanup(func() { reading.Close() })
			return reading, file(t)
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPseudoTerminal(t)
			stdin, stderr := open(t, p.slave)
			p.types(t, "9999\n99") // echoed: the program has not started yet
			p.waitForKeys(t)
			c, stdout := program(t, stdin, stderr)
			p.waitForPrompt(t)
			p.types(t, "1234\n")
			require.NoError(t, c.Wait())
			assert.Contains(t, stdout.String(), `"mykey_id"`)
			assert.Contains(t, p.text(), "Attempts left: 3.")
			assert.NotContains(t, p.text(), "1234")
			assert.True(t, p.echoes(t))
			if stderr != p.slave {
				output, err := os.ReadFile(stderr.Name())
				require.NoError(t, err)
				assert.Empty(t, output)
			}
		})
	}
	t.Run("none", func(t *testing.T) {
		stdin, stderr := file(t), file(t)
		_, err := stdin.WriteString("1234\n")
		require.NoError(t, err)
		_, err = stdin.Seek(0, 0)
		require.NoError(t, err)
		c, _ := program(t, stdin, stderr)
		require.Error(t, c.Wait())
		assert.Equal(t, cli.ExitUsage, c.ProcessState.ExitCode())
		output, err := os.ReadFile(stderr.Name())
		require.NoError(t, err)
		assert.Contains(t, string(output), "NO_TERMINAL")
	})
}
