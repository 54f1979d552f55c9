package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/text/unicode/norm"

	"github.com/mykeykit/mykeykit/apdu"
	"github.com/mykeykit/mykeykit/internal/cli"
	"github.com/mykeykit/mykeykit/internal/tty"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/mykey/message"
	"github.com/mykeykit/mykeykit/reader"
)

// Codes of pin change.
const (
	codeNoConsent   message.Code = "NO_CONSENT"
	codePINMismatch message.Code = "PIN_MISMATCH"
)

// changeOptions are the flags of pin change.
type changeOptions struct{ signature, allowLastAttempt bool }

func (p *program) pinCommand() *cobra.Command {
	c := &cobra.Command{Use: "pin", Short: p.Say(textPINShort), Args: cli.NoArguments, RunE: func(*cobra.Command, []string) error {
		return p.Misuse(textPINSubcommand, errors.New("pin: no subcommand"))
	}}
	var o changeOptions
	change := &cobra.Command{
		Use: "change", Short: p.Say(textPINChangeShort), Long: p.Say(textPINChangeLong), Args: cli.NoArguments,
		RunE: func(c *cobra.Command, _ []string) error { return p.changePIN(c.Context(), o) },
	}
	change.Flags().BoolVar(&o.signature, "signature", false, p.Say(textFlagChangeSignature))
	change.Flags().BoolVar(&o.allowLastAttempt, "allow-last-attempt", false, p.Say(textFlagAllowLastAttempt))
	c.AddCommand(change)
	return c
}

// sendChange sends the old and the new secret to a card.
type sendChange func(ctx context.Context, card reader.Card, options ...jpki.CardOption) error

// secretToChange is the PIN or the signature password.
type secretToChange struct {
	ready func(*jpki.Application, context.Context) (jpki.Readiness, error)
	// parse takes the old and the new one and returns what sends them.
	parse             func(old, replacement []byte) (send sendChange, wipe func(), err error)
	askOld, askNew    Text
	askAgain, changed Text
	isWeak            func([]byte) bool
	weak              Text
}

// parsed returns secretToChange.parse for one kind of secret.
func parsed[S interface{ Wipe() }](
	parse func([]byte) (S, error),
	change func(ctx context.Context, card apdu.Transmitter, old, replacement S, options ...jpki.CardOption) error,
) func(old, replacement []byte) (sendChange, func(), error) {
	return func(old, replacement []byte) (sendChange, func(), error) {
		a, err := parse(old)
		b, err2 := parse(replacement)
		return func(ctx context.Context, card reader.Card, options ...jpki.CardOption) error {
			return change(ctx, card, a, b, options...)
		}, func() { a.Wipe(); b.Wipe() }, errors.Join(err, err2)
	}
}

func pinToChange() secretToChange {
	return secretToChange{
		(*jpki.Application).Ready, parsed(jpki.ParsePIN, jpki.ChangePIN),
		textAskOldPIN, textAskNewPIN, textAskNewPINAgain, textPINChanged, isWeakPIN, textWeakPIN,
	}
}

func passwordToChange() secretToChange {
	return secretToChange{
		(*jpki.Application).ReadyToSign, parsed(jpki.ParsePassword, jpki.ChangePassword),
		textAskOldPassword, textAskNewPassword, textAskNewPasswordAgain, textPasswordChanged, isWeakPassword, textWeakPassword,
	}
}

// changePIN asks for consent, the old secret, and the new one twice, and changes it.
func (p *program) changePIN(ctx context.Context, o changeOptions) error {
	s := pinToChange()
	if o.signature {
		s = passwordToChange()
	}
	t, err := p.terminal()
	if err != nil {
		return cli.Because(err, cli.CodeNoTerminal, tty.TextNoTerminal, textChangeAtTerminal)
	}
	defer t.Close()
	if err := t.Hide(); err != nil { // as in typedPIN
		return cli.Because(err, cli.CodeNoTerminal, tty.TextNoTerminal, textChangeAtTerminal)
	}
	options := []jpki.CardOption{jpki.AllowExpired()}
	if o.allowLastAttempt {
		options = append(options, jpki.AllowLastAttempt())
	}
	var name string
	var ready jpki.Readiness
	err = p.withApplication(ctx, func(found reader.Reader, a *jpki.Application) error {
		name = found.Name
		ready, err = s.ready(a, ctx)
		return err
	}, options...)
	if err != nil {
		return err
	}
	send, wipe, err := p.askForChange(ctx, t, s, ready.Remaining)
	defer wipe()
	if err == nil {
		err = p.withCard(ctx, name, func(_ string, card reader.Card) error {
			return send(ctx, card, append(options, jpki.ForCard(ready))...)
		})
	}
	if err != nil {
		if !errors.Is(err, jpki.ErrChangeUnknown) && !errors.Is(err, jpki.ErrStillUnlocked) { // it may be changed then
			p.progress(p.Say(textNotChanged) + "\n")
		}
		return err
	}
	if p.JSON {
		return cli.WriteJSON(p.stdout, map[string]bool{"changed": true})
	}
	_, err = fmt.Fprintln(p.stdout, p.Say(s.changed))
	return err
}

// askForChange asks for consent and the secrets, and returns what sends them.
func (p *program) askForChange(ctx context.Context, t tty.Terminal, s secretToChange, left int) (send sendChange, wipe func(), err error) {
	wipe = func() {}
	var typed [4][]byte // consent, old, new, new
	defer func() {
		for _, line := range typed {
			clear(line)
		}
	}()
	askOld := cli.Formatted(s.askOld, left)
	if left == 1 {
		askOld = textLastPassword.And(askOld)
	}
	for i, prompt := range []Text{textAskConsent, askOld, s.askNew, s.askAgain} {
		line, err := tty.At(t)(ctx, p.Say(prompt))
		defer clear(line)
		switch {
		case ctx.Err() != nil:
			return nil, wipe, ctx.Err()
		case err != nil:
			return nil, wipe, err
		}
		typed[i] = norm.NFKC.Bytes(trimPIN(line))
		switch {
		case i == 0 && !isConsent(typed[0]):
			return nil, wipe, cli.Because(errors.New("no consent"), codeNoConsent, textNoConsent, textNoConsentNext)
		case i == 2 && s.isWeak(typed[2]):
			fmt.Fprintln(t, p.Say(s.weak))
		}
	}
	if !bytes.EqualFold(typed[2], typed[3]) { // upper and lower case are the same
		return nil, wipe, cli.Because(errors.New("typed twice, differently"), codePINMismatch, textPINMismatch, textPINMismatchNext)
	}
	return s.parse(typed[1], typed[2])
}

func isConsent(typed []byte) bool {
	return bytes.EqualFold(typed, []byte("change")) || string(typed) == "変更"
}

// isWeakPassword reports whether a password has letters alone or digits alone.
func isWeakPassword(password []byte) bool {
	digits := len(bytes.Trim(password, "0123456789")) == 0
	return digits || !bytes.ContainsAny(password, "0123456789")
}

// isWeakPIN reports whether a PIN of 4 digits is one of those that are tried first: a day of the year, in
// either order, a year of birth, equal digits, or a run.
func isWeakPIN(pin []byte) bool {
	if len(pin) != 4 {
		return false
	}
	equal, up, down := true, true, true
	for i := 1; i < len(pin); i++ {
		equal = equal && pin[i] == pin[i-1]
		up = up && pin[i] == pin[i-1]+1
		down = down && pin[i] == pin[i-1]-1
	}
	isDay := func(a, b []byte) bool {
		_, err := time.Parse("20060102", "2024"+string(a)+string(b)) // a leap year
		return err == nil
	}
	year := string(pin) >= "1900" && string(pin) <= "2029"
	return equal || up || down || year || isDay(pin[:2], pin[2:]) || isDay(pin[2:], pin[:2])
}
