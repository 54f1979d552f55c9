package registry_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/mykey/registry"
)

// A heartbeat shows when a terminal was last seen, its version and its visits on that day.
func TestHeartbeats(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		now := time.Date(2026, 4, 1, 14, 59, 0, 0, time.UTC) // 23:59 in Japan
		r := openNamed(t, url, "server", registry.WithClock(func() time.Time { return now }))
		for _, bad := range []error{
			r.Heartbeat(ctx, "kiosk-1", strings.Repeat("1", 65), 0), r.Heartbeat(ctx, "kiosk-1", "1\n", 0), r.Heartbeat(ctx, "kiosk-1", "\xff", 0),
			r.Heartbeat(ctx, "kiosk-1", "v1", -1),
		} {
			require.ErrorIs(t, bad, registry.ErrHeartbeat)
		}
		require.ErrorIs(t, r.Heartbeat(ctx, "a b", "v1", 0), registry.ErrTerminal)
		require.NoError(t, r.Heartbeat(ctx, "kiosk-2", "v1", 0))
		require.NoError(t, r.Heartbeat(ctx, "kiosk-1", "v1", 2))
		require.NoError(t, r.Heartbeat(ctx, "kiosk-1", "v1", 3))
		o, err := registry.OpenOperator(ctx, url, "points.example", nil)
		require.NoError(t, err)
		defer o.Close()
		list, err := o.Heartbeats(ctx)
		require.NoError(t, err)
		assert.Equal(t, []registry.Heartbeat{{"kiosk-1", "v1", now, 5}, {"kiosk-2", "v1", now, 0}}, list)

		now = now.Add(time.Minute)
		require.NoError(t, r.Heartbeat(ctx, "kiosk-1", "v2", 1))
		list, err = o.Heartbeats(ctx)
		require.NoError(t, err)
		assert.Equal(t, []registry.Heartbeat{{"kiosk-1", "v2", now, 1}, {"kiosk-2", "v1", now.Add(-time.Minute), 0}}, list)
		counts, err := o.Statistics(ctx)
		require.NoError(t, err)
		assert.Equal(t, []registry.Count{{"2026-04-01", "kiosk-1", "visit", 5}, {"2026-04-02", "kiosk-1", "visit", 1}}, counts)
	})
}
