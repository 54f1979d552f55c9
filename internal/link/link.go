// Package link models how long exchanges with a card take, so that programs can be
// compared without a card or a stopwatch.
//
// A [Link] is the path between a program and a card: contacts or radio, at a given
// bit rate. A [Meter] wraps a card. It forwards each command and counts commands,
// bytes and the time that they would have taken on its Link. It neither sleeps nor
// reads a clock.
//
// # Accuracy
//
// Bit rates and block formats follow the standards (ISO/IEC 7816-3 for T=1 and
// ISO/IEC 14443-4). The turnaround of a reader and the processing times of the card are
// assumed to be typical values. All programs are compared with the same figures. Use the
// results as ratios, not as absolute times.
//
// # Concurrency
//
// A Meter must be used by one goroutine at a time, like a card's connection.
package link

import (
	"context"
	"time"

	"github.com/mykeykit/mykeykit/apdu"
)

// Link is the path between a program and a card.
type Link struct {
	Name string
	// BitRate is in bits per second. BitsPerByte includes start, parity and guard bits.
	BitRate, BitsPerByte int
	// Block is the number of APDU bytes that one block of the protocol carries, and
	// Overhead the number of bytes that it adds to them.
	Block, Overhead int
	// Turnaround is the time that each block takes in addition to its bits: in the
	// reader, in the system's software and before the response. A command and its
	// response take at least one block each; each block except the last of either is
	// acknowledged by another block.
	Turnaround time.Duration
}

// Links of current cards and readers. The figures are assumed; see the package comment.
var (
	Contact       = Link{"contact, T=1, 115 kbit/s", 115_200, 12, 254, 4, 1500 * time.Microsecond}
	Contactless   = Link{"contactless, 106 kbit/s", 106_000, 10, 253, 5, time.Millisecond}
	Contactless2x = Link{"contactless, 212 kbit/s", 212_000, 10, 253, 5, time.Millisecond}
	Contactless4x = Link{"contactless, 424 kbit/s", 424_000, 10, 253, 5, time.Millisecond}
)

// exchange returns the time for a command and its response, of these numbers of bytes.
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

// Times are the processing times of a card.
type Times struct {
	Command time.Duration // any command
	Verify  time.Duration // added for comparing a secret and writing the counter
	Sign    time.Duration // added for a signature with a 2048-bit RSA key
}

// AssumedTimes are the assumed processing times of a current card.
var AssumedTimes = Times{Command: 5 * time.Millisecond, Verify: 30 * time.Millisecond, Sign: 500 * time.Millisecond}

func (t Times) process(c apdu.Command) time.Duration {
	switch {
	case c.Secret():
		return t.Command + t.Verify
	case c.INS == apdu.InsPerformSecurityOperation:
		return t.Command + t.Sign
	}
	return t.Command
}

// Meter forwards commands to a card and adds up their time on a link.
type Meter struct {
	Card  apdu.Transmitter
	Link  Link
	Times Times

	Commands       int
	Sent, Received int           // bytes of APDUs
	Elapsed        time.Duration // modeled time of all exchanges
	busy           time.Duration // the part of it that the card spent processing
}

// NewMeter returns a Meter that forwards to card and uses [AssumedTimes].
func NewMeter(card apdu.Transmitter, l Link) *Meter {
	return &Meter{Card: card, Link: l, Times: AssumedTimes}
}

// Transmit implements apdu.Transmitter.
func (m *Meter) Transmit(ctx context.Context, command []byte) ([]byte, error) {
	processing := m.Times.Command
	if c, err := apdu.ParseCommand(command); err == nil {
		processing = m.Times.process(c)
	}
	sent := len(command)
	response, err := m.Card.Transmit(ctx, command)
	m.Commands++
	m.Sent += sent
	m.Received += len(response)
	m.busy += processing
	m.Elapsed += processing + m.Link.exchange(sent, len(response))
	return response, err
}

// ATR returns the ATR of the card, or nil if the card does not have one.
func (m *Meter) ATR() []byte {
	if c, ok := m.Card.(interface{ ATR() []byte }); ok {
		return c.ATR()
	}
	return nil
}

// Bound returns the shortest time in which the same bytes could be exchanged: all of
// them in one exchange, plus the processing time of the card.
func (m *Meter) Bound() time.Duration {
	return m.busy - time.Duration(max(0, m.Commands-1))*m.Times.Command + m.Link.exchange(m.Sent, m.Received)
}
