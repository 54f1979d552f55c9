package sdnotify

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The environment variables of sd_notify(3) are read.
func TestNew(t *testing.T) {
	for name, c := range map[string]struct {
		environment map[string]string
		want        Manager
	}{
		"none":          {nil, Manager{}},
		"no watchdog":   {map[string]string{"NOTIFY_SOCKET": "/run/n"}, Manager{socket: "/run/n"}},
		"a watchdog":    {map[string]string{"NOTIFY_SOCKET": "@n", "WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "7"}, Manager{"@n", 60e9}},
		"other process": {map[string]string{"NOTIFY_SOCKET": "@n", "WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "8"}, Manager{socket: "@n"}},
		"not a number":  {map[string]string{"NOTIFY_SOCKET": "@n", "WATCHDOG_USEC": "soon"}, Manager{socket: "@n"}},
		"disabled":      {map[string]string{"NOTIFY_SOCKET": "@n", "WATCHDOG_USEC": "0"}, Manager{socket: "@n"}},
	} {
		assert.Equal(t, c.want, New(func(name string) string { return c.environment[name] }, 7), name)
	}
	require.NoError(t, Manager{}.Notify("READY=1"))
	require.Error(t, Manager{socket: filepath.Join(t.TempDir(), "none")}.Notify("READY=1"))
}
