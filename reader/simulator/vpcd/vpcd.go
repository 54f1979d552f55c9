// Package vpcd lends a simulated card to the virtual smart-card reader of
// pcscd, so that every program on the machine that speaks PC/SC finds it in a
// reader, as if it were real.
//
// The virtual reader is the driver of vsmartcard (Debian: vsmartcard-vpcd). It
// listens on a TCP port, 35963 unless it was told otherwise, and takes what
// connects there for a card. [Serve] is that card's side: it connects, answers,
// and connects again when pcscd was restarted. Ending Serve takes the card out
// of the reader.
//
// # The protocol
//
// Both sides send messages of a 16-bit big-endian length and as many bytes. A
// message of one byte to the card is a control: 0 power off, 1 power on, 2
// reset, 4 the answer to reset is asked for. Any other is a command APDU; the
// card's message is the response APDU. (Read off vsmartcard's documentation
// and measured.)
//
// # Errors, concurrency
//
// Serve returns what ended it: ctx's error. A [Card] is used by one Serve at
// a time; several Serves may run beside each other.
package vpcd

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"time"
)

// Card is what is lent; *simulator.Card is one.
type Card interface {
	ATR() []byte
	PowerOn()
	PowerOff()
	Reset()
	// Exchange answers a command APDU; nil is no answer.
	Exchange(command []byte) []byte
}

// The controls of the protocol.
const (
	controlOff   = 0
	controlOn    = 1
	controlReset = 2
	controlATR   = 4
)

// nothing is what a card without power, or any that is mute, answers: too little
// to be a response. The virtual reader waits for an answer, and after one of no
// bytes it waits for ever, with all of its pcscd that has to do with this reader.
// pcscd may send a command to a card without power: where one program connects
// while another one's disconnecting cuts it.
var nothing = []byte{0x00}

// Pause between attempts to reach the virtual reader.
const reconnectEvery = 100 * time.Millisecond

// silence is how long the reader may say nothing, which asks for the card's
// presence several times a second. A connection that was made while another
// waited to be accepted may be lost on the reader's side alone: then it is
// silent for ever.
var silence = 10 * time.Second

// Serve lends card to the virtual reader at address (host:port) until ctx ends,
// and returns ctx's error. It keeps trying while nobody listens there and
// while the connection breaks. report, if not nil, is called with nil each time
// the card was inserted and with the cause each time it is out again or could
// not be inserted, repeated causes among them.
func Serve(ctx context.Context, address string, card Card, report func(error)) error {
	if report == nil {
		report = func(error) {}
	}
	for ctx.Err() == nil {
		err := insert(ctx, address, card, report)
		if ctx.Err() != nil {
			break
		}
		report(err)
		select {
		case <-time.After(reconnectEvery):
		case <-ctx.Done():
		}
	}
	return ctx.Err()
}

// insert is one time in the reader, from the connection to its end.
func insert(ctx context.Context, address string, card Card, report func(error)) error {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	defer card.PowerOff()
	report(nil)

	for {
		acknowledgeAtOnce(conn)
		if err := conn.SetReadDeadline(time.Now().Add(silence)); err != nil {
			return err
		}
		message, err := receive(conn)
		if err != nil {
			return err
		}
		answer := respond(card, message)
		if answer == nil {
			continue
		}
		if err := send(conn, answer); err != nil {
			return err
		}
	}
}

// respond is nil where the protocol expects no answer.
func respond(card Card, message []byte) []byte {
	if len(message) != 1 {
		if answer := card.Exchange(message); len(answer) > 0 {
			return answer
		}
		return nothing
	}
	switch message[0] {
	case controlOff:
		card.PowerOff()
	case controlOn:
		card.PowerOn()
	case controlReset:
		card.Reset()
	case controlATR:
		return card.ATR()
	}
	return nil
}

func receive(r io.Reader) ([]byte, error) {
	var length [2]byte
	if _, err := io.ReadFull(r, length[:]); err != nil {
		return nil, err
	}
	message := make([]byte, binary.BigEndian.Uint16(length[:]))
	_, err := io.ReadFull(r, message)
	return message, err
}

var errTooLong = errors.New("message longer than 65535 bytes")

func send(w io.Writer, message []byte) error {
	if len(message) > 0xFFFF {
		return errTooLong
	}
	b := binary.BigEndian.AppendUint16(make([]byte, 0, 2+len(message)), uint16(len(message)))
	_, err := w.Write(append(b, message...))
	return err
}
