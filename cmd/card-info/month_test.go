package main

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/cli"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// id shows the month in which the certificate expires, in Japan Standard Time, but never
// the day, which is the holder's birthday: not in text or JSON, nor for an expired
// certificate.
//
// Faults: F92.
func TestIdentifierShowsOnlyTheMonthOfExpiry(t *testing.T) {
	for _, tt := range []struct {
		profile                  simulator.Profile
		args                     []string
		exit                     int
		month, japanese, english string
		days                     []string
	}{
		{simulator.Contact, nil, 0, "2030-05", "2030年5月まで", "until May 2030", []string{"05-21", "5月21日", "21 May"}},
		{simulator.Expiring, nil, 0, "2026-12", "2026年12月まで", "until December 2026", []string{"12-21", "12月21日", "21 December"}},
		{simulator.Expired, []string{"--allow-expired"}, 0, "2026-10", "2026年10月まで", "until October 2026", []string{"10-21", "10月21日", "21 October"}},
		{simulator.Expired, nil, cli.ExitCertificate, "", "2026年10月", "in October 2026", []string{"10-21", "10月21日", "21 October"}},
	} {
		run := func(more ...string) outcome {
			args := append(idArgs(t, "--pin-stdin", "--simulator", string(tt.profile)), append(tt.args, more...)...)
			o := runner{stdin: "1234\n"}.run(t, args...)
			require.Equal(t, tt.exit, o.exit, o.stderr)
			for _, day := range append(tt.days, "T12:00:00", "T03:00:00", "2025-05-21", "2026-11-21") {
				assert.NotContains(t, o.stdout+o.stderr, day)
			}
			return o
		}
		assert.Contains(t, run("--lang", "ja").stdout+run("--lang", "ja").stderr, tt.japanese)
		assert.Contains(t, run("--lang", "en").stdout+run("--lang", "en").stderr, tt.english)
		o := run("--json")
		if tt.exit == 0 {
			var shown map[string]any
			require.NoError(t, json.Unmarshal([]byte(o.stdout), &shown))
			assert.Equal(t, tt.month, shown["valid_until"])
		}
	}
}

// The outputs of id for one card in two namespaces have only the month and values that
// are the same for everybody in common.
//
// Faults: F92.
func TestNamespacesShareOnlyTheMonth(t *testing.T) {
	shown := func(namespace string, now time.Time) map[string]any {
		o := runner{stdin: "1234\n", now: now}.run(t, "id", "--namespace", namespace, "--namespace-key", keyFile(t),
			"--pin-stdin", "--json", "--simulator", "contact")
		require.Zero(t, o.exit, o.stderr)
		var object map[string]any
		require.NoError(t, json.Unmarshal([]byte(o.stdout), &object))
		return object
	}
	points, library := shown("points.example", today), shown("library.example", today)
	for key, value := range points {
		switch key {
		case "mykey_id", "display", "namespace":
			assert.NotEqual(t, value, library[key], key)
		case "valid_until":
			assert.Len(t, value, len("2030-05"))
		case "assurance":
			assert.Equal(t, map[string]any{"pin": true, "pin_source": "card", "possession": true, "chain": "simulator"}, value)
		case "revocation":
			assert.Equal(t, "not-checked", value)
		default:
			assert.Fail(t, "unexpected key", key)
		}
	}
}
