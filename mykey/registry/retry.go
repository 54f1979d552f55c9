package registry

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"
)

// The limits of retries. With maxRetryAttempts and the pauses, a change fails after 3
// seconds on average if the server answers immediately. If it does not, no attempt begins
// after maxRetryTime and none takes longer than maxAttemptTime. The terminal then shows
// an error, instead of letting the holder wait longer.
const (
	maxRetryAttempts = 20
	firstPause       = 4 * time.Millisecond
	maxPause         = 500 * time.Millisecond
	maxRetryTime     = 6 * time.Second
	maxAttemptTime   = 5 * time.Second
)

// retry calls fn until it succeeds or returns an error that a retry can't resolve. It
// bounds the time of each attempt. It returns [ErrUnavailable] if the retries are
// exhausted or ctx is done.
func (r *Registry) retry(ctx context.Context, fn func(context.Context) error) error {
	return r.retryLong(ctx, func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, r.attemptTimeout)
		defer cancel()
		return fn(ctx)
	})
}

// retryLong is like retry without a bound on the time of an attempt, for creating tables
// and reading whole tables.
func (r *Registry) retryLong(ctx context.Context, fn func(context.Context) error) error {
	started := time.Now() // r.now may be set
	var lastError error   // of an attempt that ended before ctx was done
	for attempt := 0; ; attempt++ {
		err := r.storage.checkPresent()
		if err == nil {
			err = fn(ctx)
		}
		var failed *storageError
		if err == nil || !errors.As(err, &failed) {
			return err
		}
		if deadline, ok := ctx.Deadline(); ok && !time.Now().Before(deadline) {
			<-ctx.Done() // a connection's timer for the same deadline may be the first
		}
		if ctx.Err() == nil {
			lastError = err
			if attempt+1 < maxRetryAttempts && time.Since(started) < r.retryTime && (failed.retryable || r.storage.classify(err) != permanent) {
				if r.onRetry != nil {
					r.onRetry(err)
				}
				if err = r.sleep(ctx, r.pause(attempt)); err == nil {
					continue
				}
			}
		}
		switch {
		case ctx.Err() == nil:
			return fmt.Errorf("%w: %w", ErrUnavailable, err)
		case lastError == nil:
			return fmt.Errorf("%w: %w", ErrUnavailable, context.Cause(ctx))
		}
		return fmt.Errorf("%w: %w: %w", ErrUnavailable, context.Cause(ctx), lastError)
	}
}

// pause returns how long to wait before the next attempt: a random part of an interval
// that doubles, so that hundreds of terminals do not retry at the same time.
func (r *Registry) pause(attempt int) time.Duration {
	span := min(firstPause<<min(attempt, 16), maxPause)
	var b [8]byte
	if _, err := io.ReadFull(r.random, b[:]); err != nil {
		return span
	}
	return time.Duration(binary.BigEndian.Uint64(b[:]) % uint64(span))
}

// sleepFor sleeps for d, or until ctx is done.
func sleepFor(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
