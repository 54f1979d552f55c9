package terminal

import (
	"context"
	"errors"
	"time"

	"github.com/mykeykit/mykeykit/mykey/message"
	"github.com/mykeykit/mykeykit/mykey/registry"
)

const (
	pinging  = 2 * time.Second  // between two pings of a registry that is away
	longPing = 15 * time.Second // a ping that takes longer has failed
)

// closes tells whether an error of the registry ends all visits until a ping succeeds.
func closes(err error) bool {
	return errors.Is(err, registry.ErrUnavailable) || errors.Is(err, registry.ErrTerminalTaken)
}

// ping asks the registry whether it can write. Every failure closes the terminal.
func (t *Terminal) ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, longPing)
	defer cancel()
	err := t.config.Registry.Ping(ctx)
	if err != nil && !closes(err) {
		err = errors.Join(registry.ErrUnavailable, err)
	}
	return err
}

// proveWritable pings the registry at the start of a visit: nobody is asked for a PIN
// before it has answered that it can write.
func (t *Terminal) proveWritable() {
	writable := t.visit.writable
	t.beside(func(ctx context.Context) func() {
		if err := t.ping(ctx); err != nil {
			return func() { t.unavailable(err) }
		}
		close(writable)
		return func() {}
	})
}

// look closes the terminal if its registry does not answer when it starts.
func (t *Terminal) look() {
	if err := t.ping(t.life); err != nil {
		t.tell(func() { t.unavailable(err) })
	}
}

// unavailable closes the terminal until the registry can write again.
func (t *Terminal) unavailable(err error) {
	t.forget()
	if t.closed == nil {
		go t.reopen(problem(err).Code)
	}
	t.closed = err
	t.stop(err)
}

// reopen pings until a ping succeeds, and then lets visits begin. Meanwhile the screen
// shows why they can't, by the code of its notice.
func (t *Terminal) reopen(shown message.Code) {
	for {
		select {
		case <-t.life.Done():
			return
		case <-time.After(pinging):
		}
		err := t.ping(t.life)
		if err == nil {
			break
		}
		if code := problem(err).Code; code != shown {
			shown = code
			t.tell(func() { t.unavailable(err) })
		}
	}
	t.tell(func() {
		t.closed = nil
		t.log("database up", "")
		if t.visit == nil {
			t.rest()
		}
	})
}

// tell has Run's goroutine do something that belongs to no visit.
func (t *Terminal) tell(do func()) {
	select {
	case t.results <- result{nil, do}:
	case <-t.life.Done():
	}
}
