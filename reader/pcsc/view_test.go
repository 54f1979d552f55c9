package pcsc

import (
	"bytes"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/reader"
)

// The next wait gets the whole state, since otherwise it would always return at once.
//
// Faults: F09.
func TestWaitEchoesTheWholeState(t *testing.T) {
	s := newService("Reader")
	s.readers["Reader"] = 0x00050020
	v := view{}
	c, err := s.establish()
	require.NoError(t, err)
	v.scope = c
	require.NoError(t, v.list())
	require.True(t, v.hasUnknown())
	require.NoError(t, v.wait(time.Second))
	assert.False(t, v.hasUnknown())
	assert.Equal(t, flags(0x00050020), v.states[0].current, "including the counter")
	assert.Equal(t, uint64(5), v.state().Slots[0].Changes)
	start := time.Now()
	require.NoError(t, v.wait(30*time.Millisecond))
	assert.GreaterOrEqual(t, time.Since(start), 30*time.Millisecond, "it waits if nothing has changed")
}

// Faults: F10.
func TestWaitDoesNotEchoIgnore(t *testing.T) {
	s := newService("Reader")
	s.readers["Reader"] = stateUnknown | stateIgnore
	c, err := s.establish()
	require.NoError(t, err)
	v := view{scope: c}
	require.NoError(t, v.list())
	require.ErrorIs(t, v.wait(0), errStale)
	assert.Zero(t, v.states[0].current)
	assert.Empty(t, v.state().Slots)
	s.plug("Reader", 0x10|stateIgnore)
	require.NoError(t, v.wait(0))
	assert.Equal(t, flags(0x10), v.states[0].current)
}

// look returns the readers of s.
func look(t *testing.T, s *service) ([]reader.Reader, error) {
	t.Helper()
	list, err := newDriver(s, onLinux).Readers(t.Context())
	s.clean(t)
	return list, err
}

// PC/SC reports in three ways that there are no readers.
//
// Faults: F06.
func TestNoReaders(t *testing.T) {
	for name, fault := range map[string]error{
		"a code": codeNoReadersAvailable, "an empty list": nil, "a list without a terminator": errPanicked,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newService()
				s.emptyList = true
				s.fault = func(call string) error {
					if call == "list" {
						return fault
					}
					return nil
				}
				list, err := look(t, s)
				require.NoError(t, err)
				assert.Empty(t, list)
				w := watch(t, s, newDriver(s, onMacOS))
				assert.Empty(t, w.within(time.Minute))
				w.stop()
			})
		})
	}
}

// Faults: F07.
func TestListGrowsWhileItIsRead(t *testing.T) {
	for times, want := range map[int]error{0: nil, 1: nil, 2: nil, 3: codeInsufficientBuffer, 1000: codeInsufficientBuffer} {
		synctest.Test(t, func(t *testing.T) {
			s := newService("A", "B")
			lists := 0
			s.fault = func(call string) error {
				if call == "list" {
					if lists++; lists <= times {
						return codeInsufficientBuffer
					}
				}
				return nil
			}
			list, err := look(t, s)
			require.ErrorIs(t, err, want)
			require.LessOrEqual(t, lists, maxLists)
			if want == nil {
				require.Len(t, list, 2)
			}
		})
	}
}

// Faults: F11.
func TestReaderNames(t *testing.T) {
	long := strings.Repeat("Reader ", 1000)
	slots := []string{"ACME Dual 00 00", "ACME Dual 00 01"}
	for _, tt := range []struct {
		name        string
		names, want []string
	}{
		{"empty", []string{"", "A", ""}, []string{"A"}},
		{"only empty", []string{""}, nil},
		{"duplicate", []string{"A", "B", "A"}, []string{"A", "B"}},
		{"very long", []string{long, "A"}, []string{long, "A"}},
		{"not ASCII", []string{"ソニー FeliCa ポート/パソリ 4.0"}, []string{"ソニー FeliCa ポート/パソリ 4.0"}},
		{"not UTF-8", []string{"L\xe9cteur", "\xff\xfe"}, []string{"L\xe9cteur", "\xff\xfe"}},
		{"with a zero byte", []string{"A\x00B", "C"}, []string{"C"}},
		{"two slots", slots, slots},
		{"names that differ in case", []string{"a", "A"}, []string{"a", "A"}},
		{"the pseudo-reader", []string{pnpReader, "A"}, []string{"A"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newService()
				for _, name := range tt.names {
					s.names = append(s.names, name)
					s.readers[name] = 0x10
				}
				list, err := look(t, s)
				require.NoError(t, err)
				var names, events []string
				for _, r := range list {
					names = append(names, r.Name)
				}
				assert.Equal(t, tt.want, names)

				d := newDriver(s, onLinux)
				w := watch(t, s, d)
				for _, name := range tt.want {
					events = append(events, "reader-added "+name)
				}
				assert.Equal(t, events, w.within(soon))
				for _, name := range tt.want {
					s.change(func() { s.readers[name] = 0x00010020 })
					assert.Equal(t, []string{"card-inserted " + name}, w.within(soon))
					card, err := d.Connect(t.Context(), name)
					require.NoError(t, err)
					require.NoError(t, card.Close())
				}
				assert.Empty(t, w.within(time.Minute))
				w.stop()
			})
		})
	}
}

// oneReader is a context with one reader.
type oneReader struct {
	scope
	state flags
	atr   []byte
	given flags // the state that was passed to the last wait
}

func (o *oneReader) listReaders() ([]string, error) { return []string{"A"}, nil }

func (o *oneReader) getStatusChange(states []readerState, _ time.Duration) error {
	o.given = states[0].current
	states[0].event, states[0].atr = o.state, o.atr
	return nil
}

// For all flags that a driver may set, even contradictory ones, a reader is either
// reported consistently or unknown, and the next wait gets its state.
//
// Faults: F10.
func TestEveryState(t *testing.T) {
	for state := range flags(1 << 16) {
		o := &oneReader{state: 0x00070000 | state}
		v := view{scope: o}
		if err := v.look(0); state&stateUnknown != 0 {
			require.ErrorIs(t, err, errStale, "%04X", state)
			require.Empty(t, v.state().Slots, "%04X", state)
			continue
		} else {
			require.NoError(t, err, "%04X", state)
		}
		slots := v.state().Slots
		require.Len(t, slots, 1, "%04X", state)
		require.Equal(t, uint64(7), slots[0].Changes, "%04X", state)
		require.Equal(t, state&statePresent != 0 && state&stateUnavailable == 0, slots[0].Present, "%04X", state)
		require.False(t, v.hasUnknown(), "%04X", state)
		require.NoError(t, v.look(0))
		require.Equal(t, 0x00070000|state&^(stateIgnore|stateChanged), o.given, "%04X", state)
	}
	for state, present := range map[flags]bool{
		0x0010: false, 0x0020: true, 0x0122: true, 0x00A2: true, // empty, present, in use, exclusive
		0x0220: true, 0x0420: true, 0x0620: true, // mute, unpowered
		0x008A: false, 0x0028: false, // unavailable: CCID#163, and its contradiction
	} {
		assert.Equal(t, present, state.present(), "%04X", state)
	}
}

// An ATR has at most 33 bytes. A longer one is ignored. Its content is not checked.
//
// Faults: F30.
func TestATRs(t *testing.T) {
	for length, want := range map[int]int{0: 0, 1: 1, 33: 33, 34: 0, 36: 0, 300: 0} {
		atr := bytes.Repeat([]byte{0xFF}, length)
		v := view{scope: &oneReader{state: statePresent, atr: atr}}
		require.NoError(t, v.look(0))
		slot := v.state().Slots[0]
		assert.Len(t, slot.ATR, want)
		assert.True(t, slot.Present)

		s := newService("Reader")
		s.atr = atr
		card := connected(t, s)
		assert.Len(t, card.ATR(), want)
		require.NoError(t, card.Close())
		s.clean(t)
	}

	// A card also works if its ATR can't be read or the binding panics on it.
	for _, fault := range []func() error{
		func() error { return codeCommError },
		func() error { panic("index out of range") },
	} {
		s := newService("Reader")
		s.fault = func(call string) error {
			if call == "status" {
				return fault()
			}
			return nil
		}
		card := connected(t, s)
		assert.Empty(t, card.ATR())
		require.NoError(t, card.Close())
		s.clean(t)
	}
}

// The binding panics on a state with an ATR that is too long. The other readers are
// reported.
//
// Faults: F30.
func TestReaderOnWhichTheBindingPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService("A", "B")
		s.panics = "B"
		list, err := look(t, s)
		require.NoError(t, err)
		require.Len(t, list, 1)
		w := watch(t, s, newDriver(s, onWindows))
		assert.Equal(t, []string{"reader-added A"}, w.within(2*soon))
		s.change(func() { s.readers["A"] = 0x00010020 })
		assert.Equal(t, []string{"card-inserted A"}, w.within(soon))
		s.change(func() { s.panics = "" })
		assert.Equal(t, []string{"reader-added B"}, w.within(2*waitSlice))
		w.stop()
	})
}
