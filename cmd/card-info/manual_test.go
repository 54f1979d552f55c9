package main

import (
	"io"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/cli"
	"github.com/mykeykit/mykeykit/internal/clitest"
	"github.com/mykeykit/mykeykit/mykey/message"
)

func TestManual(t *testing.T) {
	clitest.Manuals(t, func(language message.Language) *cobra.Command {
		console, err := cli.New("card-info", []string{"--lang", string(language)}, io.Discard, io.Discard, func(string) string { return "" })
		require.NoError(t, err)
		return (&program{Console: console}).command(nil)
	})
}
