package main

import (
	"io"
	"testing"

	"github.com/mykeykit/mykeykit/internal/clitest"
	"github.com/mykeykit/mykeykit/mykey/message"
)

func TestManual(t *testing.T) {
	for _, language := range []message.Language{message.Japanese, message.English} {
		clitest.Manual(t, newProgram(io.Discard, io.Discard, "--lang", string(language)).command(), language)
	}
}
