package registry_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/mykey/registry"
)

// A second program can't use a terminal's name until the first one has closed the registry
// or its lease has expired. The first one can't use the name any longer then.
//
// Faults: F102.
func TestTerminalNameIsExclusive(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		now := today
		clock := registry.WithClock(func() time.Time { return now })
		begin := func() (*registry.Registry, error) {
			return registry.Open(ctx, url, terminal("a"), generation(t, "points.example", 1), clock)
		}
		first, err := begin()
		require.NoError(t, err)
		defer first.Close()
		reserve(t, first, 1)
		for _, later := range []time.Duration{0, 14 * time.Second, -14 * time.Second} {
			now = today.Add(later)
			_, err := begin()
			require.ErrorIs(t, err, registry.ErrTerminalTaken, later)
		}
		now = today.Add(14 * time.Second)
		require.NoError(t, first.Ping(ctx))
		now = today.Add(20 * time.Second)
		_, err = begin()
		require.ErrorIs(t, err, registry.ErrTerminalTaken, "the first has renewed its lease")

		now = today.Add(29 * time.Second) // the first may have been killed or disconnected
		second, err := begin()
		require.NoError(t, err)
		reserve(t, second, 2)
		require.ErrorIs(t, first.Ping(ctx), registry.ErrTerminalTaken)
		_, err = first.Reserve(ctx, registry.NewOperation(), holder(3), registry.RecoveryCode{})
		require.ErrorIs(t, err, registry.ErrTerminalTaken)
		_, err = first.Reserve(ctx, registry.NewOperation(), holder(1), registry.RecoveryCode{})
		require.ErrorIs(t, err, registry.ErrTerminalTaken, "also if there is nothing to change")
		require.NoError(t, first.Close())
		require.NoError(t, second.Ping(ctx), "closing the first must not release the name")

		require.NoError(t, second.Close())
		third, err := begin()
		require.NoError(t, err, "the second has released the name")
		reserve(t, third, 3)
		require.NoError(t, third.Close())

		now = today.Add(time.Hour) // a wrong clock
		fourth, err := begin()
		require.NoError(t, err)
		defer fourth.Close()
		now = today
		fifth, err := begin()
		require.NoError(t, err, "a lease in the far future must not block the name")
		require.NoError(t, fifth.Close())
		heads, err := verify(open(t, url))
		require.NoError(t, err)
		assert.Equal(t, int64(3), heads[0].Number)
	})
}

// A terminal can't continue the chain of another key under the same name.
//
// Faults: F106.
func TestOpenRejectsOtherTerminalKey(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		first := openNamed(t, url, "a")
		reserve(t, first, 1)
		require.NoError(t, first.Close())
		stranger, err := registry.GenerateTerminal("a")
		require.NoError(t, err)
		_, err = registry.Open(ctx, url, stranger, generation(t, "points.example", 1))
		require.ErrorIs(t, err, registry.ErrOtherKey)
		reserve(t, openNamed(t, url, "a"), 2) // the stranger must have released the name
	})
}

func TestParseTerminalAndKeys(t *testing.T) {
	a, err := registry.GenerateTerminal("a")
	require.NoError(t, err)
	parsed, err := registry.ParseTerminal(a.RevealText())
	require.NoError(t, err)
	assert.Equal(t, a.Public(), parsed.Public())
	list, err := registry.ParseTerminalKeys([]byte("# terminals\r\n\r\n" + a.Public().String() + "\r\n" + terminal("b").Public().String()))
	require.NoError(t, err)
	assert.Equal(t, []registry.TerminalKey{a.Public(), terminal("b").Public()}, list)
	line := a.Public().String()
	for _, text := range []string{"a", "a 00", line + "00", "ä" + line[1:], line + "\n" + line, string(a.RevealText()[:40])} {
		_, err := registry.ParseTerminalKeys([]byte(text))
		require.ErrorIs(t, err, registry.ErrTerminal, text)
	}
	for _, text := range []string{"", "a", "a zz", "a 00", "b c " + line} {
		_, err := registry.ParseTerminal([]byte(text))
		require.ErrorIs(t, err, registry.ErrTerminal, text)
	}
}
