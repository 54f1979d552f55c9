package pcsc

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A wait that is told less than it reported itself returns at once, for ever.
func TestWaitsEchoTheWholeState(t *testing.T) {
	s := newService("Reader")
	s.readers["Reader"] = 0x00050020
	v := view{}
	c, err := s.establish()
	require.NoError(t, err)
	v.scope = c
	require.NoError(t, v.list())
	require.True(t, v.fresh())
	require.NoError(t, v.wait(time.Second))
	assert.False(t, v.fresh())
	assert.Equal(t, uint32(0x00050020), v.states[0].current, "counter included")
	assert.Equal(t, uint64(5), v.state().Slots[0].Count)
	start := time.Now()
	require.NoError(t, v.wait(30*time.Millisecond))
	assert.GreaterOrEqual(t, time.Since(start), 30*time.Millisecond, "nothing changed, so the wait waits")
}

func TestViewsEchoNoIgnore(t *testing.T) {
	s := newService("Reader")
	s.readers["Reader"] = stateUnknown | stateIgnore
	c, err := s.establish()
	require.NoError(t, err)
	v := view{scope: c}
	require.NoError(t, v.list())
	require.ErrorIs(t, v.wait(0), errStale)
	assert.Zero(t, v.states[0].current)
	assert.Empty(t, v.state().Slots)
	s.readers["Reader"] = 0x10 | stateIgnore
	require.NoError(t, v.wait(0))
	assert.Equal(t, uint32(0x10), v.states[0].current)
}
