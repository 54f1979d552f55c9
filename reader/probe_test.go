package reader_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/apdu"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/reader"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// once is a fault at the first command.
func once(do simulator.Action) simulator.Fault {
	return simulator.Fault{On: simulator.Transmit, Nth: 1, Do: do}
}

// A probe that is given up in the middle keeps the card's power too.
// Faults: F71.
func TestAbandonedProbesKeepThePower(t *testing.T) {
	for name, limit := range map[string]time.Duration{"by its own limit": time.Hour, "by its caller": time.Second} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := simulator.New()
				slot := put(t, d, "Other", simulator.NotMyNumber)
				put(t, d, "Mine", simulator.Contact)
				session, err := d.Connect(t.Context(), "Other")
				require.NoError(t, err)
				defer session.Close()
				slot.Fail(once(func(ctx context.Context, _ *simulator.Reader, next func() ([]byte, error)) ([]byte, error) {
					_, _ = next() // the card has it, and the answer does not come
					<-ctx.Done()
					return nil, ctx.Err()
				}))
				ctx, cancel := context.WithTimeout(t.Context(), limit)
				defer cancel()
				_, _ = reader.Find(ctx, d, "", jpki.Present)
				synctest.Wait()
				_, err = session.Transmit(t.Context(), []byte{0x00, 0xA4, 0x00, 0x00})
				require.NoError(t, err)
			})
		})
	}
}

// Where no card is accepted the error says so, and why cards could not be probed.
// Faults: F71.
func TestNoMatchKeepsTheCauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := simulator.New()
		put(t, d, "Other", simulator.NotMyNumber)
		put(t, d, "Busy", simulator.Contact).Fail(simulator.Fault{On: simulator.Connect, Do: simulator.FailBefore(reader.ErrBusy)})
		put(t, d, "Hangs", simulator.Contact).Fail(once(simulator.Hang()))
		_, err := reader.Find(t.Context(), d, "", jpki.Present)
		require.ErrorIs(t, err, reader.ErrNoMatch)
		require.ErrorIs(t, err, reader.ErrBusy)
		require.NotErrorIs(t, err, context.DeadlineExceeded, "nobody's deadline but the probe's")
		var none *reader.NoMatchError
		require.ErrorAs(t, err, &none)
		assert.Equal(t, []string{"Other"}, none.Rejected)
		assert.Len(t, none.Causes, 2)
		for _, name := range []string{"Other", "Busy", "Hangs"} {
			assert.ErrorContains(t, err, name)
		}
	})
}

// A service that stops while a card is probed is no card of another kind.
// Faults: F71.
func TestTheServiceStopsDuringAProbe(t *testing.T) {
	d := simulator.New()
	put(t, d, "Other", simulator.NotMyNumber)
	put(t, d, "Mine", simulator.Contact).Fail(simulator.Fault{On: simulator.Connect, Do: simulator.StopService()})
	_, err := reader.Find(t.Context(), d, "", jpki.Present)
	require.ErrorIs(t, err, reader.ErrNoService)
	require.NotErrorIs(t, err, reader.ErrNoMatch)
}

// A card that another program reset during its probe is probed once more.
// Faults: F71.
func TestACardThatIsResetDuringItsProbe(t *testing.T) {
	d := simulator.New()
	put(t, d, "Other", simulator.NotMyNumber)
	put(t, d, "Mine", simulator.Contact).Fail(once(simulator.ResetCard()))
	found, err := reader.Find(t.Context(), d, "", jpki.Present)
	require.NoError(t, err)
	assert.Equal(t, "Mine", found.Name)
}

// Only the answers of other cards reject a card.
// Faults: F71.
func TestAnAnswerThatSaysNothing(t *testing.T) {
	d := simulator.New()
	put(t, d, "Other", simulator.NotMyNumber)
	put(t, d, "Mine", simulator.Contact).Fail(simulator.Fault{On: simulator.Transmit, Do: simulator.AnswerStatus(apdu.StatusNoDiagnosis)})
	_, err := reader.Find(t.Context(), d, "", jpki.Present)
	require.ErrorIs(t, err, reader.ErrNoMatch)
	require.ErrorIs(t, err, apdu.StatusNoDiagnosis)
}

// A card that can't be probed is probed again from time to time, and not whenever
// something happens.
// Faults: F71.
func TestWaitProbesAtItsPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := simulator.New()
		slot := put(t, d, "Mute", simulator.Contact)
		tried := 0
		slot.Fail(simulator.Fault{On: simulator.Connect, Do: func(context.Context, *simulator.Reader, func() ([]byte, error)) ([]byte, error) {
			tried++
			return nil, reader.ErrTransport
		}})
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		go func() {
			for range 900 {
				d.RemoveReader(d.AddReader("Comes and goes"))
				time.Sleep(10 * time.Millisecond)
			}
		}()
		_, err := reader.Wait(ctx, d, "", jpki.Present)
		require.ErrorIs(t, err, reader.ErrTransport)
		assert.LessOrEqual(t, tried, 12, "at the first look, when the watch tells of it, and once a second")
		assert.GreaterOrEqual(t, tried, 5)
		time.Sleep(time.Second)
	})
}

// A deadline that comes during a probe tells of that card.
// Faults: F71.
func TestADeadlineDuringAProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := simulator.New()
		put(t, d, "Hangs", simulator.NotMyNumber).Fail(simulator.Fault{On: simulator.Transmit, Do: simulator.Hang()})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := reader.Wait(ctx, d, "", jpki.Present)
		require.ErrorIs(t, err, reader.ErrNoMatch)
		_, err = reader.Find(ctx, d, "", jpki.Present)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		ctx, cancel = context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		_, err = reader.Wait(ctx, d, "", jpki.Present)
		require.Equal(t, context.Canceled, err)
	})
}

// A card that seems to be gone when it is probed, as cards do that were just put in,
// is found nevertheless, and is not reported as rejected.
// Faults: F17, F71.
func TestACardThatSeemsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := simulator.New()
		put(t, d, "Other", simulator.NotMyNumber)
		fault := simulator.Fault{On: simulator.Connect, Nth: 1, Do: simulator.FailBefore(reader.ErrNoCard)}
		slot := put(t, d, "Mine", simulator.Contact)
		slot.Fail(fault)
		_, err := reader.Find(t.Context(), d, "", jpki.Present)
		var none *reader.NoMatchError
		require.ErrorAs(t, err, &none)
		assert.Equal(t, []string{"Other"}, none.Rejected)
		slot.Heal()
		slot.Fail(fault)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		found, err := reader.Wait(ctx, d, "", jpki.Present)
		require.NoError(t, err)
		assert.Equal(t, "Mine", found.Name)
	})
}

// silent is a driver whose service does not answer.
type silent struct{ reader.Driver }

func (silent) Readers(ctx context.Context) ([]reader.Reader, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// A service that has not answered at a deadline is at fault, and no card is; a caller
// who gives up hears that.
//
// Faults: F73.
func TestAServiceThatDoesNotAnswer(t *testing.T) {
	for name, look := range map[string]func(context.Context, reader.Driver, string, reader.Probe) (reader.Reader, error){
		"Find": reader.Find, "Wait": reader.Wait,
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx, end := context.WithTimeout(t.Context(), time.Second)
			defer end()
			_, err := look(ctx, silent{simulator.New()}, "", jpki.Present)
			require.ErrorIs(t, err, reader.ErrNoService, name)
			require.ErrorIs(t, err, context.DeadlineExceeded, name)

			ctx, end = context.WithCancel(t.Context())
			time.AfterFunc(time.Second, end)
			_, err = look(ctx, silent{simulator.New()}, "", jpki.Present)
			require.ErrorIs(t, err, context.Canceled, name)
			require.NotErrorIs(t, err, reader.ErrNoService, name)
		})
	}
}
