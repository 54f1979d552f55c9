// Package readertest is a conformance suite for implementations of reader.Driver.
//
// The suite runs on package simulator in process and on package pcsc through the PC/SC service and
// a virtual reader. To run it on another driver, write a [Fixture] that puts simulated cards into
// one of its readers.
//
// The suite waits for events, at most 20 seconds in each subtest. [AwaitEmpty] waits at most 20
// seconds.
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

// Fixture is a driver with a reader into which the suite inserts cards.
type Fixture struct {
	Driver reader.Driver
	Reader string // the name of the reader
	// Insert inserts a card and Remove removes it. They may return before the driver
	// reports the change.
	Insert func(t *testing.T, card *simulator.Card)
	Remove func(t *testing.T)
}

const limit = 20 * time.Second

var (
	selectJPKI  = []byte{0x00, 0xA4, 0x04, 0x0C, 0x0A, 0xD3, 0x92, 0xF0, 0x00, 0x26, 0x01, 0x00, 0x00, 0x00, 0x01}
	verifyPIN   = []byte{0x00, 0x20, 0x00, 0x98, 0x04, '1', '2', '3', '4'}
	readCounter = []byte{0x00, 0x20, 0x00, 0x98}
	readBlock   = []byte{0x00, 0xB0, 0x8A, 0x00, 0x00}
	done        = []byte{0x90, 0x00}

	selectOther = []byte{0x00, 0xA4, 0x04, 0x0C, 0x05, 0xF0, 0x00, 0x00, 0x00, 0x01}
	notFound    = []byte{0x6A, 0x82}
)

func signCommand() []byte {
	hash := sha256.Sum256(nil)
	command := append([]byte{0x80, 0x2A, 0x00, 0x97, byte(len(hash))}, hash[:]...)
	return append(command, 0x00)
}

// Run runs the suite as subtests of t. It calls setup for each of them; the reader of
// the returned Fixture must be empty.
func Run(t *testing.T, setup func(t *testing.T) Fixture) {
	for _, tt := range []struct {
		name string
		test func(suite, *testing.T)
	}{
		{"empty reader", suite.emptyReader},
		{"unknown reader", suite.unknownReader},
		{"events of a card", suite.events},
		{"a watch ends with its context", suite.watchEnds},
		{"wait for a card", suite.wait},
		{"a wait ends with its context", suite.waitEnds},
		{"wait until a card is gone", suite.waitGone},
		{"commands", suite.commands},
		{"malformed commands", suite.malformedCommands},
		{"a card is removed", suite.removal},
		{"closing logs the card out", suite.closeLogsOut},
		{"closing ends other connections", suite.closeEndsOthers},
		{"transactions", suite.transactions},
		{"calls blocked by a transaction end with their context", suite.blockedCalls},
		{"nested transactions", suite.nestedTransactions},
		{"closing ends the transaction", suite.closeEndsTransaction},
		{"closing during another connection's transaction", suite.closeDuringTransaction},
		{"closing an unused connection", suite.unusedConnection},
		{"closing leaves the card powered after KeepPower", suite.keepPower},
		{"ended context", suite.endedContext},
		{"closed connection", suite.closedConnection},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(context.Background(), limit)
			defer cancel()
			tt.test(suite{Fixture: setup(t), ctx: ctx}, t)
		})
	}
}

// AwaitEmpty blocks until the driver lists the fixture's reader and reports no card in
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
	require.FailNow(t, "the reader did not become empty")
}

type suite struct {
	Fixture
	ctx context.Context
}

// card returns a new card. All cards of the suite have the same keys, which are
// generated only once.
func (s suite) card(t *testing.T, p simulator.Profile) *simulator.Card {
	t.Helper()
	card, err := simulator.NewCard(p, simulator.WithInsecureSeed("readertest"))
	require.NoError(t, err)
	return card
}

// await blocks until the driver reports an event of this kind for the reader.
func (s suite) await(t *testing.T, kind reader.EventKind) reader.Event {
	t.Helper()
	for event, err := range s.Driver.Watch(s.ctx) {
		require.NoError(t, err)
		if event.Kind == kind && event.Reader == s.Reader {
			return event
		}
	}
	require.FailNow(t, "no event", "expected %s", kind)
	return reader.Event{}
}

// insertAndAwait inserts a card and blocks until the driver reports it.
func (s suite) insertAndAwait(t *testing.T, p simulator.Profile) *simulator.Card {
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

func (s suite) current(t *testing.T) reader.Reader {
	t.Helper()
	list, err := s.Driver.Readers(s.ctx)
	require.NoError(t, err)
	for _, r := range list {
		if r.Name == s.Reader {
			return r
		}
	}
	require.FailNow(t, "the reader is not listed")
	return reader.Reader{}
}
