// Package vpcd inserts a simulated card into the virtual smart-card reader of pcscd, so that every
// program on the machine that uses PC/SC sees it as if it were a real card.
//
// The virtual reader is a driver of the vsmartcard project (Debian package
// vsmartcard-vpcd). It listens on a TCP port, by default 35963; each connection to it is a
// card. [Serve] is the card's side of such a connection: it connects, answers commands, and
// connects again after pcscd has restarted. The card is removed when Serve returns.
//
// # Protocol
//
// Each message is a 16-bit big-endian length and that number of bytes. A message of one
// byte to the card is a control: 0 power off, 1 power on, 2 reset, 4 return the answer to
// reset. Any other message to the card is a command APDU, and the card sends the response
// APDU. The protocol was taken from vsmartcard's documentation, and from observing the
// program.
//
// # Errors and concurrency
//
// Serve returns ctx's error. A [Card] must be used by one Serve at a time. Several calls
// of Serve may run concurrently.
package vpcd

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"time"
)

// Card is a card that can be inserted. *simulator.Card implements it.
type Card interface {
	ATR() []byte
	PowerOn()
	PowerOff()
	Reset()
	// Exchange returns the response to a command APDU, or nil if there is none.
	Exchange(command []byte) []byte
}

// The controls of the protocol.
const (
	controlOff   = 0
	controlOn    = 1
	controlReset = 2
	controlATR   = 4
)

// noResponse is sent for a card that does not answer, such as one without power. It is too
// short for a response APDU, but not empty: after an empty message the virtual reader, and
// pcscd with it, would wait forever. pcscd may send a command to a card without power if
// one program connects while another one's disconnect cuts the power.
var noResponse = []byte{0x00}

// reconnectEvery is the pause between attempts to connect to the virtual reader.
const reconnectEvery = 100 * time.Millisecond

// silence is how long the virtual reader may send nothing. It checks several times a
// second whether the card is present. If two connections are opened at the same time,
// one of them may be lost on the reader's side only, which is then silent forever.
var silence = 10 * time.Second

// Serve inserts card into the virtual reader at address (host:port) and answers commands until ctx
// ends. It returns ctx's error. It keeps trying to connect while nobody listens at address, and
// connects again when the connection breaks.
//
// If report is not nil, Serve calls it with nil each time it has inserted the card, and
// with the cause each time the card is removed or can't be inserted. It may report the same
// cause several times.
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

// insert inserts the card once, and answers commands until the connection ends.
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

// respond returns the message that answers a message, or nil if the protocol expects none.
func respond(card Card, message []byte) []byte {
	if len(message) != 1 {
		if answer := card.Exchange(message); len(answer) > 0 {
			return answer
		}
		return noResponse
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
