package jpki_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/annotate"
	"github.com/mykeykit/mykeykit/internal/cardtest"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/reader"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// Transcripts show the commands and answers of a session.
func TestTranscripts(t *testing.T) {
	for _, profile := range []simulator.Profile{simulator.Contact, simulator.ContactExtended, simulator.Android, simulator.LastAttempt} {
		t.Run(string(profile), func(t *testing.T) {
			d := cardtest.Open(t, profile)
			var lines strings.Builder
			var commands annotate.Annotator
			traced := reader.Trace(d.Connection, func(e reader.Exchange) {
				fmt.Fprintf(&lines, "> %-36s  %s\n", e.Command.String(), commands.Command(e.Command))
				fmt.Fprintf(&lines, "< %d bytes, %v\n", e.Length, e.Status)
			})
			_, err := jpki.Authenticate(context.Background(), traced, pin(t, simulator.PIN))
			fmt.Fprintf(&lines, "= %v\n", err)

			transcript := lines.String()
			golden := filepath.Join("..", "testdata", "transcripts", "authenticate-"+string(profile)+".txt")
			if *update {
				require.NoError(t, os.MkdirAll(filepath.Dir(golden), 0o755))
				require.NoError(t, os.WriteFile(golden, []byte(transcript), 0o644))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			assert.Equal(t, string(want), transcript)
		})
	}
}
