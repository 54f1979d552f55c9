package main

import (
	"context"
	"iter"
	"os"
	"os/signal"
	"syscall"

	"github.com/mykeykit/mykeykit/reader"
)

// catchSignals returns a context that ends at the first signal that would terminate the
// process, and a function that blocks until all these signals are caught. They are caught in
// the background, since that takes as long as finding the reader. They stay caught until the
// process ends.
func catchSignals() (ctx context.Context, caught func()) {
	ctx, cancel := context.WithCancel(context.Background())
	terminating, pipe := make(chan os.Signal, 1), make(chan os.Signal, 1)
	done := make(chan struct{})
	go func() {
		signal.Notify(terminating, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGABRT)
		// A closed standard output or error must not kill the process while the card
		// is unlocked: with SIGPIPE caught, writes fail instead.
		signal.Notify(pipe, syscall.SIGPIPE)
		close(done)
		<-terminating
		cancel()
	}()
	return ctx, func() { <-done }
}

// signalsFirst is a driver that connects to cards and reports readers only after the
// terminating signals are caught.
type signalsFirst struct {
	reader.Driver
	caught func()
}

func (d signalsFirst) Readers(ctx context.Context) ([]reader.Reader, error) {
	defer d.caught() // after the work that needs no signal
	return d.Driver.Readers(ctx)
}

func (d signalsFirst) Watch(ctx context.Context) iter.Seq2[reader.Event, error] {
	d.caught()
	return d.Driver.Watch(ctx)
}

func (d signalsFirst) Connect(ctx context.Context, name string) (reader.Card, error) {
	d.caught()
	return d.Driver.Connect(ctx, name)
}
