package pcsc

// flags is the state of a reader. The upper 16 bits count insertions and removals on
// Windows and with pcsc-lite, but not on macOS.
type flags uint32

const (
	stateIgnore      flags = 0x0001
	stateChanged     flags = 0x0002
	stateUnknown     flags = 0x0004
	stateUnavailable flags = 0x0008
	statePresent     flags = 0x0020
)

// present reports whether a card is in the reader. A mute card and a card that another
// program uses are present. Drivers may set contradictory flags; if the state is
// unknown or unavailable, the other flags are ignored.
func (f flags) present() bool {
	return f&statePresent != 0 && f&(stateUnknown|stateUnavailable) == 0
}

// count returns the number of insertions and removals.
func (f flags) count() uint64 { return uint64(f >> 16) }

// echo returns the state that must be passed to the next wait. Without all of its flags
// and the counter, that wait would return at once. With SCARD_STATE_IGNORE, it would
// ignore the reader.
func (f flags) echo() flags { return f &^ (stateIgnore | stateChanged) }
