package registry_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/mykey/registry"
)

// A terminal has at most four connections, one while it is idle, and none after the idle time.
//
// Faults: F101.
func TestIdleConnectionsAreClosed(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		r := open(t, url)
		busy, cancel := context.WithTimeout(ctx, time.Minute)
		defer cancel()
		var held []func()
		for range 4 {
			conn, err := r.DB().Conn(busy)
			require.NoError(t, err)
			held = append(held, func() { require.NoError(t, conn.Close()) })
		}
		assert.Equal(t, 4, r.DB().Stats().MaxOpenConnections)
		assert.Equal(t, 4, r.DB().Stats().InUse)
		for _, release := range held {
			release()
		}
		assert.Equal(t, 1, r.DB().Stats().OpenConnections)

		most, stop := 0, make(chan struct{})
		var visitors, watch sync.WaitGroup
		watch.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					most = max(most, r.DB().Stats().InUse)
				}
			}
		})
		for n := range 16 {
			visitors.Go(func() {
				_, err := r.Reserve(busy, registry.NewOperation(), holder(n), registry.RecoveryCode{})
				assert.NoError(t, err)
			})
		}
		visitors.Wait()
		close(stop)
		watch.Wait()
		assert.LessOrEqual(t, most, 4)
		assert.LessOrEqual(t, r.DB().Stats().Idle, 1)
		t.Logf("connections in use by 16 callers at once: %d; idle afterwards: %d", most, r.DB().Stats().Idle)
	})
	registry.SetIdleTime(t, time.Millisecond)
	onEach(t, func(t *testing.T, url string) {
		r := open(t, url)
		reserve(t, r, 1)
		require.Eventually(t, func() bool { return r.DB().Stats().OpenConnections == 0 }, time.Minute, 10*time.Millisecond)
		reserve(t, r, 2)
	})
}

// Prepared statements stay usable after another program has changed the schema.
func TestSchemaChangesWhileOpen(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		r, other := open(t, url), open(t, url)
		reserve(t, r, 1)
		reserve(t, r, 2)
		for _, statement := range []string{`CREATE INDEX more ON holders (identifier)`, `ALTER TABLE audit ADD COLUMN note text`} {
			_, err := other.DB().Exec(statement)
			require.NoError(t, err)
		}
		reserve(t, r, 3)
		require.False(t, reserve(t, r, 1).New)
		_, err := verify(r)
		require.NoError(t, err)
	})
}
