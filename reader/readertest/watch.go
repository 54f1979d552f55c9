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

func (s suite) emptyReader(t *testing.T) {
	assert.False(t, s.current(t).Present)
	_, err := s.Driver.Connect(s.ctx, s.Reader)
	assert.ErrorIs(t, err, reader.ErrNoCard)
	_, err = reader.Find(s.ctx, s.Driver, s.Reader, nil)
	assert.ErrorIs(t, err, reader.ErrNoCard)
}

func (s suite) unknownReader(t *testing.T) {
	for _, name := range []string{"no such reader", "", "name\x00with a zero byte"} {
		_, err := s.Driver.Connect(s.ctx, name)
		assert.ErrorIs(t, err, reader.ErrNoReader, "%q", name)
	}
	_, err := reader.Find(s.ctx, s.Driver, "no such reader", nil)
	assert.ErrorIs(t, err, reader.ErrNoReader)
}

func (s suite) events(t *testing.T) {
	events := make(chan reader.Event, 100)
	ctx, cancel := context.WithCancel(s.ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for event, err := range s.Driver.Watch(ctx) {
			if err == nil && event.Reader == s.Reader {
				events <- event
			}
		}
	}()
	next := func() reader.Event {
		select {
		case e := <-events:
			return e
		case <-s.ctx.Done():
			require.FailNow(t, "no event")
			return reader.Event{}
		}
	}

	assert.Equal(t, reader.ReaderAdded, next().Kind, "the current state comes first")
	for range 2 {
		card := s.card(t, simulator.ContactExtended)
		s.Insert(t, card)
		event := next()
		assert.Equal(t, reader.CardInserted, event.Kind)
		assert.Equal(t, card.ATR(), event.ATR)
		assert.Equal(t, card.ATR(), s.current(t).ATR)
		assert.True(t, s.current(t).Present)
		s.Remove(t)
		assert.Equal(t, reader.CardRemoved, next().Kind)
		assert.False(t, s.current(t).Present)
	}
	cancel()
	<-ended
}

func (s suite) watchEnds(t *testing.T) {
	for range 3 {
		ctx, cancel := context.WithCancel(s.ctx)
		ended := make(chan struct{})
		started := make(chan struct{})
		go func() {
			defer close(ended)
			first := true
			for range s.Driver.Watch(ctx) {
				if first {
					close(started)
				}
				first = false
			}
		}()
		<-started
		cancel()
		select {
		case <-ended:
		case <-time.After(5 * time.Second):
			require.FailNow(t, "the watch outlives its context")
		}
	}
}

func (s suite) wait(t *testing.T) {
	found := make(chan reader.Reader, 1)
	go func() {
		r, err := reader.Wait(s.ctx, s.Driver, s.Reader, nil)
		assert.NoError(t, err)
		found <- r
	}()
	s.Insert(t, s.card(t, simulator.Contact))
	assert.Equal(t, s.Reader, (<-found).Name)
}

func (s suite) waitEnds(t *testing.T) {
	ctx, cancel := context.WithTimeout(s.ctx, 2*time.Second)
	defer cancel()
	_, err := reader.Wait(ctx, s.Driver, s.Reader, nil)
	assert.ErrorIs(t, err, reader.ErrNoCard, "a deadline keeps the last error")

	ctx, cancel = context.WithCancel(s.ctx)
	time.AfterFunc(20*time.Millisecond, cancel)
	_, err = reader.Wait(ctx, s.Driver, s.Reader, nil)
	assert.ErrorIs(t, err, context.Canceled)
}

func (s suite) waitGone(t *testing.T) {
	s.Insert(t, s.card(t, simulator.Contact))
	found, err := reader.Wait(s.ctx, s.Driver, s.Reader, nil)
	require.NoError(t, err)

	stays := func() {
		t.Helper()
		ctx, cancel := context.WithTimeout(s.ctx, 50*time.Millisecond)
		defer cancel()
		require.ErrorIs(t, reader.WaitGone(ctx, s.Driver, found), context.DeadlineExceeded, "the card stays")
	}
	stays()
	gone := make(chan error, 1)
	go func() { gone <- reader.WaitGone(s.ctx, s.Driver, found) }()
	s.Remove(t)
	require.NoError(t, <-gone)
	assert.False(t, s.current(t).Present)
	require.NoError(t, reader.WaitGone(s.ctx, s.Driver, found), "the card was gone before the call")

	s.insertAndAwait(t, simulator.Contact)
	if found.Changes == 0 {
		return // the driver does not count changes
	}
	require.NoError(t, reader.WaitGone(s.ctx, s.Driver, found), "another card replaced it before the call")
	found = s.current(t)
	stays()
}
