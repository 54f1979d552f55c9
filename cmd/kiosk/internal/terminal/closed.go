package terminal

import (
	"context"
	"errors"
	"time"

	"github.com/mykeykit/mykeykit/internal/fleet"
	"github.com/mykeykit/mykeykit/jpki/proof"
	"github.com/mykeykit/mykeykit/mykey/message"
	"github.com/mykeykit/mykeykit/mykey/registry"
)

const (
	pingInterval = 2 * time.Second // while the registry is unavailable
	pingTimeout  = 15 * time.Second
)

// closesTerminal reports whether a registry error closes the terminal until a ping
// succeeds.
func closesTerminal(err error) bool {
	for _, closing := range []error{registry.ErrUnavailable, registry.ErrTerminalTaken, fleet.ErrNotEnrolled, fleet.ErrBusy} {
		if errors.Is(err, closing) {
			return true
		}
	}
	return false
}

// ping checks that the registry can write. Every error it returns closes the terminal.
func (t *Terminal) ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	err := t.config.Service.Ping(ctx)
	if err != nil && !closesTerminal(err) {
		err = errors.Join(registry.ErrUnavailable, err)
	}
	return err
}

// fetchChallenge gets a challenge at the start of a visit, which shows that changes can be
// stored. The terminal asks for a PIN only after that has succeeded.
func (t *Terminal) fetchChallenge() {
	v := t.visit
	t.runAsync(func(ctx context.Context) func() {
		challenge, err := t.challenge(ctx)
		return func() {
			if err != nil {
				t.closeTerminal(err)
				return
			}
			v.challenge, v.challengeAt = challenge, time.Now()
			close(v.writable)
		}
	})
}

// challenge gets a challenge. Every error it returns closes the terminal.
func (t *Terminal) challenge(ctx context.Context) (proof.Challenge, error) {
	ctx, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	challenge, err := t.config.Service.Challenge(ctx)
	if err != nil && !closesTerminal(err) {
		err = errors.Join(registry.ErrUnavailable, err)
	}
	return challenge, err
}

// checkRegistry pings the registry at startup, and closes the terminal if that fails.
func (t *Terminal) checkRegistry() {
	if err := t.ping(t.runCtx); err != nil {
		t.post(func() { t.closeTerminal(err) })
	}
}

// closeTerminal closes the terminal until the registry can write again.
func (t *Terminal) closeTerminal(err error) {
	t.endVisit()
	if t.registryErr == nil {
		go t.reopen(noticeFor(err).Code)
	}
	t.registryErr = err
	t.showProblem(err)
}

// reopen pings the registry until that succeeds, and then opens the terminal. In the
// meantime it updates the screen when the reason changes; shown is the code on the
// screen.
func (t *Terminal) reopen(shown message.Code) {
	for {
		select {
		case <-t.runCtx.Done():
			return
		case <-time.After(pingInterval):
		}
		err := t.ping(t.runCtx)
		if err == nil {
			break
		}
		if code := noticeFor(err).Code; code != shown {
			shown = code
			t.post(func() { t.closeTerminal(err) })
		}
	}
	t.post(func() {
		t.registryErr = nil
		t.log("database up", "")
		if t.visit == nil {
			t.showIdle()
		}
	})
}
