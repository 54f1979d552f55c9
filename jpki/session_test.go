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

// keeps runs a test of a signer that keeps its card unlocked for a minute, on a
// clock of its own.
func keeps(t *testing.T, name string, test func(t *testing.T, h *cardtest.Holder, s *jpki.Signer)) {
	t.Run(name, func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			h := cardtest.NewHolder(t, simulator.Contact, simulator.WithClock(time.Now))
			test(t, h, h.Signer(t, jpki.KeepUnlocked(time.Minute)))
		})
	})
}

func signs256(t testing.TB, s *jpki.Signer) {
	t.Helper()
	digest := digestOf(crypto.SHA256)
	signature, err := s.Sign(nil, digest, crypto.SHA256)
	require.NoError(t, err)
	requireSignature(t, s, crypto.SHA256, digest, signature)
}

// One PIN is enough for several signatures. The PIN is not kept: the card stays unlocked,
// and is logged out however that ends.
//
// Faults: F27, F29, F83.
func TestKeepUnlocked(t *testing.T) {
	keeps(t, "until nobody signs for a time", func(t *testing.T, h *cardtest.Holder, s *jpki.Signer) {
		for range 3 {
			signs256(t, s)
			time.Sleep(59 * time.Second)
			assert.True(t, h.Card.State().AuthVerified)
			_, transaction := h.Slot.InUse()
			assert.True(t, transaction, "no other program can use an unlocked card")
		}
		assert.Equal(t, 1, h.Asked())
		commands := len(h.Sent())
		signs256(t, s)
		assert.Len(t, h.Sent(), commands+1, "a signature is one command")

		time.Sleep(time.Minute)
		synctest.Wait()
		assert.False(t, h.Card.State().AuthVerified)
		connections, _ := h.Slot.InUse()
		assert.Zero(t, connections)
		signs256(t, s)
		assert.Equal(t, 2, h.Asked())
	})
	keeps(t, "no longer than its limit, however often it signs", func(t *testing.T, h *cardtest.Holder, s *jpki.Signer) {
		end := time.Now().Add(jpki.DefaultKeepLimit)
		for time.Now().Before(end) {
			signs256(t, s)
			time.Sleep(time.Second)
		}
		assert.Equal(t, 1, h.Asked())
		synctest.Wait()
		assert.False(t, h.Card.State().AuthVerified)
		signs256(t, s)
		assert.Equal(t, 2, h.Asked())
	})
	keeps(t, "until it is closed", func(t *testing.T, h *cardtest.Holder, s *jpki.Signer) {
		signs256(t, s)
		require.NoError(t, s.Close())
		assert.False(t, h.Card.State().AuthVerified)
		_, err := s.Sign(nil, digestOf(crypto.SHA256), crypto.SHA256)
		require.ErrorIs(t, err, jpki.ErrSignerClosed)
		require.NoError(t, s.Close())
	})
	keeps(t, "until the card is taken", func(t *testing.T, h *cardtest.Holder, s *jpki.Signer) {
		signs256(t, s)
		h.Slot.Remove()
		_, err := s.Sign(nil, digestOf(crypto.SHA256), crypto.SHA256)
		require.ErrorIs(t, err, reader.ErrNoCard)
		require.NoError(t, h.Slot.Insert(h.Card))
		signs256(t, s)
		assert.Equal(t, 2, h.Asked())
	})
	keeps(t, "until another card is there", func(t *testing.T, h *cardtest.Holder, s *jpki.Signer) {
		other, err := simulator.NewCard(simulator.Contact, simulator.WithInsecureSeed("another holder"), simulator.WithClock(time.Now))
		require.NoError(t, err)
		signs256(t, s)
		h.Slot.Remove()
		require.NoError(t, h.Slot.Insert(other))
		_, err = s.Sign(nil, digestOf(crypto.SHA256), crypto.SHA256)
		require.ErrorIs(t, err, credential.ErrOtherCard)
		assert.Equal(t, 1, h.Asked())
	})
	keeps(t, "until the card forgets", func(t *testing.T, h *cardtest.Holder, s *jpki.Signer) {
		signs256(t, s)
		h.Slot.AddFault(simulator.Fault{INS: apdu.InsPerformSecurityOperation, Nth: 1, Do: simulator.AnswerStatus(apdu.StatusSecurityNotSatisfied)})
		signs256(t, s)
		assert.Equal(t, 2, h.Asked())
	})
	keeps(t, "until another program resets the card", func(t *testing.T, h *cardtest.Holder, s *jpki.Signer) {
		signs256(t, s)
		h.Slot.AddFault(simulator.Fault{INS: apdu.InsPerformSecurityOperation, Nth: 1, Do: simulator.ResetCard()})
		signs256(t, s)
		assert.Equal(t, 2, h.Asked())
	})
	keeps(t, "until the card answers something else", func(t *testing.T, h *cardtest.Holder, s *jpki.Signer) {
		signs256(t, s)
		h.Slot.AddFault(simulator.Fault{INS: apdu.InsPerformSecurityOperation, Nth: 1, Do: simulator.ChangeLength(-1)})
		_, err := s.Sign(nil, digestOf(crypto.SHA256), crypto.SHA256)
		require.ErrorIs(t, err, jpki.ErrNoPossession)
		assert.False(t, h.Card.State().AuthVerified)
		signs256(t, s)
		assert.Equal(t, 2, h.Asked())
	})
	keeps(t, "until PSS is asked for", func(t *testing.T, h *cardtest.Holder, s *jpki.Signer) {
		signs256(t, s)
		start := time.Now()
		has, err := s.PSS(context.Background())
		require.NoError(t, err)
		assert.True(t, has)
		assert.Zero(t, time.Since(start), "the card is not waited for")
		signs256(t, s)
		assert.Equal(t, 2, h.Asked())
	})
	keeps(t, "not with a wrong PIN", func(t *testing.T, h *cardtest.Holder, s *jpki.Signer) {
		h.Types = "9999"
		_, err := s.Sign(nil, digestOf(crypto.SHA256), crypto.SHA256)
		require.ErrorIs(t, err, credential.ErrWrong)
		connections, _ := h.Slot.InUse()
		assert.Zero(t, connections)
		h.Types = simulator.PIN
		signs256(t, s)
	})
	keeps(t, "not for who gave up", func(t *testing.T, h *cardtest.Holder, s *jpki.Signer) {
		h.Slot.AddFault(simulator.Fault{INS: apdu.InsPerformSecurityOperation, Nth: 1, Do: simulator.Hang()})
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_, err := s.SignContext(ctx, digestOf(crypto.SHA256), crypto.SHA256)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		connections, _ := h.Slot.InUse()
		assert.Zero(t, connections)
		signs256(t, s)
		assert.Equal(t, 2, h.Asked())
	})
	keeps(t, "not for who gives up later", func(t *testing.T, h *cardtest.Holder, s *jpki.Signer) {
		signs256(t, s)
		h.Slot.AddFault(simulator.Fault{INS: apdu.InsPerformSecurityOperation, Nth: 1, Do: simulator.Hang()})
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_, err := s.SignContext(ctx, digestOf(crypto.SHA256), crypto.SHA256)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		signs256(t, s)
		assert.Equal(t, 2, h.Asked())
	})
	keeps(t, "whatever becomes of the first caller's context", func(t *testing.T, h *cardtest.Holder, s *jpki.Signer) {
		ctx, cancel := context.WithCancel(context.Background())
		_, err := s.SignContext(ctx, digestOf(crypto.SHA256), crypto.SHA256)
		require.NoError(t, err)
		cancel()
		synctest.Wait()
		signs256(t, s)
		assert.Equal(t, 1, h.Asked())
	})
}

// The limit counts from the PIN, also during signatures. A limit shorter than the idle time
// ends it earlier, and no limit keeps nothing.
//
// Faults: F83.
func TestKeepUnlockedAtMost(t *testing.T) {
	for name, tt := range map[string]struct {
		idle, limit, every time.Duration
		signatures, pins   int
	}{
		"longer than the signatures take": {200 * time.Millisecond, time.Minute, 100 * time.Millisecond, 50, 1},
		"five times":                      {200 * time.Millisecond, time.Second, 100 * time.Millisecond, 50, 5},
		"at the very end":                 {time.Hour, time.Minute, time.Minute, 3, 3},
		"shorter than the idle time":      {time.Hour, time.Minute, 59 * time.Second, 4, 2},
		"none":                            {time.Hour, 0, time.Nanosecond, 3, 3},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := cardtest.NewHolder(t, simulator.Contact, simulator.WithClock(time.Now))
				s := h.Signer(t, jpki.KeepUnlocked(tt.idle), jpki.KeepUnlockedAtMost(tt.limit))
				for range tt.signatures {
					signs256(t, s)
					time.Sleep(tt.every)
				}
				assert.Equal(t, tt.pins, h.Asked())
				assert.Equal(t, tt.pins, h.Secrets())
			})
		})
	}
}

// A signature that is under way when the limit passes is finished, and the next one needs a
// PIN.
//
// Faults: F83.
func TestTheLimitPassesDuringASignature(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := cardtest.NewHolder(t, simulator.Contact, simulator.WithClock(time.Now))
		s := h.Signer(t, jpki.KeepUnlocked(time.Minute), jpki.KeepUnlockedAtMost(time.Minute))
		signs256(t, s)
		time.Sleep(59 * time.Second)
		h.Slot.AddFault(simulator.Fault{INS: apdu.InsPerformSecurityOperation, Nth: 1, Do: func(_ context.Context, _ *simulator.Reader, next func() ([]byte, error)) ([]byte, error) {
			time.Sleep(2 * time.Second)
			return next()
		}})
		signs256(t, s)
		assert.Equal(t, 1, h.Asked())
		signs256(t, s)
		assert.Equal(t, 2, h.Asked())
	})
}
