// Command card-info shows what is in the card reader, and turns a My Number
// Card into an identifier of 8 characters and an SSH key. It is the toolkit's
// command for debugging; run "card-info help" for what it can do.
//
// The report and every subcommand but id and ssh-agent cost no try: they send no
// PIN. Those send one for each time that it was entered.
package main

import (
	"context"
	"io"
	"log"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/mykeykit/mykeykit/internal/nodump"
	"github.com/mykeykit/mykeykit/internal/tty"
	"github.com/mykeykit/mykeykit/reader"
	"github.com/mykeykit/mykeykit/reader/pcsc"
)

// environment is what the program touches outside itself.
type environment struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	getenv         func(string) string
	driver         reader.Driver // what --simulator replaces
	terminal       func() (tty.Terminal, error)
	suspension     *tty.Suspension // nil: the process is not suspended
	now            func() time.Time
	system         system // what doctor looks at
}

func main() { os.Exit(mainExit()) }

// mainExit runs the program in the system's environment. Signals that would
// end it end its context instead, so that a card is left unverified.
func mainExit() int {
	_ = nodump.Protect() // a PIN may come; where the system refuses, the rest still holds
	// They are caught until the process ends.
	ctx, _ := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGABRT)
	// A closed standard output or error must not end it in mid-session either:
	// writes fail instead.
	pipe := make(chan os.Signal, 1)
	signal.Notify(pipe, syscall.SIGPIPE)
	// What failed is told by this program: x/crypto's agent would log it too.
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
	})
}
