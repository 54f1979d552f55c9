package main

import (
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/cli"
	"github.com/mykeykit/mykeykit/internal/clitest"
	"github.com/mykeykit/mykeykit/mykey/message"
)

func TestManual(t *testing.T) {
	for _, language := range []message.Language{message.Japanese, message.English} {
		console, err := cli.New(command, []string{"--lang", string(language)}, io.Discard, io.Discard, func(string) string { return "" })
		require.NoError(t, err)
		p := &program{Console: console}
		clitest.Manual(t, p.command(), language)
	}
}
