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

// once returns a fault at the first command.
func once(do simulator.Action) simulator.Fault {
	return simulator.Fault{On: simulator.Transmit, Nth: 1, Do: do}
}

// A probe that is abandoned halfway leaves the card powered too.
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
				slot.AddFault(once(func(ctx context.Context, _ *simulator.Reader, next func() ([]byte, error)) ([]byte, error) {
					_, _ = next() // the card gets the command, and the response is lost
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

// If no card is accepted, the error names the rejected cards and the failed probes.
// Faults: F71.
func TestNoMatchErrorKeepsTheCauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := simulator.New()
		put(t, d, "Other", simulator.NotMyNumber)
		put(t, d, "Busy", simulator.Contact).AddFault(simulator.Fault{On: simulator.Connect, Do: simulator.FailBefore(reader.ErrBusy)})
		put(t, d, "Hangs", simulator.Contact).AddFault(once(simulator.Hang()))
		_, err := reader.Find(t.Context(), d, "", jpki.Present)
		require.ErrorIs(t, err, reader.ErrNoMatch)
		require.ErrorIs(t, err, reader.ErrBusy)
		require.NotErrorIs(t, err, context.DeadlineExceeded, "only the probe's own time limit has passed")
		var noMatch *reader.NoMatchError
		require.ErrorAs(t, err, &noMatch)
		assert.Equal(t, []string{"Other"}, noMatch.Rejected)
		assert.Len(t, noMatch.Causes, 2)
		for _, name := range []string{"Other", "Busy", "Hangs"} {
			assert.ErrorContains(t, err, name)
		}
	})
}

// If the service stops during a probe, the card does not count as rejected.
// Faults: F71.
func TestServiceStopsDuringAProbe(t *testing.T) {
	d := simulator.New()
	put(t, d, "Other", simulator.NotMyNumber)
	put(t, d, "Mine", simulator.Contact).AddFault(simulator.Fault{On: simulator.Connect, Do: simulator.StopService()})
	_, err := reader.Find(t.Context(), d, "", jpki.Present)
	require.ErrorIs(t, err, reader.ErrNoService)
	require.NotErrorIs(t, err, reader.ErrNoMatch)
}

// If another program resets a card during its probe, the card is probed once more.
// Faults: F71.
func TestResetCardIsProbedAgain(t *testing.T) {
	d := simulator.New()
	put(t, d, "Other", simulator.NotMyNumber)
	put(t, d, "Mine", simulator.Contact).AddFault(once(simulator.ResetCard()))
	found, err := reader.Find(t.Context(), d, "", jpki.Present)
	require.NoError(t, err)
	assert.Equal(t, "Mine", found.Name)
}

// A card is rejected only by the response that cards of other kinds give.
// Faults: F71.
func TestUnclearResponseDoesNotRejectACard(t *testing.T) {
	d := simulator.New()
	put(t, d, "Other", simulator.NotMyNumber)
	put(t, d, "Mine", simulator.Contact).AddFault(simulator.Fault{On: simulator.Transmit, Do: simulator.AnswerStatus(apdu.StatusNoDiagnosis)})
	_, err := reader.Find(t.Context(), d, "", jpki.Present)
	require.ErrorIs(t, err, reader.ErrNoMatch)
	require.ErrorIs(t, err, apdu.StatusNoDiagnosis)
}

// Wait probes a card again at fixed intervals after its probe failed, and not at each
// event.
// Faults: F71.
func TestWaitLimitsItsProbes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := simulator.New()
		slot := put(t, d, "Mute", simulator.Contact)
		connects := 0
		slot.AddFault(simulator.Fault{On: simulator.Connect, Do: func(context.Context, *simulator.Reader, func() ([]byte, error)) ([]byte, error) {
			connects++
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
		assert.LessOrEqual(t, connects, 12, "at first, when the watch reports it, and once a second")
		assert.GreaterOrEqual(t, connects, 5)
		time.Sleep(time.Second)
	})
}

// If ctx's deadline passes during a probe, Wait reports that card.
// Faults: F71.
func TestDeadlineDuringAProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := simulator.New()
		put(t, d, "Hangs", simulator.NotMyNumber).AddFault(simulator.Fault{On: simulator.Transmit, Do: simulator.Hang()})
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

// A card that was just inserted may not be ready when it is probed. It is found
// nevertheless, and it is not reported as rejected.
// Faults: F17, F71.
func TestCardThatIsNotReadyYet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := simulator.New()
		put(t, d, "Other", simulator.NotMyNumber)
		fault := simulator.Fault{On: simulator.Connect, Nth: 1, Do: simulator.FailBefore(reader.ErrNoCard)}
		slot := put(t, d, "Mine", simulator.Contact)
		slot.AddFault(fault)
		_, err := reader.Find(t.Context(), d, "", jpki.Present)
		var noMatch *reader.NoMatchError
		require.ErrorAs(t, err, &noMatch)
		assert.Equal(t, []string{"Other"}, noMatch.Rejected)
		slot.ClearFaults()
		slot.AddFault(fault)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		found, err := reader.Wait(ctx, d, "", jpki.Present)
		require.NoError(t, err)
		assert.Equal(t, "Mine", found.Name)
	})
}

// silent is a driver whose service does not respond.
type silent struct{ reader.Driver }

func (silent) Readers(ctx context.Context) ([]reader.Reader, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// If the service has not responded at ctx's deadline, the error is ErrNoService. If ctx
// is canceled, the error is context.Canceled.
//
// Faults: F73.
func TestUnresponsiveService(t *testing.T) {
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
