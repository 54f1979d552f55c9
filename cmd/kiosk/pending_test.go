package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/cmd/kiosk/internal/terminal"
	"github.com/mykeykit/mykeykit/internal/registrycli"
	"github.com/mykeykit/mykeykit/mykey"
	"github.com/mykeykit/mykeykit/mykey/message"
	"github.com/mykeykit/mykeykit/mykey/registry"
)

// A registry that is unavailable at startup is opened when it becomes available. Until
// then, changes return ErrUnavailable.
//
// Faults: F129.
func TestRegistryOpensLater(t *testing.T) {
	reason, opens := errors.New("server down"), 0
	path := filepath.Join(t.TempDir(), "kiosk.db")
	open := testRegistry(t, path)
	var reported []error
	p := &pendingRegistry{
		interval: time.Millisecond,
		onError:  func(err error) { reported = append(reported, err) },
		openRegistry: func(context.Context) (*registry.Registry, error) {
			if opens++; opens < 3 {
				return nil, errors.Join(registry.ErrUnavailable, reason)
			}
			return open(t.Context())
		},
	}
	require.NoError(t, p.open(t.Context(), time.Minute))
	require.ErrorIs(t, p.Ping(t.Context()), registry.ErrUnavailable)
	_, err := p.Challenge(t.Context())
	require.ErrorIs(t, err, registry.ErrUnavailable)

	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- p.run(ctx) }()
	require.Eventually(t, func() bool { return p.Ping(t.Context()) == nil }, time.Minute, 10*time.Millisecond)
	cancel()
	require.ErrorIs(t, <-ended, context.Canceled)
	assert.Len(t, reported, 2)
	require.ErrorIs(t, reported[1], reason)
	require.NoError(t, p.Close())
}

// A terminal whose name is in use reports that, not an unavailable database.
//
// Faults: F102.
func TestTakenNameAtStartup(t *testing.T) {
	p := &pendingRegistry{interval: time.Millisecond, onError: func(error) {}, openRegistry: func(context.Context) (*registry.Registry, error) {
		return nil, fmt.Errorf("%w: counter-1", registry.ErrTerminalTaken)
	}}
	require.NoError(t, p.open(t.Context(), time.Minute))
	err := p.Ping(t.Context())
	require.ErrorIs(t, err, registry.ErrTerminalTaken)
	assert.Equal(t, message.Code("TERMINAL_NAME_TAKEN"), terminal.MessageFor(err).Code)
}

// Permanent errors, such as wrong keys or a wrong database version, end the program at
// startup and later.
//
// Faults: F129.
func TestPermanentErrors(t *testing.T) {
	for _, wrong := range []error{mykey.ErrKey, registry.ErrSchema, registry.ErrURL, registry.ErrTerminal, registry.ErrOtherKey} {
		p := &pendingRegistry{interval: time.Millisecond, onError: func(error) {}, openRegistry: func(context.Context) (*registry.Registry, error) { return nil, wrong }}
		require.ErrorIs(t, p.open(t.Context(), time.Minute), wrong)
		require.ErrorIs(t, p.run(t.Context()), wrong)
	}
}

// Each reason why the registry is unavailable is logged once.
func TestUnavailableReasonIsLoggedOnce(t *testing.T) {
	var b bytes.Buffer
	logError := logUnavailable(slog.New(slog.NewJSONHandler(&b, nil)))
	for _, reason := range []string{"one", "one", "other", "other"} {
		logError(errors.Join(registry.ErrUnavailable, errors.New(reason)))
	}
	assert.Equal(t, 2, bytes.Count(b.Bytes(), []byte("\n")))
	assert.Contains(t, b.String(), `"code":"DATABASE_UNAVAILABLE"`)
}

// The log is machine-readable text or JSON.
//
// Faults: F130.
func TestLogFormats(t *testing.T) {
	for format, holds := range map[string]string{"text": `visit=ABC duration=12.346 code=PIN_WRONG`, "json": `"visit":"ABC","duration":12.346,"code":"PIN_WRONG"`} {
		var b bytes.Buffer
		p := newProgram(io.Discard, &b)
		log, err := p.newLog(format, "counter-1")
		require.NoError(t, err)
		logEvent(log, terminal.Event{Name: "refused", Code: message.PINWrong, Visit: "ABC", Duration: 12_345_678 * time.Microsecond})
		logEvent(log, terminal.Event{Name: "problem", Code: message.PCSCDenied})
		assert.Contains(t, b.String(), holds)
		assert.Contains(t, b.String(), "counter-1")
		lines := bytes.Split(bytes.TrimSpace(b.Bytes()), []byte("\n"))
		require.Len(t, lines, 2)
		assert.NotContains(t, string(lines[1]), "visit")
		if format == "json" {
			for _, line := range lines {
				assert.True(t, json.Valid(line), string(line))
			}
		}
	}
}

// The start event contains the kind of registry but not its URL, which may contain a
// password.
//
// Faults: F130.
func TestStartIsLoggedWithoutThePassword(t *testing.T) {
	c, err := registrycli.ReadCampaign(newProgram(io.Discard, io.Discard).Console, demo)
	require.NoError(t, err)
	for url, kind := range map[string]string{
		"postgres://kiosk:geheim@db/registry": "postgres", "postgresql://kiosk:geheim@db/registry": "postgres",
		"sqlite:/var/lib/geheim.db": "sqlite", "geheim": "unknown",
	} {
		var b bytes.Buffer
		log, err := newProgram(io.Discard, &b).newLog("json", "counter-1")
		require.NoError(t, err)
		logStart(log, terminalSetup{campaign: c, url: url, generation: 2, otherGenerations: []uint32{1, 3}, readers: "pcsc"})
		assert.Contains(t, b.String(), `"registry":"`+kind+`"`)
		for _, part := range []string{`"version":`, `"campaign":"Trial points"`, `"generation":2`, `"other_generations":[1,3]`, `"readers":"pcsc"`, `"terminal":"counter-1"`} {
			assert.Contains(t, b.String(), part)
		}
		assert.NotContains(t, b.String(), "geheim")
	}
}
