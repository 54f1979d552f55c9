//go:build cgo

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/apdu"
	"github.com/mykeykit/mykeykit/internal/pcscdtest"
	"github.com/mykeykit/mykeykit/reader/simulator"
	"github.com/mykeykit/mykeykit/reader/simulator/vpcd"
)

// observedCard is a card that counts PINs and calls before ahead of each command.
type observedCard struct {
	*simulator.Card
	mu     sync.Mutex
	pins   int
	before func(c apdu.Command) (mute bool)
}

var _ vpcd.Card = (*observedCard)(nil)

func (w *observedCard) Exchange(command []byte) []byte {
	if c, err := apdu.ParseCommand(command); err == nil {
		w.mu.Lock()
		if c.Secret() {
			w.pins++
		}
		before := w.before
		w.mu.Unlock()
		if before != nil && before(c) {
			return nil
		}
	}
	return w.Card.Exchange(command)
}

func (w *observedCard) sent() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.pins
}

// bench is a private pcscd; its methods run programs that use it.
type bench struct {
	daemon *pcscdtest.Daemon
}

func newBench(t *testing.T) bench {
	t.Helper()
	t.Parallel()
	return bench{pcscdtest.Require(t)}
}

// insert inserts a card into the first virtual reader and waits until pcscd has detected
// it.
func (b bench) insert(t *testing.T, profile simulator.Profile) *observedCard {
	t.Helper()
	card, err := simulator.NewCard(profile, simulator.WithInsecureSeed(simulatorSeed))
	require.NoError(t, err)
	w := &observedCard{Card: card}
	t.Cleanup(b.daemon.Insert(0, w))
	b.await(t, pcscdtest.Readers[0], true)
	return w
}

func (b bench) await(t *testing.T, name string, present bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for {
		o := b.cardInfo(t, "", "list", "--json")
		var list struct {
			Readers []listedReader `json:"readers"`
		}
		_ = json.Unmarshal([]byte(o.stdout), &list)
		for _, r := range list.Readers {
			if r.Name == name && r.Present == present {
				return
			}
		}
		if time.Now().After(deadline) {
			require.FailNow(t, "pcscd does not detect the card's insertion or removal", "%s%s\n%s", o.stdout, o.stderr, b.daemon.Log())
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// command returns a command that uses the private pcscd.
func (b bench) command(name string, args ...string) *exec.Cmd {
	c := exec.Command(name, args...)
	c.Env = append(os.Environ(), pcscdtest.SocketVariable+"="+b.daemon.Socket, "LC_ALL=C", "OPENSC_DEBUG=0",
		"GORACE=atexit_sleep_ms=0") // otherwise each process with the race detector takes a second to end
	return c
}

// program returns a command that runs this program as a separate process.
func (b bench) program(args ...string) *exec.Cmd {
	self, err := os.Executable()
	if err != nil {
		panic(err)
	}
	c := b.command(self, args...)
	c.Args[0] = "card-info" // TestMain dispatches by this name
	return c
}

func (b bench) cardInfo(t *testing.T, stdin string, args ...string) outcome {
	t.Helper()
	return b.finish(t, b.program(args...), stdin)
}

func (b bench) finish(t *testing.T, c *exec.Cmd, stdin string) outcome {
	t.Helper()
	var stdout, stderr bytes.Buffer
	c.Stdin, c.Stdout, c.Stderr = strings.NewReader(stdin), &stdout, &stderr
	err := c.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		require.NoError(t, err)
	}
	return outcome{exit: c.ProcessState.ExitCode(), stdout: stdout.String(), stderr: stderr.String()}
}

// signWithoutPIN asks for a signature without a PIN, as another program: OpenSC's
// opensc-tool.
func (b bench) signWithoutPIN(t *testing.T) string {
	t.Helper()
	o := b.finish(t, b.command(openSC(t, "opensc-tool"), "--reader", "0", "--card-driver", "default",
		"--send-apdu", "00A4040C0AD392F000260100000001", "--send-apdu", "802A00970101"+"00"), "")
	require.Zero(t, o.exit, o.stderr)
	return o.stdout
}

func openSC(t *testing.T, program string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		pcscdtest.Skip(t, program+" is not installed (Debian: apt-get install opensc)")
	}
	return path
}
