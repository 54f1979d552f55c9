package jpki_test

import (
	"context"
	"crypto"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/apdu"
	"github.com/mykeykit/mykeykit/internal/cardtest"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/jpki/credential"
	"github.com/mykeykit/mykeykit/reader"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// whileLoggingOut is a fault at each command that logs the card out.
func whileLoggingOut(do simulator.Action) simulator.Fault {
	return simulator.Fault{Command: func(command []byte) bool {
		c, err := apdu.ParseCommand(command)
		return err == nil && isLogOut(c)
	}, Do: do}
}

// What logs a card out besides the command for it: its removal, before the card has
// worked or afterwards.
func removals(t *testing.T) map[string]simulator.Action {
	other := cardtest.AnotherCard(t, simulator.Contact)
	return map[string]simulator.Action{
		"pulled":       simulator.PullCard(),
		"pulled after": simulator.After(simulator.PullCard()),
		"swapped":      simulator.SwapCard(other),
	}
}

// A card that is removed during the command that logs it out has lost its power and is
// logged out. The result is returned.
//
// Faults: F75.
func TestACardPulledWhileItIsLoggedOut(t *testing.T) {
	for name, removal := range removals(t) {
		t.Run(name+", Authenticate", func(t *testing.T) {
			d := cardtest.Open(t, simulator.Contact)
			d.Slot.AddFault(whileLoggingOut(removal))
			got, err := jpki.Authenticate(context.Background(), d.Connection, pin(t, simulator.PIN))
			require.NoError(t, err)
			assert.True(t, got.Certificate() != nil)
			assert.False(t, d.Card.State().AuthVerified)
		})
		t.Run(name+", a wrong PIN", func(t *testing.T) {
			d := cardtest.Open(t, simulator.Contact)
			d.Slot.AddFault(whileLoggingOut(removal))
			_, err := jpki.Authenticate(context.Background(), d.Connection, pin(t, "9999"))
			require.ErrorIs(t, err, credential.ErrWrong)
			require.NotErrorIs(t, err, jpki.ErrStillUnlocked)
		})
		t.Run(name+", Sign", func(t *testing.T) {
			h := cardtest.NewHolder(t, simulator.Contact)
			s := h.Signer(t)
			h.Slot.AddFault(whileLoggingOut(removal))
			signs256(t, s)
		})
		t.Run(name+", a card that is kept unlocked", func(t *testing.T) {
			h := cardtest.NewHolder(t, simulator.Contact)
			s := h.Signer(t, jpki.KeepUnlocked(time.Minute))
			signs256(t, s)
			h.Slot.AddFault(whileLoggingOut(removal))
			require.NoError(t, s.Close())
		})
	}
}

// unsure are the ways in which logging out fails that leave open whether the card is
// unlocked, each with its cause.
var unsure = map[string]struct {
	do    simulator.Action
	cause error
}{
	"reset by another program":      {simulator.ResetCard(), reader.ErrChanged},
	"service stopped":               {simulator.StopService(), reader.ErrNoService},
	"the transport fails":           {simulator.FailBefore(errNotTransacted), errNotTransacted},
	"the transport fails afterward": {simulator.FailAfter(errNotTransacted), errNotTransacted},
	"in use":                        {simulator.FailBefore(reader.ErrBusy), reader.ErrBusy},
	"abandoned":                     {simulator.FailBefore(reader.ErrClosed), reader.ErrClosed},
	"refused":                       {simulator.AnswerStatus(apdu.StatusFileNotFound), apdu.StatusFileNotFound},
	"no bytes":                      {simulator.Answer(nil), apdu.ErrShortResponse},
	"too many bytes":                {simulator.Answer([]byte{1, 0x90, 0x00}), apdu.ErrExcessResponse},
}

// Every other failure to log out is returned, joined to the error before it. Both causes
// can be matched.
//
// Faults: F75.
func TestACardThatMayStillBeUnlocked(t *testing.T) {
	badProof := simulator.Fault{INS: apdu.InsPerformSecurityOperation, Do: simulator.ChangeLength(-1)}
	for name, tt := range unsure {
		for first, fault := range map[string]struct {
			pin   string
			fault simulator.Fault
			err   error
		}{
			"after success":       {simulator.PIN, simulator.Fault{Nth: 1 << 30, Do: simulator.PullCard()}, nil},
			"after a wrong PIN":   {"9999", simulator.Fault{Nth: 1 << 30, Do: simulator.PullCard()}, credential.ErrWrong},
			"after a wrong proof": {simulator.PIN, badProof, jpki.ErrNoPossession},
		} {
			t.Run(name+", "+first, func(t *testing.T) {
				d := cardtest.Open(t, simulator.Contact)
				d.Slot.AddFault(fault.fault)
				d.Slot.AddFault(whileLoggingOut(tt.do))
				got, err := jpki.Authenticate(context.Background(), d.Connection, pin(t, fault.pin))
				assert.Nil(t, got)
				require.ErrorIs(t, err, jpki.ErrStillUnlocked)
				require.ErrorIs(t, err, tt.cause)
				if fault.err != nil {
					require.ErrorIs(t, err, fault.err)
				}
			})
		}
		t.Run(name+", by a caller's error", func(t *testing.T) {
			d := cardtest.Open(t, simulator.Contact)
			d.Slot.AddFault(whileLoggingOut(tt.do))
			err := jpki.Do(context.Background(), d.Connection, func(a *jpki.Application) error {
				require.NoError(t, a.VerifyAuthPIN(context.Background(), pin(t, simulator.PIN)))
				return errPlain
			})
			require.ErrorIs(t, err, errPlain)
			require.ErrorIs(t, err, jpki.ErrStillUnlocked)
			require.ErrorIs(t, err, tt.cause)
		})
	}
}

// A Signer returns that failure too: from the signature, from Close, or from the next call
// after a card was kept unlocked.
//
// Faults: F75.
func TestSignerReportsACardThatMayStillBeUnlocked(t *testing.T) {
	lost := whileLoggingOut(simulator.FailBefore(errNotTransacted))
	requireReported := func(t *testing.T, err error) {
		t.Helper()
		require.ErrorIs(t, err, jpki.ErrStillUnlocked)
		require.ErrorIs(t, err, errNotTransacted)
	}
	sign := func(s *jpki.Signer) error {
		_, err := s.Sign(nil, digestOf(crypto.SHA256), crypto.SHA256)
		return err
	}
	t.Run("of a signature", func(t *testing.T) {
		h := cardtest.NewHolder(t, simulator.Contact)
		s := h.Signer(t)
		h.Slot.AddFault(lost)
		requireReported(t, sign(s))
	})
	t.Run("of a wrong PIN", func(t *testing.T) {
		for _, idle := range []time.Duration{0, time.Minute} {
			h := cardtest.NewHolder(t, simulator.Contact)
			s := h.Signer(t, jpki.KeepUnlocked(idle))
			h.Types = "9999"
			h.Slot.AddFault(lost)
			err := sign(s)
			requireReported(t, err)
			require.ErrorIs(t, err, credential.ErrWrong)
		}
	})
	keeps(t, "when it is closed", func(t *testing.T, h *cardtest.Holder, s *jpki.Signer) {
		signs256(t, s)
		h.Slot.AddFault(lost)
		requireReported(t, s.Close())
		require.NoError(t, s.Close(), "once")
	})
	keeps(t, "when PSS is asked for", func(t *testing.T, h *cardtest.Holder, s *jpki.Signer) {
		signs256(t, s)
		h.Slot.AddFault(lost)
		_, err := s.PSS(context.Background())
		requireReported(t, err)
		has, err := s.PSS(context.Background())
		require.NoError(t, err)
		assert.True(t, has)
	})
	keeps(t, "of a signature that is none", func(t *testing.T, h *cardtest.Holder, s *jpki.Signer) {
		signs256(t, s)
		h.Slot.AddFault(lost)
		h.Slot.AddFault(simulator.Fault{INS: apdu.InsPerformSecurityOperation, Nth: 1, Do: simulator.ChangeLength(-1)})
		err := sign(s)
		requireReported(t, err)
		require.ErrorIs(t, err, jpki.ErrNoPossession)
		h.Slot.ClearFaults()
		signs256(t, s)
	})
	keeps(t, "of a signature that was given up", func(t *testing.T, h *cardtest.Holder, s *jpki.Signer) {
		signs256(t, s)
		h.Slot.AddFault(lost)
		h.Slot.AddFault(simulator.Fault{INS: apdu.InsPerformSecurityOperation, Nth: 1, Do: simulator.Hang()})
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_, err := s.SignContext(ctx, digestOf(crypto.SHA256), crypto.SHA256)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorIs(t, err, jpki.ErrStillUnlocked)
		h.Slot.ClearFaults()
		signs256(t, s)
	})
	keeps(t, "after idle has passed, with the next failure", func(t *testing.T, h *cardtest.Holder, s *jpki.Signer) {
		signs256(t, s)
		h.Slot.AddFault(lost)
		time.Sleep(time.Minute)
		synctest.Wait()
		h.Typing = func(context.Context) error { return errPlain }
		err := sign(s)
		requireReported(t, err)
		require.ErrorIs(t, err, errPlain)
		h.Slot.ClearFaults()
		h.Typing = nil
		signs256(t, s)
	})
	t.Run("at once, when its time has passed", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			h := cardtest.NewHolder(t, simulator.Contact, simulator.WithClock(time.Now))
			var reported []error
			s := h.Signer(t, jpki.KeepUnlocked(time.Minute), jpki.ReportStillUnlocked(func(err error) { reported = append(reported, err) }))
			signs256(t, s)
			time.Sleep(time.Minute)
			synctest.Wait()
			assert.Empty(t, reported, "the card was logged out")
			signs256(t, s)
			h.Slot.AddFault(lost)
			time.Sleep(time.Minute)
			synctest.Wait()
			require.Len(t, reported, 1)
			requireReported(t, reported[0])
			h.Slot.ClearFaults()
			signs256(t, s)
		})
	})
	keeps(t, "but not after the next signature", func(t *testing.T, h *cardtest.Holder, s *jpki.Signer) {
		signs256(t, s)
		h.Slot.AddFault(lost)
		time.Sleep(time.Minute)
		synctest.Wait()
		h.Slot.ClearFaults()
		signs256(t, s)
		require.NoError(t, s.Close(), "the card is logged out by now")
	})
}
