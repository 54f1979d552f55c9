package readertest

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/reader"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

func (s suite) transactions(t *testing.T) {
	s.insertAndAwait(t, simulator.Contact)
	first, second := s.connect(t), s.connect(t)
	require.NoError(t, first.Begin(s.ctx))

	begun := make(chan error, 1)
	go func() { begun <- second.Begin(s.ctx) }()
	s.send(t, first, selectJPKI, done)
	select {
	case <-begun:
		assert.Fail(t, "two transactions at once")
	case <-time.After(20 * time.Millisecond):
	}
	require.NoError(t, first.End())
	require.NoError(t, <-begun)
	s.send(t, second, selectJPKI, done)
	require.NoError(t, second.End())
	s.send(t, first, readCounter, []byte{0x63, 0xC3})
}

// blockedCalls checks that calls that are blocked by another program's transaction end
// with their context.
func (s suite) blockedCalls(t *testing.T) {
	s.insertAndAwait(t, simulator.Contact)
	holder, begins, transmits := s.connect(t), s.connect(t), s.connect(t)
	require.NoError(t, holder.Begin(s.ctx))
	t.Cleanup(func() { require.NoError(t, holder.End()) })

	for name, call := range map[string]func(context.Context) error{ // each on a connection of its own
		"begin":    begins.Begin,
		"transmit": func(ctx context.Context) error { _, err := transmits.Transmit(ctx, selectJPKI); return err },
		"connect":  func(ctx context.Context) error { _, err := s.Driver.Connect(ctx, s.Reader); return err },
	} {
		ctx, cancel := context.WithTimeout(s.ctx, 50*time.Millisecond)
		start := time.Now()
		assert.ErrorIs(t, call(ctx), context.DeadlineExceeded, name)
		assert.Less(t, time.Since(start), 2*time.Second, name)
		cancel()
	}
	for _, abandoned := range []reader.Card{begins, transmits} {
		_, err := abandoned.Transmit(s.ctx, selectJPKI)
		assert.ErrorIs(t, err, reader.ErrClosed, "an abandoned call closes the connection")
	}
	s.send(t, holder, selectJPKI, done)
}

// nestedTransactions checks that only the last End ends a transaction, and that a
// surplus End does nothing.
func (s suite) nestedTransactions(t *testing.T) {
	s.insertAndAwait(t, simulator.Contact)
	first, second := s.connect(t), s.connect(t)
	require.NoError(t, first.End())
	ended, cancel := context.WithCancel(s.ctx)
	cancel()
	require.NoError(t, first.Begin(s.ctx))
	require.ErrorIs(t, first.Begin(ended), context.Canceled, "this call begins no transaction")
	require.NoError(t, first.Begin(s.ctx))
	require.NoError(t, first.End())
	begun := make(chan error)
	go func() { begun <- second.Begin(s.ctx) }()
	s.send(t, first, selectJPKI, done)
	select {
	case err := <-begun:
		t.Fatal("began a transaction during another one", err)
	case <-time.After(20 * time.Millisecond):
	}
	require.NoError(t, first.End())
	require.NoError(t, <-begun)
	require.NoError(t, first.End())
	s.send(t, second, selectJPKI, done)
	require.NoError(t, second.End())
}

func (s suite) closeEndsTransaction(t *testing.T) {
	s.insertAndAwait(t, simulator.Contact)
	first := s.connect(t)
	require.NoError(t, first.Begin(s.ctx))
	require.NoError(t, first.Close())
	second := s.connect(t)
	require.NoError(t, second.Begin(s.ctx))
	require.NoError(t, second.End())
}
