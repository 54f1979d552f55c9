package apdu_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/apdu"
)

// limited is a reader that fails on long responses.
type limited struct {
	*file
	fails func(answer []byte) ([]byte, error) // returns nil, nil if the answer passes
	lost  int
}

func (l *limited) Transmit(ctx context.Context, command []byte) ([]byte, error) {
	answer, err := l.file.Transmit(ctx, command)
	if err != nil {
		return nil, err
	}
	if failed, err := l.fails(answer); failed != nil || err != nil {
		l.lost++
		return failed, err
	}
	return answer, nil
}

var errLength = errors.New("reader does not support this length")

// above returns a failure for answers longer than n bytes.
func above(n int, failed []byte, err error) func([]byte) ([]byte, error) {
	return func(answer []byte) ([]byte, error) {
		if len(answer) > n {
			return failed, err
		}
		return nil, nil
	}
}

// truncate returns a failure that truncates answers to n bytes.
func truncate(n int) func([]byte) ([]byte, error) {
	return func(answer []byte) ([]byte, error) {
		if len(answer) > n {
			return answer[:n:n], nil
		}
		return nil, nil
	}
}

func passes([]byte) ([]byte, error) { return nil, nil }

// lengths returns the Ne of each command, after an x if it is in extended form.
func lengths(commands []apdu.Command) string {
	var b strings.Builder
	for _, c := range commands {
		if c.Extended {
			b.WriteString("x")
		}
		fmt.Fprintf(&b, "%d ", c.Ne)
	}
	return strings.TrimSpace(b.String())
}

// If the card or the reader fails at a length, the channel falls back to a shorter one.
// That costs one command, once. The object is read correctly.
//
// Faults: F37.
func TestChannelFallsBackToShorterLengths(t *testing.T) {
	const short = "256 256 256 256 256 256 164"
	const small = "253 253 253 253 253 253 182"
	for _, tt := range []struct {
		name          string
		declared      bool // extended lengths, by the card
		accepted      bool // and it accepts them
		shortest      int  // length to which the card cuts its responses; 0: none
		fails         func([]byte) ([]byte, error)
		first, second string // lengths of the first and the second object's commands
	}{
		{"extended", true, true, 0, passes, "x65536", "x65536"},
		{"short", false, false, 0, passes, short, short},
		{"extended, declared but rejected", true, false, 0, passes, "x65536 " + short, short},
		{"a reader that fails above 1024 bytes", true, true, 0, above(1024, nil, errLength), "x65536 " + short, short},
		{"a reader that truncates at 1024 bytes", true, true, 0, truncate(1024), "x65536 " + short, short},
		{"a reader that loses 256 bytes", false, false, 0, above(257, nil, errLength), "256 " + small, small},
		{"a reader that replaces 256 bytes by 9000", false, false, 0, above(257, []byte{0x90, 0x00}, nil), "256 " + small, small},
		{"a reader that replaces 256 bytes by nothing", false, false, 0, above(257, []byte{}, nil), "256 " + small, small},
		{"a reader that truncates at 255 bytes", false, false, 0, truncate(255), "256 " + small, small},
		{"extended rejected, and a reader that loses 256 bytes", true, false, 0, above(257, nil, errLength), "x65536 256 " + small, small},
		{"extended, with responses of 512 bytes", true, true, 512, passes, "x65536 x1188 x676 164", "x65536 x1188 x676 164"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			card := &limited{file: &file{content: padded(object(1700), 348), extended: tt.accepted, shortest: tt.shortest}, fails: tt.fails}
			var options []apdu.Option
			if tt.declared {
				options = append(options, apdu.WithExtendedLengths())
			}
			channel := apdu.NewChannel(card, options...)
			for _, want := range []string{tt.first, tt.second} {
				card.sent = nil
				got, err := channel.ReadObject(context.Background(), 0x0A, 65536)
				require.NoError(t, err)
				assert.Equal(t, object(1700), got)
				assert.Equal(t, want, lengths(card.sent))
			}
		})
	}
}
