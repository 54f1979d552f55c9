package jpki_test

import (
	"context"
	"crypto"
	"crypto/sha256"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/cardtest"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/jpki/credential"
	"github.com/mykeykit/mykeykit/reader"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

func TestSignerAttempts(t *testing.T) {
	digest := digestOf(crypto.SHA256)
	h := cardtest.NewHolder(t, simulator.Contact)
	h.Types = "9999"
	s := h.Signer(t)
	for _, left := range []int{2, 1} {
		_, err := s.Sign(nil, digest, crypto.SHA256)
		var wrong *credential.Error
		require.ErrorAs(t, err, &wrong)
		assert.Equal(t, credential.ErrWrong, wrong.Reason)
		assert.Equal(t, left, wrong.Remaining)
		assert.Equal(t, left, h.Card.State().AuthAttempts)
		assert.Equal(t, left+1, h.Shown()[h.Asked()-1].Remaining, "as it was when the person was asked")
	}
	_, err := s.Sign(nil, digest, crypto.SHA256)
	require.ErrorIs(t, err, credential.ErrLastAttempt)
	assert.Equal(t, 2, h.Asked(), "the holder is not asked")

	allowing := h.Signer(t, jpki.AllowLastAttempt())
	_, err = allowing.Sign(nil, digest, crypto.SHA256)
	require.ErrorIs(t, err, credential.ErrLocked)
	assert.Equal(t, 3, h.Asked())
	_, err = allowing.Sign(nil, digest, crypto.SHA256)
	require.ErrorIs(t, err, credential.ErrLocked)
	assert.Equal(t, 3, h.Asked())
}

var errNobody = errors.New("nobody there")

// Without a PIN nothing is signed, and no attempt is used.
func TestSignerWithoutAPIN(t *testing.T) {
	digest := digestOf(crypto.SHA256)
	t.Run("nobody to ask", func(t *testing.T) {
		h := cardtest.NewHolder(t, simulator.Contact)
		s, err := jpki.NewSigner(context.Background(), h.Connect, "Reader", nil)
		require.NoError(t, err)
		before := len(h.Connections())
		_, err = s.Sign(nil, digest, crypto.SHA256)
		require.ErrorIs(t, err, jpki.ErrPINRequired)
		assert.Len(t, h.Connections(), before)
	})
	t.Run("nobody answers", func(t *testing.T) {
		h := cardtest.NewHolder(t, simulator.Contact)
		s := h.Signer(t)
		h.Typing = func(context.Context) error { return errNobody }
		_, err := s.Sign(nil, digest, crypto.SHA256)
		require.ErrorIs(t, err, errNobody)
	})
	t.Run("a used PIN", func(t *testing.T) {
		h := cardtest.NewHolder(t, simulator.Contact)
		used := pin(t, simulator.PIN)
		used.Wipe()
		s, err := jpki.NewSigner(context.Background(), h.Connect, "Reader", func(context.Context, jpki.Readiness) (jpki.PIN, error) { return used, nil })
		require.NoError(t, err)
		_, err = s.Sign(nil, digest, crypto.SHA256)
		require.ErrorIs(t, err, credential.ErrUsed)
	})
	t.Run("given up meanwhile", func(t *testing.T) {
		h := cardtest.NewHolder(t, simulator.Contact)
		ctx, cancel := context.WithCancel(context.Background())
		typed := pin(t, simulator.PIN)
		s, err := jpki.NewSigner(ctx, h.Connect, "Reader", func(context.Context, jpki.Readiness) (jpki.PIN, error) {
			cancel()
			return typed, nil // all the same
		})
		require.NoError(t, err)
		_, err = s.SignContext(ctx, digest, crypto.SHA256)
		require.ErrorIs(t, err, context.Canceled)
		_, err = jpki.Authenticate(context.Background(), h.OtherProgram(t), typed)
		require.ErrorIs(t, err, credential.ErrUsed, "it is forgotten")
	})
	t.Run("closed meanwhile", func(t *testing.T) {
		h := cardtest.NewHolder(t, simulator.Contact)
		s := h.Signer(t)
		asked := make(chan struct{})
		h.Typing = func(ctx context.Context) error {
			close(asked)
			<-ctx.Done()
			return ctx.Err()
		}
		go func() {
			<-asked
			assert.NoError(t, s.Close())
		}()
		_, err := s.Sign(nil, digest, crypto.SHA256)
		require.ErrorIs(t, err, jpki.ErrSignerClosed)
		_, err = s.Sign(nil, digest, crypto.SHA256)
		require.ErrorIs(t, err, jpki.ErrSignerClosed)
		_, err = s.PSS(context.Background())
		require.ErrorIs(t, err, jpki.ErrSignerClosed)
	})
}

// The PIN of one card is never sent to another, whenever that is inserted. The same card
// works again.
//
// Faults: F25.
func TestSignerRejectsAnotherCard(t *testing.T) {
	digest := digestOf(crypto.SHA256)
	other := cardtest.AnotherCard(t, simulator.Contact)
	h := cardtest.NewHolder(t, simulator.Contact)
	s := h.Signer(t)

	h.Insert(t, other)
	_, err := s.Sign(nil, digest, crypto.SHA256)
	require.ErrorIs(t, err, credential.ErrOtherCard)
	assert.Zero(t, h.Asked(), "the holder is not asked")

	h.Insert(t, h.Card)
	h.Typing = func(context.Context) error { h.Insert(t, other); return nil }
	_, err = s.Sign(nil, digest, crypto.SHA256)
	require.ErrorIs(t, err, credential.ErrOtherCard)
	h.Unsent(1)

	h.Insert(t, h.Card)
	h.Typing = func(context.Context) error { // taken out, and put in again
		h.Insert(t, h.Card)
		return nil
	}
	signature, err := s.Sign(nil, digest, crypto.SHA256)
	require.NoError(t, err)
	requireSignature(t, s, crypto.SHA256, digest, signature)

	h.Typing = func(context.Context) error { h.Slot.Remove(); return nil }
	_, err = s.Sign(nil, digest, crypto.SHA256)
	require.ErrorIs(t, err, reader.ErrNoCard)
	h.Unsent(1)
	h.Typing = nil
	_, err = s.Sign(nil, digest, crypto.SHA256)
	require.ErrorIs(t, err, reader.ErrNoCard)
	require.NoError(t, h.Slot.Insert(h.Card))
	_, err = s.Sign(nil, digest, crypto.SHA256)
	require.NoError(t, err)

	h.Typing = func(context.Context) error { // another program spends an attempt
		_, err := jpki.Authenticate(context.Background(), h.OtherProgram(t), pin(t, "0000"))
		require.ErrorIs(t, err, credential.ErrWrong)
		return nil
	}
	_, err = s.Sign(nil, digest, crypto.SHA256)
	require.ErrorIs(t, err, credential.ErrAttemptsChanged)
	h.Unsent(1)
	assert.Equal(t, 3, other.State().AuthAttempts)
}

// Goroutines that share a signer each get their own signature, for one PIN each.
func TestSignerIsShared(t *testing.T) {
	h := cardtest.NewHolder(t, simulator.Contact)
	s := h.Signer(t)
	var asking, most atomic.Int32
	h.Typing = func(context.Context) error {
		most.Store(max(most.Load(), asking.Add(1)))
		defer asking.Add(-1)
		return nil
	}
	var wg sync.WaitGroup
	for n := range 8 {
		wg.Go(func() {
			digest := sha256.Sum256([]byte{byte(n)})
			signature, err := s.Sign(nil, digest[:], crypto.SHA256)
			assert.NoError(t, err)
			requireSignature(t, s, crypto.SHA256, digest[:], signature)
		})
	}
	wg.Wait()
	assert.Equal(t, 8, h.Secrets())
	assert.EqualValues(t, 1, most.Load(), "people are asked one after the other")
}

// SignContext stops waiting for another goroutine's signature when its context ends.
func TestWaitingForASignerCanBeCancelled(t *testing.T) {
	h := cardtest.NewHolder(t, simulator.Contact)
	s := h.Signer(t)
	asked, typed := make(chan struct{}), make(chan struct{})
	h.Typing = func(context.Context) error { close(asked); <-typed; return nil }
	done := make(chan error)
	go func() {
		_, err := s.Sign(nil, digestOf(crypto.SHA256), crypto.SHA256)
		done <- err
	}()
	<-asked
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	_, err := s.SignContext(ctx, digestOf(crypto.SHA256), crypto.SHA256)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	close(typed)
	require.NoError(t, <-done)
}
