package registry

import (
	"context"
	"encoding/binary"
	"io"
	"time"
)

// A change is tried this often. With the pauses below that is 3 seconds on
// average, when the server refuses at once. Where tries take their time, none
// begins after 6 seconds, nor takes more than 5. Then a person should be told.
const (
	maxRetryAttempts = 20
	firstPause       = 4 * time.Millisecond
	maxPause         = 500 * time.Millisecond
	maxRetryTime     = 6 * time.Second
	maxAttemptTime   = 5 * time.Second
)

// pause is how long to wait before trying again: a random part of a span that
// doubles, so that two hundred terminals don't come back at the same time.
func (r *Registry) pause(attempt int) time.Duration {
	span := min(firstPause<<min(attempt, 16), maxPause)
	var b [8]byte
	if _, err := io.ReadFull(r.random, b[:]); err != nil {
		return span
	}
	return time.Duration(binary.BigEndian.Uint64(b[:]) % uint64(span))
}

// sleepFor waits, or ends with the context.
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
