package jpki_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/apdu"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// recording is what a card answered to each command, and says it again. With the
// challenge always the same it needs no key.
type recording map[string][]byte

// record adds what Authenticate asks of a card with this profile.
func (r recording) record(t *testing.T, profile simulator.Profile, options ...jpki.Option) (commands []apdu.Command) {
	t.Helper()
	card, err := simulator.NewCard(profile, simulator.WithInsecureSeed(seed), simulator.WithClock(recorded))
	require.NoError(t, err)
	d := newDesk(t, simulator.NotMyNumber)
	d.slot.Remove()
	require.NoError(t, d.slot.Insert(card))
	d.tap.Card = d.connect(t)
	d.tap.after = func(_ int, c apdu.Command, response []byte) ([]byte, error) {
		command, err := c.MarshalBinary()
		r[string(command)] = bytes.Clone(response)
		return response, err
	}
	_, err = jpki.Authenticate(t.Context(), d.tap, pin(t, simulator.PIN), options...)
	require.NoError(t, err)
	return d.tap.sent
}

func recorded() time.Time { return time.Date(2026, 11, 25, 12, 0, 0, 0, jpki.Japan) }

// answering is a card that answers from a recording, but a status word at one step.
type answering struct {
	recording recording
	step      int  // the command that is answered so, from 0
	always    bool // and so are its repetitions
	status    apdu.Status

	command    []byte // the one at step
	sent, pins int
	left       bool // leaving was tried
}

func (r *answering) ATR() []byte { return extendedATR }

var extendedATR, _ = hex.DecodeString("3BDA13FF8131FB468012392F31C173C601C03B")

func (r *answering) Transmit(_ context.Context, command []byte) ([]byte, error) {
	n := r.sent
	r.sent++
	if command[1] == apdu.InsVerify && len(command) > 4 {
		r.pins++
	}
	if command[1] == apdu.InsSelect && command[5] == 0xA0 {
		r.left = true
	}
	if n == r.step {
		r.command = bytes.Clone(command)
	}
	if n == r.step || r.always && bytes.Equal(command, r.command) {
		return []byte{byte(r.status >> 8), byte(r.status)}, nil
	}
	if answer, ok := r.recording[string(command)]; ok {
		return bytes.Clone(answer), nil
	}
	return []byte{0x6D, 0x00}, nil
}

// Every status word in the place of the answer to every command: none but those
// that may passes for success, no PIN is sent where one should not be, and one
// that was sent is followed by leaving.
//
// Faults: F34, F35, F36, F38, F39, F41, F42, F43, F58.
func TestSweepOfStatusWords(t *testing.T) {
	options := []jpki.Option{jpki.WithClock(recorded), jpki.WithRandom(zeros{})}
	r := recording{}
	r.record(t, simulator.Contact, options...)
	commands := r.record(t, simulator.ContactExtended, options...)

	steps := []struct {
		name   string
		step   int
		always bool
		pins   int // that are sent although the step failed
		// succeeds is the status words without data after which all may go well.
		succeeds []apdu.Status
	}{
		{"SELECT", 0, false, 0, []apdu.Status{0x9000, 0x6F00}}, // the latter is asked again
		{"SELECT, also again", 0, true, 0, []apdu.Status{0x9000}},
		{"counter", 1, false, 0, []apdu.Status{0x63C2, 0x63C3}},
		{"certificate", 2, false, 0, []apdu.Status{0x6700, 0x6982}}, // then in short blocks, or after the PIN
		{"VERIFY", 3, false, 1, []apdu.Status{0x9000}},
		{"signature", 4, false, 1, nil},
		{"leaving", 5, false, 1, nil}, // is tried twice: all of them
		{"leaving, also again", 5, true, 1, []apdu.Status{0x9000}},
	}
	require.Len(t, commands, 6)

	var cases atomic.Int64
	var group sync.WaitGroup
	for _, step := range steps {
		group.Go(func() {
			for n := 0; n < 0x10000; n += stride {
				cases.Add(1)
				status := apdu.Status(n)
				card := &answering{recording: r, step: step.step, always: step.always, status: status}
				got, err := jpki.Authenticate(context.Background(), card, pin(t, simulator.PIN), options...)
				succeeds := step.name == "leaving" || slices.Contains(step.succeeds, status)
				var problem string
				switch {
				case succeeds != (err == nil), (got != nil) != (err == nil):
					problem = "success or not"
				case got != nil && !(got.PIN && got.Possession):
					problem = "half a success"
				case err == nil && card.pins != 1, err != nil && card.pins != step.pins:
					problem = fmt.Sprintf("%d PINs", card.pins)
				case card.left != (card.pins > 0):
					problem = "leaving"
				case card.sent > 20:
					problem = "too many commands"
				case err != nil && !tells(err, status):
					problem = "not told"
				}
				if problem != "" {
					assert.Fail(t, problem, "%s, %04X: %v", step.name, n, err)
					return
				}
			}
		})
	}
	group.Wait()
	t.Logf("sweep: Authenticate: %d cases, %d status words at %d steps", cases.Load(), 0x10000/stride, len(steps))
}

// tells: the error holds the status word, or what became of asking on.
func tells(err error, status apdu.Status) bool {
	var any apdu.Status
	return errors.Is(err, status) || errors.As(err, &any) ||
		errors.Is(err, jpki.ErrNoPossession) || errors.Is(err, jpki.ErrNoCertificate) || errors.Is(err, jpki.ErrMalformedCertificate) ||
		errors.Is(err, jpki.ErrLastTry) || errors.Is(err, jpki.ErrPINBlocked)
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }
