package main

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/mykeykit/mykeykit/internal/cli"
)

// A misspelled command or flag is told with the names that are like it, and with the help of the command that was
// meant. What could be a PIN is not quoted.
func TestMisspelledNames(t *testing.T) {
	for _, tt := range []struct {
		typed []string
		says  string
		not   string
	}{
		{[]string{"rtries"}, "Did you mean retries?\n  See card-info help.", ""},
		{[]string{"ssh"}, "Did you mean ssh-agent or ssh-key?", ""},
		{[]string{"help", "idd"}, "Did you mean id?\n  See card-info help.", ""},
		{[]string{"pin", "chnge"}, "Did you mean change?\n  See card-info help pin.", ""},
		{[]string{"sign", "--visibel"}, "Did you mean --visible?\n  See card-info help sign.", ""},
		{[]string{"id", "--name", "x"}, "Did you mean --namespace or --namespace-key?\n  See card-info help id.", ""},
		{[]string{"nothing-like-it"}, "See card-info help.", "Did you mean"},
		{[]string{"list", "list"}, "See card-info help list.", "Did you mean"},
		{[]string{"1234"}, "See card-info help.", "1234"},
		{[]string{"id", "--1234"}, "See card-info help id.", "1234"},
	} {
		o := runner{}.run(t, append(tt.typed, "--lang", "en")...)
		assert.Equal(t, cli.ExitUsage, o.exit, tt.typed)
		assert.Contains(t, o.stderr, tt.says, tt.typed)
		if tt.not != "" {
			assert.NotContains(t, o.stderr, tt.not, tt.typed)
		}
	}
	assert.Contains(t, runner{}.run(t, "rtries", "--lang", "ja").stderr, "もしかして: retries\n")
}
