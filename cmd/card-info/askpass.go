package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/mykeykit/mykeykit/internal/cli"
	"github.com/mykeykit/mykeykit/internal/sshagent"
	"github.com/mykeykit/mykeykit/internal/tty"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/mykey/message"
)

// maxPrompts bounds how often one signature asks again for what can't be a PIN: a
// program that answers in a person's place would never stop.
const maxPrompts = 3

// askForSSH asks for the PIN of one signature. What can't be a PIN is asked for
// again, and was not sent; no answer at all is no.
func (p *program) askForSSH(ctx context.Context, ready jpki.Readiness) (jpki.PIN, error) {
	noteAsked(ctx)
	ask, done, err := p.whoAsksForSSH()
	if err != nil {
		return jpki.PIN{}, cli.Because(err, cli.CodeNoTerminal, tty.TextNoTerminal, textNoAskpassNext)
	}
	done = sync.OnceFunc(done)
	defer done()
	prompt := p.Say(promptForSSH(sshagent.RequestOf(ctx))) + "\n" + p.Say(tty.PromptPIN(ready.Counter))
	for shown := 1; ; shown++ {
		pin, err := tty.ReadPIN(ctx, givenBy(ask), prompt)
		switch {
		case ctx.Err() != nil:
			done() // from now on it would show
			p.Warn(message.Interrupted, textAskOver)
			return pin, err
		case !errors.Is(err, jpki.ErrPINFormat), shown == maxPrompts:
			return pin, err
		}
		if shown == 1 {
			prompt = p.Say(message.For(err).What) + "\n" + prompt
		}
	}
}

// errNotGiven: nobody answered.
var errNotGiven = cli.Because(errors.New("no PIN was given"), message.Interrupted, textNotGiven, textNotGivenNext)

// givenBy is ask, with errNotGiven for an empty line and where there is none.
func givenBy(ask tty.Ask) tty.Ask {
	return func(ctx context.Context, prompt string) ([]byte, error) {
		line, err := ask(ctx, prompt)
		var told *cli.Failure
		if err == nil && tty.IsEmpty(line) || err != nil && ctx.Err() == nil && !errors.As(err, &told) {
			err = errNotGiven
		}
		return line, err
	}
}

// whoAsksForSSH is the terminal or the program of SSH_ASKPASS, as OpenSSH chooses
// (ssh(1), SSH_ASKPASS_REQUIRE): without a word about it the program asks only where
// there is no terminal, and a display.
func (p *program) whoAsksForSSH() (ask tty.Ask, done func(), err error) {
	allowed, preferred := p.getenv("DISPLAY") != "" || p.getenv("WAYLAND_DISPLAY") != "", false
	switch strings.ToLower(p.getenv("SSH_ASKPASS_REQUIRE")) {
	case "force":
		allowed, preferred = true, true
	case "prefer":
		preferred = allowed
	case "never":
		allowed = false
	}
	err = errors.New("SSH_ASKPASS is preferred")
	if !preferred {
		var t tty.Terminal
		if t, err = p.terminal(); err == nil && !t.Background() {
			return tty.At(t), func() { t.Close() }, nil
		} else if err == nil {
			t.Close()
			err = errors.New("in the background of its terminal")
		}
	}
	if !allowed {
		return nil, nil, err
	}
	return p.askpass, func() {}, nil
}

// askpass has a program ask, as ssh-askpass(1): the prompt is its argument, the
// answer what it writes, and any exit code but 0 is no.
func (p *program) askpass(ctx context.Context, prompt string) ([]byte, error) {
	name := p.getenv("SSH_ASKPASS")
	if name == "" {
		name = "ssh-askpass"
	}
	const patience = time.Second // with one that is told to end
	c := exec.CommandContext(ctx, name, p.Encoding.Encode(prompt))
	c.WaitDelay = patience
	inOwnSession(c)
	answer := &answer{}
	c.Stdout = answer
	err := c.Run()
	var refused *exec.ExitError
	switch {
	case len(answer.line) > tty.MaxTyped:
		return answer.line, nil // whatever became of the rest, it is no PIN
	case err != nil && !errors.As(err, &refused) && ctx.Err() == nil:
		return answer.line, cli.Because(fmt.Errorf("SSH_ASKPASS: %w", err), cli.CodeNoTerminal, tty.TextNoTerminal, textNoAskpassNext)
	}
	return answer.line, err
}

// answer keeps what a program writes, without a copy that would not be wiped.
type answer struct{ line []byte }

// ReadFrom reads to the end, or until it is too long for an answer.
func (a *answer) ReadFrom(r io.Reader) (int64, error) {
	room := make([]byte, tty.MaxTyped+1)
	n, err := io.ReadFull(r, room)
	a.line = room[:n]
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil
	}
	return int64(n), err
}

// Write is what makes an answer an io.Writer; package exec reads from it instead.
func (a *answer) Write([]byte) (int, error) { return 0, errors.ErrUnsupported }
