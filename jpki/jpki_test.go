package jpki_test

import (
	"context"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/apdu"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/reader"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

const seed = "jpki test"

// desk is a simulated reader with a card in it and a tap on the wire.
type desk struct {
	driver *simulator.Driver
	slot   *simulator.Reader
	card   *simulator.Card
	tap    *tap
}

func newDesk(t testing.TB, p simulator.Profile, options ...simulator.DriverOption) *desk {
	t.Helper()
	card, err := simulator.NewCard(p, simulator.WithInsecureSeed(seed))
	require.NoError(t, err)
	d := &desk{driver: simulator.New(options...), card: card}
	d.slot = d.driver.AddReader("Reader")
	require.NoError(t, d.slot.Insert(card))
	d.tap = &tap{Card: d.connect(t)}
	return d
}

func (d *desk) connect(t testing.TB) reader.Card {
	t.Helper()
	session, err := d.driver.Connect(context.Background(), "Reader")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, session.Close()) })
	return session
}

// tap sees and may change what passes between the code under test and a card.
type tap struct {
	reader.Card
	mu   sync.Mutex // for who looks while a session goes on
	sent []apdu.Command
	pins int // VERIFY commands with data

	// before may fail instead of sending the nth command (from 0); after may
	// change what came back.
	before func(n int, c apdu.Command) error
	after  func(n int, c apdu.Command, response []byte) ([]byte, error)
}

func (w *tap) Transmit(ctx context.Context, command []byte) ([]byte, error) {
	c, err := apdu.ParseCommand(append([]byte(nil), command...))
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	n := len(w.sent)
	w.sent = append(w.sent, c)
	if c.Secret() {
		w.pins++
	}
	w.mu.Unlock()
	if w.before != nil {
		if err := w.before(n, c); err != nil {
			return nil, err
		}
	}
	response, err := w.Card.Transmit(ctx, command)
	if err == nil && w.after != nil {
		return w.after(n, c, response)
	}
	return response, err
}

func pin(t testing.TB, digits string) jpki.PIN {
	t.Helper()
	p, err := jpki.ParsePIN([]byte(digits))
	require.NoError(t, err)
	return p
}

func isSign(c apdu.Command) bool  { return c.INS == apdu.InsPerformSecurityOperation }
func isRead(c apdu.Command) bool  { return c.INS == apdu.InsReadBinary }
func isQuery(c apdu.Command) bool { return c.INS == apdu.InsVerify && !c.Secret() }
