package reader_test

import (
	"context"
	"iter"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/reader"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// desk is a driver with a reader that holds a card, and other readers.
type desk struct {
	*simulator.Driver
	slot, other *simulator.Reader
}

func newDesk(t *testing.T) desk {
	d := simulator.New()
	other := put(t, d, "Other", simulator.NotMyNumber)
	return desk{d, put(t, d, "Desk", simulator.Contact), other}
}

// exchange replaces the card with another one that has the same ATR.
func (d desk) exchange(t *testing.T) {
	d.slot.Remove()
	card, err := simulator.NewCard(simulator.Contact, simulator.WithInsecureSeed("another"))
	require.NoError(t, err)
	require.NoError(t, d.slot.Insert(card))
}

// uncounted is a driver that does not count changes, as on macOS.
type uncounted struct{ reader.Driver }

func (u uncounted) Readers(ctx context.Context) ([]reader.Reader, error) {
	readers, err := u.Driver.Readers(ctx)
	for i := range readers {
		readers[i].Changes = 0
	}
	return readers, err
}

// WaitGone returns when the card has left its reader, and not while it stays.
//
// Faults: F25.
func TestWaitGone(t *testing.T) {
	type steps []func(*testing.T, desk)
	var (
		remove   = func(_ *testing.T, d desk) { d.slot.Remove() }
		exchange = func(t *testing.T, d desk) { d.exchange(t) }
		reinsert = func(t *testing.T, d desk) { require.NoError(t, d.slot.Insert(d.slot.Remove())) }
		replace  = func(t *testing.T, d desk) {
			d.slot.Remove()
			card, err := simulator.NewCard(simulator.Android, simulator.WithInsecureSeed("phone"))
			require.NoError(t, err)
			require.NoError(t, d.slot.Insert(card))
		}
		unplug = func(_ *testing.T, d desk) { d.RemoveReader(d.slot) }
		replug = func(t *testing.T, d desk) {
			card := d.slot.Card()
			d.RemoveReader(d.slot)
			require.NoError(t, d.AddReader(d.slot.Name()).Insert(card))
		}
		stop    = func(_ *testing.T, d desk) { d.StopService() }
		start   = func(_ *testing.T, d desk) { d.StartService() }
		restart = func(_ *testing.T, d desk) { d.StopService(); d.StartService() }
		comes   = func(t *testing.T, d desk) { put(t, d.Driver, "Third", simulator.Contact) }
		leaves  = func(_ *testing.T, d desk) { d.other.Remove() }
	)
	for _, tt := range []struct {
		name   string
		before steps // while the card is used
		during steps // each after WaitGone has taken in the one before
		gone   bool
	}{
		{"the card stays", nil, nil, false},
		{"it is removed", nil, steps{remove}, true},
		{"it is exchanged", nil, steps{exchange}, true},
		{"it is removed and inserted again", nil, steps{reinsert}, true},
		{"the reader is unplugged", nil, steps{unplug}, true},
		{"the reader is unplugged and plugged in again with the card", nil, steps{replug}, true},
		{"other cards come and go", nil, steps{comes, leaves}, false},
		{"the service stops", nil, steps{stop}, false},
		{"the service restarts and the card stays", nil, steps{restart}, false},
		{"the service stops and starts and the card stays", nil, steps{stop, start}, false},
		{"the service restarts twice and the card stays", nil, steps{stop, start, restart}, false},
		{"the card is removed while the service is down", nil, steps{stop, remove, start}, true},
		{"the reader is unplugged while the service is down", nil, steps{stop, unplug, start}, true},
		{"another kind of card is inserted while the service is down", nil, steps{stop, replace, start}, true},
		{"the card is removed after a restart", nil, steps{restart, remove}, true},
		{"the card is exchanged after a restart", nil, steps{restart, exchange}, true},
		{"it was removed before", steps{remove}, nil, true},
		{"it was exchanged before", steps{exchange}, nil, true},
		{"the reader was unplugged before", steps{unplug}, nil, true},
		{"the service stopped before", steps{stop}, nil, false},
		{"the service stopped before, and starts with the card", steps{stop}, steps{start}, false},
		{"the service stopped before, and starts without the card", steps{stop}, steps{remove, start}, true},
		{"the service restarted before", steps{restart}, nil, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for name, driver := range map[string]func(desk) reader.Driver{
				"counting":     func(d desk) reader.Driver { return d },
				"not counting": func(d desk) reader.Driver { return uncounted{d} },
			} {
				if name == "not counting" && tt.name == "it was exchanged before" {
					continue // the driver can't tell these cards apart
				}
				synctest.Test(t, func(t *testing.T) {
					ctx, cancel := context.WithCancel(t.Context())
					defer cancel()
					d := newDesk(t)
					found, err := reader.Wait(ctx, driver(d), "desk", jpki.Present)
					require.NoError(t, err)
					for _, step := range tt.before {
						step(t, d)
					}
					ended := make(chan error, 1)
					go func() { ended <- reader.WaitGone(ctx, driver(d), found) }()
					for _, step := range tt.during {
						synctest.Wait()
						assert.Empty(t, ended, name)
						step(t, d)
					}
					synctest.Wait()
					if tt.gone {
						require.Len(t, ended, 1, name)
						require.NoError(t, <-ended, name)
						return
					}
					time.Sleep(time.Hour) // on the test's own clock
					require.Empty(t, ended, name)
					cancel()
					require.ErrorIs(t, <-ended, context.Canceled, name)
				})
			}
		})
	}
}

// The count of changes starts anew with the service, also when it restarts before the
// call.
func TestWaitGoneAfterTheCountStartedAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		d := newDesk(t)
		found, err := reader.Find(ctx, d, "desk", nil)
		require.NoError(t, err)
		found.Changes += 4
		require.ErrorIs(t, reader.WaitGone(ctx, d, found), context.DeadlineExceeded)
	})
}

// A reader's name alone stands for the card that is in the reader.
func TestWaitGoneByName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		d.exchange(t)
		ended := make(chan error, 1)
		go func() { ended <- reader.WaitGone(t.Context(), d, reader.Reader{Name: "Desk"}) }()
		synctest.Wait()
		assert.Empty(t, ended)
		d.slot.Remove()
		require.NoError(t, <-ended)
		require.NoError(t, reader.WaitGone(t.Context(), d, reader.Reader{Name: "Unknown"}))
	})
}

// passing is a driver that shows a card in an empty reader, once, and does not report it.
type passing struct {
	uncounted
	desk desk
	card *simulator.Card
}

func (p *passing) Readers(ctx context.Context) ([]reader.Reader, error) {
	if p.card != nil && p.desk.slot.Card() == nil {
		_ = p.desk.slot.Insert(p.card)
		defer p.desk.slot.Remove()
		p.card = nil
	}
	return p.uncounted.Readers(ctx)
}

// A card that comes and goes while WaitGone looks does not hide that the first one left.
func TestWaitGoneDespiteAPassingCard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		p := &passing{uncounted: uncounted{d}, desk: d}
		found, err := reader.Find(t.Context(), p, "desk", nil)
		require.NoError(t, err)
		ended := make(chan error, 1)
		go func() { ended <- reader.WaitGone(t.Context(), p, found) }()
		synctest.Wait()
		p.card = d.slot.Card()
		d.slot.Remove()
		require.NoError(t, <-ended)
	})
}

// unwatchable is a driver whose watch yields an error, or ends.
type unwatchable struct {
	reader.Driver
	err error
}

func (u unwatchable) Watch(context.Context) iter.Seq2[reader.Event, error] {
	return func(yield func(reader.Event, error) bool) {
		if u.err != nil {
			yield(reader.Event{}, u.err)
		}
	}
}

func TestWaitGoneFails(t *testing.T) {
	d := newDesk(t)
	found, err := reader.Find(t.Context(), d, "desk", nil)
	require.NoError(t, err)
	require.ErrorIs(t, reader.WaitGone(t.Context(), unwatchable{d, reader.ErrUnsupported}, found), reader.ErrUnsupported)
	require.ErrorIs(t, reader.WaitGone(t.Context(), unwatchable{d, nil}, found), reader.ErrNoService)

	ended, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, reader.WaitGone(ended, d, found), context.Canceled)
	d.slot.Remove()
	require.ErrorIs(t, reader.WaitGone(ended, d, found), context.Canceled)

	expired, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	require.ErrorIs(t, reader.WaitGone(expired, silent{d}, found), context.DeadlineExceeded)
}
