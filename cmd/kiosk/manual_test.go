package main

import (
	"io"
	"testing"

	"github.com/spf13/cobra"

	"github.com/mykeykit/mykeykit/internal/clitest"
	"github.com/mykeykit/mykeykit/mykey/message"
)

func TestManual(t *testing.T) {
	clitest.Manuals(t, func(language message.Language) *cobra.Command {
		return newProgram(io.Discard, io.Discard, "--lang", string(language)).command()
	})
}
