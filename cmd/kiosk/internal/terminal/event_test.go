package terminal_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/cmd/kiosk/internal/terminal"
	"github.com/mykeykit/mykeykit/internal/campaign"
	"github.com/mykeykit/mykeykit/internal/fleet"
	"github.com/mykeykit/mykeykit/jpki/trust"
	"github.com/mykeykit/mykeykit/mykey/message"
	"github.com/mykeykit/mykeykit/mykey/registry"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// A terminal whose registry is unavailable at startup is closed, and opens by itself
// without any action.
//
// Faults: F129.
func TestRegistryUnavailableAtStartup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file, err := os.Open(filepath.Join("..", "..", "campaigns", "2020.toml"))
		require.NoError(t, err)
		defer file.Close()
		c, err := campaign.Parse(file)
		require.NoError(t, err)
		b := &fakeRegistry{reserved: map[string]*registry.Reservation{}, used: map[string]bool{}, down: true}
		driver := simulator.New()
		driver.AddReader("Reader")
		k := terminal.New(terminal.Config{Driver: driver, Campaign: c, Service: fleet.NewLocal(b, trust.Policy{}), Language: message.Japanese})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- k.Run(ctx) }()
		synctest.Wait()
		view, _ := k.View()
		require.Equal(t, terminal.Problem, view.Screen)
		assert.EqualValues(t, "DATABASE_UNAVAILABLE", view.Notice.Code)

		b.mu.Lock()
		b.down = false
		b.mu.Unlock()
		time.Sleep(3 * time.Second)
		synctest.Wait()
		view, _ = k.View()
		assert.Equal(t, terminal.Welcome, view.Screen)
		cancel()
		<-ended
	})
}
