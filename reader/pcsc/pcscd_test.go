//go:build cgo

package pcsc_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/mykeykit/mykeykit/internal/pcscdtest"
	"github.com/mykeykit/mykeykit/reader/pcsc"
	"github.com/mykeykit/mykeykit/reader/readertest"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// daemon is one for all tests: libpcsclite reads the socket's name once in a
// process.
var (
	daemon    *pcscdtest.Daemon
	daemonErr error
)

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "mykeykit-pcscd-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	if daemon, daemonErr = pcscdtest.Start(dir); daemonErr == nil {
		defer daemon.Stop()
		os.Setenv(pcscdtest.SocketVariable, daemon.Socket)
	}
	return m.Run()
}

func TestDriverKeepsThePromisesOfPackageReader(t *testing.T) {
	if daemonErr != nil {
		pcscdtest.Skip(t, daemonErr.Error())
	}
	readertest.Run(t, func(t *testing.T) readertest.Fixture {
		var remove func()
		take := func() {
			if remove != nil {
				remove()
				remove = nil
			}
		}
		f := readertest.Fixture{
			Driver: pcsc.New(),
			Reader: pcscdtest.Readers[0],
			Insert: func(t *testing.T, card *simulator.Card) { remove = daemon.Insert(0, card) },
			Remove: func(*testing.T) { take() },
		}
		t.Cleanup(func() {
			take()
			readertest.AwaitEmpty(t, f)
		})
		readertest.AwaitEmpty(t, f)
		return f
	})
}
