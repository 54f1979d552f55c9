package apdu_test

import (
	"context"
	"encoding/hex"
	"errors"
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

// script is a card that expects commands in order and gives fixed answers.
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

// play runs the steps against a channel and checks that all were sent.
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

var errPulled = errors.New("card pulled")
