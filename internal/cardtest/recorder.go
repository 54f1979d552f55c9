package cardtest

import (
	"bytes"
	"context"
	"slices"
	"sync"

	"github.com/mykeykit/mykeykit/apdu"
	"github.com/mykeykit/mykeykit/reader"
)

// Recorder records the commands that are sent to cards. The zero value is ready to use. It
// is safe for concurrent use; the hooks are set while nothing is sent.
type Recorder struct {
	// Before is called ahead of the nth command, from 0. If it returns an error, that is
	// the result and the card gets nothing.
	Before func(n int, c apdu.Command) error
	// After is called with the card's answer to the nth command. It returns what the
	// program gets instead.
	After func(n int, c apdu.Command, response []byte) ([]byte, error)

	mu          sync.Mutex
	connections [][]apdu.Command
	sent        []apdu.Command
}

// Record returns a connection whose commands are recorded.
func (r *Recorder) Record(card reader.Card) reader.Card {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.connections = append(r.connections, nil)
	return &connection{Card: card, recorder: r, index: len(r.connections) - 1}
}

// Sent returns the commands in the order in which they were sent, those that Before
// refused among them.
func (r *Recorder) Sent() []apdu.Command {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.sent)
}

// Connections returns the commands by the connection on which they were sent.
func (r *Recorder) Connections() [][]apdu.Command {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.connections)
}

// Count returns how many commands match.
func (r *Recorder) Count(match func(apdu.Command) bool) (n int) {
	for _, c := range r.Sent() {
		if match(c) {
			n++
		}
	}
	return n
}

// Secrets returns how many commands sent a PIN or a password.
func (r *Recorder) Secrets() int { return r.Count(apdu.Command.Secret) }

// Forget forgets the commands of before.
func (r *Recorder) Forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sent, r.connections = nil, make([][]apdu.Command, len(r.connections))
}

// connection is a recorded connection.
type connection struct {
	reader.Card
	recorder *Recorder
	index    int
}

func (c *connection) Transmit(ctx context.Context, command []byte) ([]byte, error) {
	parsed, err := apdu.ParseCommand(bytes.Clone(command)) // secrets are wiped after use
	if err != nil {
		return nil, err
	}
	r := c.recorder
	n := r.add(c.index, parsed)
	if r.Before != nil {
		if err := r.Before(n, parsed); err != nil {
			return nil, err
		}
	}
	response, err := c.Card.Transmit(ctx, command)
	if err == nil && r.After != nil {
		return r.After(n, parsed, response)
	}
	return response, err
}

func (r *Recorder) add(connection int, c apdu.Command) (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sent = append(r.sent, c)
	r.connections[connection] = append(r.connections[connection], c)
	return len(r.sent) - 1
}

// Driver is a driver whose connections are recorded.
type Driver struct {
	reader.Driver
	Recorder
}

// Connect connects as the driver does.
func (d *Driver) Connect(ctx context.Context, name string) (reader.Card, error) {
	card, err := d.Driver.Connect(ctx, name)
	if err != nil {
		return nil, err
	}
	return d.Record(card), nil
}
