package proof_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/prooftest"
	"github.com/mykeykit/mykeykit/jpki/proof"
)

// Once gets the caller's context and the challenge, and its error is Verify's.
func TestOnce(t *testing.T) {
	type key struct{}
	broken := errors.New("the database is away")
	for name, want := range map[string]error{"accepts": nil, "fails": broken, "the context ended": context.Canceled, "used": proof.ErrUsed} {
		s := newSituation(t)
		calls := 0
		s.Once = func(ctx context.Context, c proof.Challenge) error {
			calls++
			assert.Equal(t, "value", ctx.Value(key{}))
			assert.Equal(t, s.challenge, c)
			return want
		}
		holder, err := s.Verify(context.WithValue(t.Context(), key{}, "value"), s.evidence)
		require.ErrorIs(t, err, want, name)
		assert.Equal(t, want == nil, holder != nil, name)
		assert.Equal(t, 1, calls, name)
	}
}

// Of many requests with the same evidence at once, one is accepted.
func TestVerifyIsSafeForConcurrentUse(t *testing.T) {
	s := newSituation(t)
	var all sync.WaitGroup
	var mu sync.Mutex
	accepted := 0
	for range 20 {
		all.Go(func() {
			holder, err := s.Verify(t.Context(), s.evidence)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				accepted++
				assert.NotNil(t, holder)
				return
			}
			assert.ErrorIs(t, err, proof.ErrUsed)
		})
	}
	all.Wait()
	assert.Equal(t, 1, accepted)
}

// Without a clock, the time is that of the machine.
func TestVerifyByTheMachinesClock(t *testing.T) {
	v := verifier(new(store))
	v.Now = nil
	at := time.Now()
	card := prooftest.Card{Kind: "today", NotAfter: at.AddDate(1, 0, 0)}
	_, err := v.Verify(t.Context(), card.Answer(challenge(t, at)))
	require.NoError(t, err)
	_, err = v.Verify(t.Context(), card.Answer(challenge(t, at.Add(-time.Hour))))
	require.ErrorIs(t, err, proof.ErrAge)
}
