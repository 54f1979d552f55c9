// Package readertest checks that a reader.Driver does what package reader
// promises. The same suite runs on the simulator in process and, through the
// PC/SC service and a virtual reader, on package pcsc; write a [Fixture] to run
// it on a driver of your own.
//
// The suite waits for events and never for time to pass; each wait has a
// limit of 20 seconds. Its cards are the simulator's.
package readertest

import (
	"context"
	"crypto/sha256"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/reader"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// Fixture is a driver with one reader that the suite fills and empties.
type Fixture struct {
	Driver reader.Driver
	Reader string // its name
	// Insert puts the card in and Remove takes it out. Neither has to wait
	// until the driver sees it.
	Insert func(t *testing.T, card *simulator.Card)
	Remove func(t *testing.T)
}

const limit = 20 * time.Second

var (
	selectJPKI = []byte{0x00, 0xA4, 0x04, 0x0C, 0x0A, 0xD3, 0x92, 0xF0, 0x00, 0x26, 0x01, 0x00, 0x00, 0x00, 0x01}
	verifyPIN  = []byte{0x00, 0x20, 0x00, 0x98, 0x04, '1', '2', '3', '4'}
	askCounter = []byte{0x00, 0x20, 0x00, 0x98}
	readBlock  = []byte{0x00, 0xB0, 0x8A, 0x00, 0x00}
	done       = []byte{0x90, 0x00}

	selectOther = []byte{0x00, 0xA4, 0x04, 0x0C, 0x05, 0xF0, 0x00, 0x00, 0x00, 0x01}
	notFound    = []byte{0x6A, 0x82}
)

func signCommand() []byte {
	hash := sha256.Sum256(nil)
	command := append([]byte{0x80, 0x2A, 0x00, 0x97, byte(len(hash))}, hash[:]...)
	return append(command, 0x00)
}

// Run runs the suite. setup is called once for each part and returns an empty
// reader.
func Run(t *testing.T, setup func(t *testing.T) Fixture) {
	for _, part := range []struct {
		name string
		test func(suite, *testing.T)
	}{
		{"an empty reader", suite.empty},
		{"a reader that is not there", suite.unknown},
		{"a card inserted and removed", suite.events},
		{"watchers end with their context", suite.watchEnds},
		{"waiting for a card", suite.wait},
		{"waiting ends with its context", suite.waitEnds},
		{"waiting until a card is gone", suite.waitGone},
		{"commands", suite.exchange},
		{"commands that are none", suite.malformed},
		{"a card pulled out", suite.removed},
		{"closing makes the card forget the PIN", suite.forgets},
		{"closing ends the sessions of others", suite.othersEnd},
		{"transactions", suite.transactions},
		{"transactions hold up others, until their contexts end", suite.othersWait},
		{"transactions nest", suite.nested},
		{"a transaction ends when its session is closed", suite.transactionClosed},
		{"a session closed beside another's transaction", suite.closedBeside},
		{"a session that sent nothing", suite.leftAlone},
		{"a session that keeps the card's power", suite.keptPower},
		{"an ended context", suite.ended},
		{"a closed session", suite.closed},
	} {
		t.Run(part.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(context.Background(), limit)
			defer cancel()
			part.test(suite{Fixture: setup(t), ctx: ctx}, t)
		})
	}
}

// AwaitEmpty waits until the driver sees the fixture's reader, and no card in
// it.
func AwaitEmpty(t *testing.T, f Fixture) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	empty := func() bool {
		_, err := reader.Find(ctx, f.Driver, f.Reader, nil)
		return errors.Is(err, reader.ErrNoCard)
	}
	if empty() {
		return
	}
	for _, err := range f.Driver.Watch(ctx) {
		require.NoError(t, err)
		if empty() {
			return
		}
	}
	require.FailNow(t, "the reader does not become empty")
}

type suite struct {
	Fixture
	ctx context.Context
}

// card makes a card whose keys other parts of the suite have made already.
func (s suite) card(t *testing.T, p simulator.Profile) *simulator.Card {
	t.Helper()
	card, err := simulator.NewCard(p, simulator.WithInsecureSeed("readertest"))
	require.NoError(t, err)
	return card
}

// await waits until the driver reports kind for the reader.
func (s suite) await(t *testing.T, kind reader.EventKind) reader.Event {
	t.Helper()
	for event, err := range s.Driver.Watch(s.ctx) {
		require.NoError(t, err)
		if event.Kind == kind && event.Reader == s.Reader {
			return event
		}
	}
	require.FailNow(t, "no event", "waited for %s", kind)
	return reader.Event{}
}

// inserted puts a card in and waits until the driver sees it.
func (s suite) inserted(t *testing.T, p simulator.Profile) *simulator.Card {
	t.Helper()
	card := s.card(t, p)
	s.Insert(t, card)
	s.await(t, reader.CardInserted)
	return card
}

func (s suite) connect(t *testing.T) reader.Card {
	t.Helper()
	card, err := s.Driver.Connect(s.ctx, s.Reader)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, card.Close()) })
	return card
}

func (s suite) send(t *testing.T, card reader.Card, command, want []byte) {
	t.Helper()
	got, err := card.Transmit(s.ctx, command)
	require.NoError(t, err)
	require.Equal(t, want, got)
}

func (s suite) describe(t *testing.T) reader.Reader {
	t.Helper()
	list, err := s.Driver.Readers(s.ctx)
	require.NoError(t, err)
	for _, r := range list {
		if r.Name == s.Reader {
			return r
		}
	}
	require.FailNow(t, "reader not listed")
	return reader.Reader{}
}

func (s suite) empty(t *testing.T) {
	assert.False(t, s.describe(t).Present)
	_, err := s.Driver.Connect(s.ctx, s.Reader)
	assert.ErrorIs(t, err, reader.ErrNoCard)
	_, err = reader.Find(s.ctx, s.Driver, s.Reader, nil)
	assert.ErrorIs(t, err, reader.ErrNoCard)
}

func (s suite) unknown(t *testing.T) {
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

	assert.Equal(t, reader.ReaderAdded, next().Kind, "what is there comes first")
	for range 2 {
		card := s.card(t, simulator.ContactExtended)
		s.Insert(t, card)
		event := next()
		assert.Equal(t, reader.CardInserted, event.Kind)
		assert.Equal(t, card.ATR(), event.ATR)
		assert.Equal(t, card.ATR(), s.describe(t).ATR)
		assert.True(t, s.describe(t).Present)
		s.Remove(t)
		assert.Equal(t, reader.CardRemoved, next().Kind)
		assert.False(t, s.describe(t).Present)
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
			require.FailNow(t, "watcher outlives its context")
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
	assert.ErrorIs(t, err, reader.ErrNoCard, "a deadline tells what was missing")

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
	assert.False(t, s.describe(t).Present)
	require.NoError(t, reader.WaitGone(s.ctx, s.Driver, found), "it was gone before")

	s.inserted(t, simulator.Contact)
	if found.Changes == 0 {
		return // the driver does not count
	}
	require.NoError(t, reader.WaitGone(s.ctx, s.Driver, found), "another card is in its place")
	found = s.describe(t)
	stays()
}

func (s suite) exchange(t *testing.T) {
	inserted := s.inserted(t, simulator.ContactExtended)
	card := s.connect(t)
	assert.Equal(t, inserted.ATR(), card.ATR())
	s.send(t, card, selectJPKI, done)
	s.send(t, card, askCounter, []byte{0x63, 0xC3})

	block, err := card.Transmit(s.ctx, readBlock)
	require.NoError(t, err)
	assert.Len(t, block, 258)
	whole, err := card.Transmit(s.ctx, []byte{0x00, 0xB0, 0x8A, 0x00, 0x00, 0x00, 0x00})
	require.NoError(t, err)
	assert.Greater(t, len(whole), 1500, "extended lengths pass through")
	assert.Equal(t, block[:256], whole[:256])
}

func (s suite) malformed(t *testing.T) {
	s.inserted(t, simulator.Contact)
	card := s.connect(t)
	for _, command := range [][]byte{nil, {}, {0x00}, {0x00, 0xA4, 0x04}} {
		_, err := card.Transmit(s.ctx, command)
		assert.Error(t, err, "%X", command)
	}
	s.send(t, card, selectJPKI, done)
}

func (s suite) removed(t *testing.T) {
	s.inserted(t, simulator.Contact)
	card := s.connect(t)
	require.NoError(t, card.Begin(s.ctx))
	s.send(t, card, selectJPKI, done)
	s.Remove(t)
	AwaitEmpty(t, s.Fixture)

	_, err := card.Transmit(s.ctx, askCounter)
	assert.ErrorIs(t, err, reader.ErrRemoved)
	assert.NoError(t, card.End())

	s.inserted(t, simulator.Contact)
	_, err = card.Transmit(s.ctx, askCounter)
	assert.ErrorIs(t, err, reader.ErrRemoved, "a session does not go on with another card")
	assert.ErrorIs(t, card.Begin(s.ctx), reader.ErrRemoved)
	assert.NoError(t, card.Close())

	s.send(t, s.connect(t), selectJPKI, done)
}

func (s suite) forgets(t *testing.T) {
	inserted := s.inserted(t, simulator.Contact)
	card := s.connect(t)
	s.send(t, card, selectJPKI, done)
	s.send(t, card, verifyPIN, done)
	require.True(t, inserted.State().AuthVerified)
	require.NoError(t, card.Close())

	second := s.connect(t)
	s.send(t, second, selectJPKI, done)
	s.send(t, second, signCommand(), []byte{0x69, 0x82})
	assert.False(t, inserted.State().AuthVerified)
}

func (s suite) othersEnd(t *testing.T) {
	s.inserted(t, simulator.Contact)
	first, second := s.connect(t), s.connect(t)
	s.send(t, first, selectJPKI, done)
	s.send(t, second, askCounter, []byte{0x63, 0xC3}) // one card, one state
	require.NoError(t, first.Close())
	_, err := second.Transmit(s.ctx, askCounter)
	assert.ErrorIs(t, err, reader.ErrChanged)
}

func (s suite) transactions(t *testing.T) {
	s.inserted(t, simulator.Contact)
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
	s.send(t, first, askCounter, []byte{0x63, 0xC3})
}

// othersWait: whatever another program wants of a card in a transaction, it
// waits no longer than its context.
func (s suite) othersWait(t *testing.T) {
	s.inserted(t, simulator.Contact)
	holder, begins, transmits := s.connect(t), s.connect(t), s.connect(t)
	require.NoError(t, holder.Begin(s.ctx))
	t.Cleanup(func() { require.NoError(t, holder.End()) })

	for name, call := range map[string]func(context.Context) error{ // each of its own session
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

// closedBeside: closing a connection leaves another's transaction alone.
func (s suite) closedBeside(t *testing.T) {
	inserted := s.inserted(t, simulator.Contact)
	holder := s.connect(t)
	unused, used := s.connect(t), s.connect(t)
	s.send(t, used, selectJPKI, done)
	require.NoError(t, holder.Begin(s.ctx))
	s.send(t, holder, selectJPKI, done)
	s.send(t, holder, verifyPIN, done)
	if err := unused.Close(); err != nil {
		assert.ErrorIs(t, err, reader.ErrBusy)
	}
	assert.ErrorIs(t, used.Close(), reader.ErrBusy, "the power is cut later")
	s.send(t, holder, askCounter, []byte{0x63, 0xC3})
	assert.True(t, inserted.State().AuthVerified)

	require.NoError(t, holder.End())
	require.Eventually(t, func() bool { return !inserted.State().AuthVerified }, limit, time.Millisecond)
	_, err := holder.Transmit(s.ctx, askCounter)
	assert.ErrorIs(t, err, reader.ErrChanged)
}

// leftAlone: a connection over which nothing was sent changes nothing.
func (s suite) leftAlone(t *testing.T) {
	inserted := s.inserted(t, simulator.Contact)
	working, idle := s.connect(t), s.connect(t)
	s.send(t, working, selectJPKI, done)
	s.send(t, working, verifyPIN, done)
	require.NoError(t, idle.Close())
	s.send(t, working, askCounter, []byte{0x63, 0xC3})
	assert.True(t, inserted.State().AuthVerified)
}

// nested: the last End ends a transaction, and an End too many does nothing.
func (s suite) nested(t *testing.T) {
	s.inserted(t, simulator.Contact)
	first, second := s.connect(t), s.connect(t)
	require.NoError(t, first.End())
	ended, cancel := context.WithCancel(s.ctx)
	cancel()
	require.NoError(t, first.Begin(s.ctx))
	require.ErrorIs(t, first.Begin(ended), context.Canceled, "which has begun nothing")
	require.NoError(t, first.Begin(s.ctx))
	require.NoError(t, first.End())
	begun := make(chan error)
	go func() { begun <- second.Begin(s.ctx) }()
	s.send(t, first, selectJPKI, done)
	select {
	case err := <-begun:
		t.Fatal("began inside another's transaction", err)
	case <-time.After(20 * time.Millisecond):
	}
	require.NoError(t, first.End())
	require.NoError(t, <-begun)
	require.NoError(t, first.End())
	s.send(t, second, selectJPKI, done)
	require.NoError(t, second.End())
}

// keptPower: a probe leaves alone what other programs do with the card, however
// its connection ends, and a connection over which a secret was sent does not.
func (s suite) keptPower(t *testing.T) {
	inserted := s.inserted(t, simulator.Contact)
	probing := func() reader.Card {
		card := reader.Trace(s.connect(t), func(reader.Exchange) {})
		card.(reader.PowerKeeper).KeepPower()
		return card
	}
	working := s.connect(t)
	if _, able := working.(reader.PowerKeeper); !able {
		t.Skip("this driver's connections do not keep the power")
	}
	s.send(t, working, selectJPKI, done)
	s.send(t, working, verifyPIN, done)
	undisturbed := func() {
		t.Helper()
		s.send(t, working, askCounter, []byte{0x63, 0xC3})
		assert.True(t, inserted.State().AuthVerified)
	}

	closed := probing()
	s.send(t, closed, selectOther, notFound)
	require.NoError(t, closed.Close())
	undisturbed()

	inTransaction := probing()
	require.NoError(t, inTransaction.Begin(s.ctx))
	s.send(t, inTransaction, selectOther, notFound)
	require.NoError(t, inTransaction.Close())
	undisturbed()

	abandoned := probing()
	s.send(t, abandoned, selectOther, notFound)
	require.NoError(t, working.Begin(s.ctx))
	ctx, cancel := context.WithTimeout(s.ctx, 50*time.Millisecond)
	defer cancel()
	_, err := abandoned.Transmit(ctx, selectOther)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.NoError(t, working.End())
	undisturbed()
	require.NoError(t, abandoned.Close())
	undisturbed()

	secret := probing()
	s.send(t, secret, verifyPIN, done)
	require.NoError(t, secret.Close())
	_, err = working.Transmit(s.ctx, askCounter)
	require.ErrorIs(t, err, reader.ErrChanged)
	assert.False(t, inserted.State().AuthVerified)
}

func (s suite) transactionClosed(t *testing.T) {
	s.inserted(t, simulator.Contact)
	first := s.connect(t)
	require.NoError(t, first.Begin(s.ctx))
	require.NoError(t, first.Close())
	second := s.connect(t)
	require.NoError(t, second.Begin(s.ctx))
	require.NoError(t, second.End())
}

func (s suite) ended(t *testing.T) {
	s.inserted(t, simulator.Contact)
	ctx, cancel := context.WithCancel(s.ctx)
	cancel()
	_, err := s.Driver.Connect(ctx, s.Reader)
	assert.ErrorIs(t, err, context.Canceled)
	_, err = s.Driver.Readers(ctx)
	assert.ErrorIs(t, err, context.Canceled)

	card := s.connect(t)
	_, err = card.Transmit(ctx, selectJPKI)
	assert.ErrorIs(t, err, context.Canceled)
	assert.ErrorIs(t, card.Begin(ctx), context.Canceled)
	s.send(t, card, selectJPKI, done)
}

func (s suite) closed(t *testing.T) {
	s.inserted(t, simulator.Contact)
	card := s.connect(t)
	require.NoError(t, card.Close())
	require.NoError(t, card.Close())
	_, err := card.Transmit(s.ctx, selectJPKI)
	assert.ErrorIs(t, err, reader.ErrClosed)
	assert.ErrorIs(t, card.Begin(s.ctx), reader.ErrClosed)
	assert.NoError(t, card.End())
}
