package pcsc

// flags is a reader's state. The higher 16 bits count insertions and removals
// where the system does (Windows and pcsc-lite, not macOS).
type flags uint32

const (
	stateIgnore      flags = 0x0001
	stateChanged     flags = 0x0002
	stateUnknown     flags = 0x0004
	stateUnavailable flags = 0x0008
	statePresent     flags = 0x0020
)

// present tells whether a card is there. Drivers set flags that exclude each
// other; where the state itself can't be had, the rest says nothing. A mute card
// or one in another program's hands is there.
func (f flags) present() bool {
	return f&statePresent != 0 && f&(stateUnknown|stateUnavailable) == 0
}

// count is how often a card has come or gone.
func (f flags) count() uint64 { return uint64(f >> 16) }

// echo is what the next wait has to be told. Less than all of it, counter
// included, and that wait returns at once; IGNORE would have the reader ignored.
func (f flags) echo() flags { return f &^ (stateIgnore | stateChanged) }
