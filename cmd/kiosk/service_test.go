package main

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// listenDatagrams receives the notifications to a service manager.
func listenDatagrams(t *testing.T, socket string) <-chan string {
	t.Helper()
	connection, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	require.NoError(t, err)
	states := make(chan string, 1000)
	go func() {
		defer close(states)
		for b := make([]byte, 1000); ; {
			n, err := connection.Read(b)
			if err != nil {
				return
			}
			states <- string(b[:n])
		}
	}()
	t.Cleanup(func() { _ = connection.Close() })
	return states
}

// The service manager is notified when the page is ready, periodically, and when the
// program stops.
func TestServiceManager(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "notify")
	states := listenDatagrams(t, socket)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	t.Setenv("NOTIFY_SOCKET", socket)
	t.Setenv("WATCHDOG_USEC", "30000")
	page := filepath.Join(t.TempDir(), "start.html")
	ended := make(chan error, 1)
	go func() {
		c := command(&bytes.Buffer{})
		c.SetArgs([]string{"--simulate", "--campaign", filepath.Join("campaigns", "demo.toml"), "--start-page", page})
		ended <- c.ExecuteContext(ctx)
	}()
	for _, state := range []string{"READY=1", "WATCHDOG=1", "WATCHDOG=1", "WATCHDOG=1"} {
		require.Equal(t, state, <-states)
	}
	at := regexp.MustCompile(`action="(http://[^"]+)/start"`).FindStringSubmatch(content(t, page))
	require.NotNil(t, at)
	answer, err := http.Get(at[1])
	require.NoError(t, err)
	answer.Body.Close()
	assert.Equal(t, http.StatusForbidden, answer.StatusCode, "the page is served")
	cancel()
	for state := range states {
		if state == "STOPPING=1" {
			break
		}
		require.Equal(t, "WATCHDOG=1", state)
	}
	require.NoError(t, <-ended)
	assert.NoFileExists(t, page)
}

// The commands and flags in the units exist.
func TestUnitsUseExistingFlags(t *testing.T) {
	units, err := filepath.Glob(filepath.Join("packaging", "*.service"))
	require.NoError(t, err)
	found := 0
	for _, unit := range units {
		for line := range strings.Lines(strings.ReplaceAll(content(t, unit), "\\\n", " ")) {
			start, isStart := strings.CutPrefix(line, "ExecStart=/usr/local/bin/kiosk ")
			if !isStart {
				continue
			}
			found++
			start = strings.ReplaceAll(start, "$KIOSK_OPTIONS", "--ca-certificate ca.cer --reader NAME --no-migrate")
			c, args, err := command(&bytes.Buffer{}).Find(strings.Fields(start))
			require.NoError(t, err, unit)
			require.NoError(t, c.ParseFlags(args), unit)
			assert.Empty(t, c.Flags().Args(), unit)
		}
	}
	assert.Equal(t, 2, found)
}
