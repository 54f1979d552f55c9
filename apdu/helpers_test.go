package apdu_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/apdu"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	require.NoError(t, err)
	return b
}

// script is a card that expects these commands in this order.
type script struct {
	t     testing.TB
	steps []step
	sent  int
}

type step struct {
	command string // hex
	answer  string // hex
	err     error
}

func (s *script) Transmit(_ context.Context, command []byte) ([]byte, error) {
	s.t.Helper()
	require.Less(s.t, s.sent, len(s.steps), "unexpected command %X", command)
	next := s.steps[s.sent]
	s.sent++
	if next.command != "" {
		require.Equal(s.t, strings.ReplaceAll(next.command, " ", ""), strings.ToUpper(hex.EncodeToString(command)))
	}
	return unhex(s.t, next.answer), next.err
}

// play returns a channel to a card with this script, and a function that checks that
// all commands were sent.
func play(t testing.TB, steps []step, options ...apdu.Option) (*apdu.Channel, func()) {
	t.Helper()
	card := &script{t: t, steps: steps}
	return apdu.NewChannel(card, options...), func() {
		t.Helper()
		assert.Equal(t, len(steps), card.sent, "commands sent")
	}
}

func filled(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i)
	}
	return b
}

func hexOf(b []byte) string { return strings.ToUpper(hex.EncodeToString(b)) }

var errTransport = errors.New("transport failed")

// file is a card with one file. It accepts only READ BINARY.
type file struct {
	content  []byte
	extended bool // extended lengths accepted
	shortest int  // responses are cut to this number of bytes, if not 0
	sent     []apdu.Command
	longest  int // bytes from the start of the file up to the last one that was read
}

func (f *file) Transmit(_ context.Context, command []byte) ([]byte, error) {
	c, err := apdu.ParseCommand(command)
	if err != nil || c.INS != 0xB0 || len(c.Data()) > 0 || c.Ne == 0 {
		return nil, fmt.Errorf("not a READ BINARY: %X", command)
	}
	f.sent = append(f.sent, c)
	if c.Extended && !f.extended {
		return []byte{0x67, 0x00}, nil
	}
	offset := int(c.P1)<<8 | int(c.P2)
	if c.P1&0x80 != 0 {
		offset = int(c.P2)
	}
	if offset >= len(f.content) {
		return []byte{0x6B, 0x00}, nil
	}
	block := f.content[offset:min(offset+c.Ne, len(f.content))]
	if f.shortest > 0 {
		block = block[:min(len(block), f.shortest)]
	}
	f.longest = max(f.longest, offset+len(block))
	return append(bytes.Clone(block), 0x90, 0x00), nil
}

// object returns a DER SEQUENCE of n bytes, header included; n is at least 260.
func object(n int) []byte {
	b := filled(n)
	copy(b, []byte{0x30, 0x82, byte((n - 4) >> 8), byte(n - 4)})
	return b
}

func padded(b []byte, n int) []byte { return append(bytes.Clone(b), bytes.Repeat([]byte{0xFF}, n)...) }
