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

// listenDatagrams is a service manager's end: it gives every state that is told.
func listenDatagrams(t *testing.T, socket string) <-chan string {
	t.Helper()
	connection, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	require.NoError(t, err)
	told := make(chan string, 1000)
	go func() {
		defer close(told)
		for b := make([]byte, 1000); ; {
			n, err := connection.Read(b)
			if err != nil {
				return
			}
			told <- string(b[:n])
		}
	}()
	t.Cleanup(func() { _ = connection.Close() })
	return told
}

// The service manager learns when the page is there, that it lives, and when it ends.
func TestServiceManager(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "notify")
	told := listenDatagrams(t, socket)
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
		require.Equal(t, state, <-told)
	}
	at := regexp.MustCompile(`action="(http://[^"]+)/start"`).FindStringSubmatch(content(t, page))
	require.NotNil(t, at)
	answer, err := http.Get(at[1])
	require.NoError(t, err)
	answer.Body.Close()
	assert.Equal(t, http.StatusForbidden, answer.StatusCode, "it answers")
	cancel()
	for state := range told {
		if state == "STOPPING=1" {
			break
		}
		require.Equal(t, "WATCHDOG=1", state)
	}
	require.NoError(t, <-ended)
	assert.NoFileExists(t, page)
}

func TestServiceOf(t *testing.T) {
	for name, c := range map[string]struct {
		environment map[string]string
		want        service
	}{
		"none":               {nil, service{}},
		"no watchdog":        {map[string]string{"NOTIFY_SOCKET": "/run/n"}, service{socket: "/run/n"}},
		"a watchdog":         {map[string]string{"NOTIFY_SOCKET": "@n", "WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "7"}, service{"@n", 60e9}},
		"another's watchdog": {map[string]string{"NOTIFY_SOCKET": "@n", "WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "8"}, service{socket: "@n"}},
		"no number":          {map[string]string{"NOTIFY_SOCKET": "@n", "WATCHDOG_USEC": "soon"}, service{socket: "@n"}},
		"none, as a number":  {map[string]string{"NOTIFY_SOCKET": "@n", "WATCHDOG_USEC": "0"}, service{socket: "@n"}},
	} {
		assert.Equal(t, c.want, serviceOf(func(name string) string { return c.environment[name] }, 7), name)
	}
	require.NoError(t, service{}.tell("READY=1"))
	require.Error(t, service{socket: filepath.Join(t.TempDir(), "none")}.tell("READY=1"))
}

// The program has every command and flag that the units use.
func TestTheUnitsUseFlagsThatThereAre(t *testing.T) {
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
			start = strings.ReplaceAll(start, "$KIOSK_OPTIONS", "--authority ca.cer --reader NAME --no-migrate")
			c, args, err := command(&bytes.Buffer{}).Find(strings.Fields(start))
			require.NoError(t, err, unit)
			require.NoError(t, c.ParseFlags(args), unit)
			assert.Empty(t, c.Flags().Args(), unit)
		}
	}
	assert.Equal(t, 2, found)
}
