// Package link models the time that a card takes, so that programs can be compared
// by what a person waits for without a card at hand.
//
// A [Link] is what lies between a program and a card: contacts or radio, at some
// speed. A [Meter] is a card behind one: it passes commands on at once and counts
// commands, bytes, and the time that they would have taken. Nothing sleeps, and no
// clock is looked at.
//
// # How sure the figures are
//
// All are assumed, and the same for every program that is compared: bit rates and
// the forms of blocks from the standards (ISO/IEC 7816-3 for T=1, ISO/IEC 14443-4),
// a reader's turnaround and the card's own times from what such devices take. Take
// them for ratios, not for a stop watch.
//
// # Concurrency
//
// A Meter belongs to one goroutine at a time, as a card's connection does.
package link

import (
	"context"
	"time"

	"github.com/mykeykit/mykeykit/apdu"
)

// Link is a way to a card.
type Link struct {
	Name string
	// BitRate in bits a second, and how many bits a byte takes with what frames it.
	BitRate, BitsPerByte int
	// Block is how many bytes of an APDU one block of the protocol carries, and
	// Overhead how many it has around them.
	Block, Overhead int
	// Turnaround is what each block takes beside its bits: the reader, the system's
	// software and the pause before the answer. A command and its answer are two
	// blocks at least; each block but the last of either is acknowledged by one.
	Turnaround time.Duration
}

// The links of today's cards and readers. Assumed: see the package's comment.
var (
	Contact       = Link{"contact, T=1, 115 kbit/s", 115_200, 12, 254, 4, 1500 * time.Microsecond}
	Contactless   = Link{"contactless, 106 kbit/s", 106_000, 10, 253, 5, time.Millisecond}
	Contactless2x = Link{"contactless, 212 kbit/s", 212_000, 10, 253, 5, time.Millisecond}
	Contactless4x = Link{"contactless, 424 kbit/s", 424_000, 10, 253, 5, time.Millisecond}
)

// exchange is how long a command of so many bytes takes with its answer.
func (l Link) exchange(command, response int) time.Duration {
	blocks, bytes := 0, 0
	for _, n := range []int{command, response} {
		count := max(1, (n+l.Block-1)/l.Block)
		acknowledgements := count - 1
		blocks += count + acknowledgements
		bytes += n + (count+acknowledgements)*l.Overhead
	}
	return time.Duration(blocks)*l.Turnaround + time.Duration(bytes*l.BitsPerByte)*time.Second/time.Duration(l.BitRate)
}

// Times are the card's own.
type Times struct {
	Command time.Duration // any command
	Verify  time.Duration // beside it: to compare a secret and write the counter
	Sign    time.Duration // to sign with RSA of 2048 bits
}

// AssumedTimes of a card of today.
var AssumedTimes = Times{Command: 5 * time.Millisecond, Verify: 30 * time.Millisecond, Sign: 500 * time.Millisecond}

func (t Times) of(c apdu.Command) time.Duration {
	switch {
	case c.Secret():
		return t.Command + t.Verify
	case c.INS == apdu.InsPerformSecurityOperation:
		return t.Command + t.Sign
	}
	return t.Command
}

// Meter is a card behind a link.
type Meter struct {
	Card  apdu.Transmitter
	Link  Link
	Times Times

	Commands       int
	Sent, Received int           // bytes of APDUs
	Elapsed        time.Duration // that it all would have taken
	busy           time.Duration // of which the card was at work
}

// NewMeter measures a card with [AssumedTimes].
func NewMeter(card apdu.Transmitter, l Link) *Meter {
	return &Meter{Card: card, Link: l, Times: AssumedTimes}
}

// Transmit implements apdu.Transmitter.
func (m *Meter) Transmit(ctx context.Context, command []byte) ([]byte, error) {
	own := m.Times.Command
	if c, err := apdu.ParseCommand(command); err == nil {
		own = m.Times.of(c)
	}
	sent := len(command)
	response, err := m.Card.Transmit(ctx, command)
	m.Commands++
	m.Sent += sent
	m.Received += len(response)
	m.busy += own
	m.Elapsed += own + m.Link.exchange(sent, len(response))
	return response, err
}

// ATR is the card's, if it has one.
func (m *Meter) ATR() []byte {
	if c, ok := m.Card.(interface{ ATR() []byte }); ok {
		return c.ATR()
	}
	return nil
}

// Bound is the least that the same bytes could have taken: all in one exchange, and
// the card's own work.
func (m *Meter) Bound() time.Duration {
	return m.busy - time.Duration(max(0, m.Commands-1))*m.Times.Command + m.Link.exchange(m.Sent, m.Received)
}
