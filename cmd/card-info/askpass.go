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

// maxPrompts limits the prompts for one signature if the answers are malformed: an
// askpass program might answer the same forever.
const maxPrompts = 3

// askForSSH asks for the PIN for one signature. After a malformed answer, which is not
// sent, it asks again. It returns errNoPIN if there is no answer.
func (p *program) askForSSH(ctx context.Context, ready jpki.Readiness) (jpki.PIN, error) {
	markAsked(ctx)
	ask, done, err := p.sshPrompter()
	if err != nil {
		return jpki.PIN{}, cli.Because(err, cli.CodeNoTerminal, tty.TextNoTerminal, textNoAskpassNext)
	}
	done = sync.OnceFunc(done)
	defer done()
	prompt := p.Say(promptForSSH(sshagent.RequestOf(ctx))) + "\n" + p.Say(tty.PromptPIN(ready.Counter))
	for shown := 1; ; shown++ {
		pin, err := tty.ReadPIN(ctx, requireAnswer(ask), prompt)
		switch {
		case ctx.Err() != nil:
			done() // restores the terminal, which echoes from now on
			p.Warn(message.Interrupted, textPINNotNeeded)
			return pin, err
		case !errors.Is(err, jpki.ErrPINFormat), shown == maxPrompts:
			return pin, err
		}
		if shown == 1 {
			prompt = p.Say(message.For(err).What) + "\n" + prompt
		}
	}
}

// errNoPIN reports that no PIN was entered.
var errNoPIN = cli.Because(errors.New("no PIN was entered"), message.Interrupted, textNoPIN, textNoPINNext)

// requireAnswer wraps ask. It returns errNoPIN if the answer is an empty line or missing.
func requireAnswer(ask tty.Ask) tty.Ask {
	return func(ctx context.Context, prompt string) ([]byte, error) {
		line, err := ask(ctx, prompt)
		var failure *cli.Failure
		if err == nil && tty.IsEmpty(line) || err != nil && ctx.Err() == nil && !errors.As(err, &failure) {
			err = errNoPIN
		}
		return line, err
	}
}

// sshPrompter chooses who asks for the PIN, the terminal or the program in SSH_ASKPASS, as
// OpenSSH does (ssh(1), SSH_ASKPASS_REQUIRE). By default the program asks only if there is
// no terminal but a display. done releases the terminal.
func (p *program) sshPrompter() (ask tty.Ask, done func(), err error) {
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
			err = errors.New("ssh-agent runs in the background of its terminal")
		}
	}
	if !allowed {
		return nil, nil, err
	}
	return p.askpass, func() {}, nil
}

// askpass runs a program like ssh-askpass(1): its argument is the prompt, its output the
// answer. An exit code other than 0 means no.
func (p *program) askpass(ctx context.Context, prompt string) ([]byte, error) {
	name := p.getenv("SSH_ASKPASS")
	if name == "" {
		name = "ssh-askpass"
	}
	const killDelay = time.Second // after SIGTERM
	c := exec.CommandContext(ctx, name, p.Encoding.Encode(prompt))
	c.WaitDelay = killDelay
	startSession(c)
	answer := &answer{}
	c.Stdout = answer
	err := c.Run()
	var refused *exec.ExitError
	switch {
	case len(answer.line) > tty.MaxTyped:
		return answer.line, nil // too long for a PIN, whatever the exit code
	case err != nil && !errors.As(err, &refused) && ctx.Err() == nil:
		return answer.line, cli.Because(fmt.Errorf("SSH_ASKPASS: %w", err), cli.CodeNoTerminal, tty.TextNoTerminal, textNoAskpassNext)
	}
	return answer.line, err
}

// answer collects a program's output in one buffer, without copies that would not be
// wiped.
type answer struct{ line []byte }

// ReadFrom reads to the end, or until the answer is too long.
func (a *answer) ReadFrom(r io.Reader) (int64, error) {
	room := make([]byte, tty.MaxTyped+1)
	n, err := io.ReadFull(r, room)
	a.line = room[:n]
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil
	}
	return int64(n), err
}

// Write makes answer an io.Writer. Package exec calls ReadFrom instead.
func (a *answer) Write([]byte) (int, error) { return 0, errors.ErrUnsupported }
