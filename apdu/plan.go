package apdu

// Form is how a [Channel] reads files. It chooses one from what is known of the
// card, steps down where card or reader fail at it, and never up again.
type Form int

// The forms, in the order in which they are stepped down.
const (
	// FormExtended: whole objects with extended lengths.
	FormExtended Form = iota
	// FormShort: up to 256 bytes at a time, as the card or the caller asks.
	FormShort
	// FormShortRefused: the same, because an extended length was refused or lost.
	FormShortRefused
	// FormSmall: up to 253 bytes at a time, because an answer of 256 was lost.
	FormSmall
)

// smallRead is what is asked for where an answer of 256 bytes was lost, in bytes:
// with its status word it fits where lengths end at 255.
const smallRead = 253

// WithForm has report called with the form in which the channel's first object is
// read, and with each one that it steps down to. A step costs one command, once in
// the channel's life.
func WithForm(report func(Form)) Option { return func(c *Channel) { c.report = report } }

// chosen reports the first form, once.
func (c *Channel) chosen() {
	if c.started {
		return
	}
	c.started = true
	if c.extended {
		c.tell(FormExtended)
	} else {
		c.tell(FormShort)
	}
}

// refuseExtended steps down from extended lengths.
func (c *Channel) refuseExtended() {
	c.extended = false
	c.tell(FormShortRefused)
}

// shrink steps down from answers of 256 bytes, or tells that there is no further
// step.
func (c *Channel) shrink() bool {
	if c.readSize <= smallRead {
		return false
	}
	c.extended, c.readSize = false, smallRead
	c.tell(FormSmall)
	return true
}

func (c *Channel) tell(f Form) {
	if c.report != nil {
		c.report(f)
	}
}
