//go:build cgo

package pcsc_test

import (
	"context"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/pcscdtest"
	"github.com/mykeykit/mykeykit/reader"
	"github.com/mykeykit/mykeykit/reader/pcsc"
	"github.com/mykeykit/mykeykit/reader/readertest"
	"github.com/mykeykit/mykeykit/reader/simulator"
	"github.com/mykeykit/mykeykit/reader/simulator/vpcd"
)

// daemon is shared by all tests.
var daemon *pcscdtest.Daemon

const readers = 8 // number of readers of the daemon

func TestMain(m *testing.M) { os.Exit(pcscdtest.Main(m, pcscdtest.WithReaders(readers))) }

func requireDaemon(t *testing.T) {
	t.Helper()
	daemon = pcscdtest.Shared(t)
}

func TestDriverKeepsThePromisesOfPackageReader(t *testing.T) {
	requireDaemon(t)
	readertest.Run(t, func(t *testing.T) readertest.Fixture {
		var out func()
		remove := func() {
			if out != nil {
				out()
				out = nil
			}
		}
		f := readertest.Fixture{
			Driver: pcsc.New(),
			Reader: pcscdtest.Readers[0],
			Insert: func(t *testing.T, card *simulator.Card) { out = daemon.Insert(0, card) },
			Remove: func(*testing.T) { remove() },
		}
		t.Cleanup(func() {
			remove()
			readertest.AwaitEmpty(t, f)
		})
		readertest.AwaitEmpty(t, f)
		return f
	})
}

// limit bounds waits that take a moment on an idle machine.
const limit = 20 * time.Second

var (
	selectJPKI  = []byte{0x00, 0xA4, 0x04, 0x0C, 0x0A, 0xD3, 0x92, 0xF0, 0x00, 0x26, 0x01, 0x00, 0x00, 0x00, 0x01}
	readCounter = []byte{0x00, 0x20, 0x00, 0x98}
	done        = []byte{0x90, 0x00}
	threeLeft   = []byte{0x63, 0xC3}
)

func newCard(t *testing.T, seed string) *simulator.Card {
	t.Helper()
	card, err := simulator.NewCard(simulator.Contact, simulator.WithInsecureSeed(seed))
	require.NoError(t, err)
	return card
}

// insert inserts a card into a reader of the daemon and blocks until the driver reports
// it. At the end of the test it removes the card and waits until the reader is empty.
func insert(t *testing.T, n int, card vpcd.Card) (remove func()) {
	t.Helper()
	remove = sync.OnceFunc(daemon.Insert(n, card))
	t.Cleanup(func() {
		remove()
		awaitEmpty(t, n)
	})
	awaitCard(t, n)
	return remove
}

func awaitCard(t *testing.T, n int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	_, err := reader.Wait(ctx, pcsc.New(), pcscdtest.Reader(n), nil)
	require.NoError(t, err)
}

func awaitEmpty(t *testing.T, n int) {
	t.Helper()
	readertest.AwaitEmpty(t, readertest.Fixture{Driver: pcsc.New(), Reader: pcscdtest.Reader(n)})
}

func connect(t *testing.T, n int) reader.Card {
	t.Helper()
	card, err := pcsc.New().Connect(t.Context(), pcscdtest.Reader(n))
	require.NoError(t, err)
	return card
}

func requireResponse(t *testing.T, card reader.Card, command, want []byte) {
	t.Helper()
	got, err := card.Transmit(t.Context(), command)
	require.NoError(t, err)
	require.Equal(t, want, got)
}
