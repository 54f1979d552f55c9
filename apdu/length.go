package apdu

// smallRead is what is asked for where an answer of 256 bytes was lost, in bytes:
// with its status word it fits where lengths end at 255.
const smallRead = 253

// refuseExtended falls back to short form.
func (c *Channel) refuseExtended() { c.extended = false }

// shrink falls back from answers of 256 bytes. It reports whether it did.
func (c *Channel) shrink() bool {
	if c.readSize <= smallRead {
		return false
	}
	c.extended, c.readSize = false, smallRead
	return true
}
