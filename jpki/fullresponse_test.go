package jpki_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/apdu"
	"github.com/mykeykit/mykeykit/internal/cardtest"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/reader"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// Some readers fail on answers of exactly 256 bytes, such as a signature after the PIN. The
// probe detects that before.
//
// Faults: F37.
func TestProbeFullResponse(t *testing.T) {
	ctx := context.Background()
	for _, tt := range []struct {
		name    string
		profile simulator.Profile
		after   func(block []byte) ([]byte, error) // what becomes of an answer of 256 bytes
		err     error
	}{
		{"a good reader", simulator.Contact, nil, nil},
		{"a good reader and a card with extended lengths", simulator.ContactExtended, nil, nil},
		{"256 bytes taken for none", simulator.Contact, func([]byte) ([]byte, error) { return []byte{0x90, 0x00}, nil }, jpki.ErrFullResponse},
		{"cut off", simulator.Contact, func(b []byte) ([]byte, error) { return b[1:], nil }, jpki.ErrFullResponse},
		{"one byte wrong", simulator.Contact, func(b []byte) ([]byte, error) { b[200] ^= 1; return b, nil }, jpki.ErrFullResponse},
		{"refused", simulator.Contact, func([]byte) ([]byte, error) { return []byte{0x67, 0x00}, nil }, jpki.ErrFullResponse},
		{"fails", simulator.Contact, func([]byte) ([]byte, error) { return nil, reader.ErrTransport }, jpki.ErrFullResponse},
		{"another's file", simulator.Contact, func([]byte) ([]byte, error) { return []byte{0x6A, 0x82}, nil }, jpki.ErrNoCertificate},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := cardtest.Open(t, tt.profile)
			d.After = func(_ int, _ apdu.Command, response []byte) ([]byte, error) {
				if len(response) == 258 && tt.after != nil {
					return tt.after(response)
				}
				return response, nil
			}
			err := jpki.Do(ctx, d.Connection, func(a *jpki.Application) error { return a.ProbeFullResponse(ctx) })
			require.ErrorIs(t, err, tt.err)
			assert.Zero(t, d.Secrets())
			assert.LessOrEqual(t, len(d.Sent()), 4)
		})
	}

	// Where nothing passes, the cause is the connection's.
	d := cardtest.Open(t, simulator.Contact)
	d.Before = func(_ int, c apdu.Command) error {
		if isRead(c) {
			d.Slot.Remove()
		}
		return nil
	}
	err := jpki.Do(ctx, d.Connection, func(a *jpki.Application) error { return a.ProbeFullResponse(ctx) })
	require.ErrorIs(t, err, reader.ErrRemoved)
	require.NotErrorIs(t, err, jpki.ErrFullResponse)
}
