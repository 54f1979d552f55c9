// Command card-info describes the card in the reader, derives an 8-character identifier from a
// My Number Card, reads what is printed on the card, signs and verifies documents, and lets SSH
// clients log in with the card's key. Run "card-info help" for the list of subcommands.
//
// Only id, sign, cert --signature, attributes, face, number, pin change and ssh-agent send a PIN, a
// password or a verification number. They send each entry at most once. No other subcommand can use
// up an attempt.
package main

import (
	"io"
	"log"
	"os"
	"time"

	"github.com/mykeykit/mykeykit/internal/nodump"
	"github.com/mykeykit/mykeykit/internal/tty"
	"github.com/mykeykit/mykeykit/reader"
	"github.com/mykeykit/mykeykit/reader/pcsc"
)

// environment holds everything outside the process that the program uses.
type environment struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	getenv         func(string) string
	driver         reader.Driver // replaced by --simulator
	terminal       func() (tty.Terminal, error)
	suspension     *tty.Suspension // nil: stop signals are not handled
	caught         func()          // blocks until the terminating signals are caught; nil: they are not
	now            func() time.Time
	system         system // examined by doctor
}

func main() { os.Exit(mainExit()) }

// mainExit runs the program with the process's environment and returns its exit code.
// Signals that would terminate the process cancel the context instead, so that the card
// is logged out first.
func mainExit() int {
	_ = nodump.Protect() // best effort: protects a PIN in memory from other processes
	ctx, caught := catchSignals()
	// The program reports failures itself; x/crypto's agent would log them as well.
	log.SetOutput(io.Discard)

	suspension := tty.NewSuspension()
	return run(ctx, os.Args[1:], environment{
		stdin:    os.Stdin,
		stdout:   os.Stdout,
		stderr:   os.Stderr,
		getenv:   os.Getenv,
		driver:   pcsc.New(),
		terminal: tty.Opener(os.Stdin, os.Stderr, suspension),
		now:      time.Now,
		system:   thisSystem(),

		suspension: suspension,
		caught:     caught,
	})
}
