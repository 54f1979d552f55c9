//go:build cgo

package pcsc_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/mykeykit/mykeykit/internal/pcscdtest"
	"github.com/mykeykit/mykeykit/internal/soak"
	"github.com/mykeykit/mykeykit/reader/pcsc"
)

// For each reader, three goroutines connect and close without pause for ten seconds, or
// a minute in a soak test. With SCardDisconnect, libpcsclite 1.9.9 crashed the process
// in each of four runs of this test.
//
// Faults: F62.
func TestParallelConnectionsDoNotCrashTheLibrary(t *testing.T) {
	requireDaemon(t)
	long := 10 * time.Second
	if soak.Enabled() {
		long = time.Minute
	}
	insertAll(t)
	end := time.Now().Add(long)
	var connections atomic.Int64
	var users sync.WaitGroup
	for n := range 3 * readers {
		users.Go(func() {
			driver := pcsc.New()
			for time.Now().Before(end) {
				card, err := driver.Connect(t.Context(), pcscdtest.Reader(n%readers))
				if !assert.NoError(t, err) || !assert.NoError(t, card.Close()) {
					return
				}
				connections.Add(1)
			}
		})
	}
	users.Wait()
	t.Logf("%d connections in %s", connections.Load(), long)
}
