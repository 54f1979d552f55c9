// Command mykey-server is the server of a fleet of terminals. It holds the keys that derive
// identifiers, verifies the cards' signatures that terminals send (evidence, see package proof),
// and stores which identifiers are reserved. Terminals connect with client certificates, which the
// command issues and revokes.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/mykeykit/mykeykit/internal/nodump"
)

func main() { os.Exit(mainExit()) }

func mainExit() int {
	_ = nodump.Protect() // the server also runs without it
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return execute(ctx, os.Args[1:], environment{
		stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, getenv: os.Getenv, now: time.Now,
		openDesk: openDesk, drain: func() { time.Sleep(drainTime) },
	})
}
