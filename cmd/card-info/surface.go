package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/mykeykit/mykeykit/apdu"
	"github.com/mykeykit/mykeykit/internal/authorityfile"
	"github.com/mykeykit/mykeykit/internal/cli"
	"github.com/mykeykit/mykeykit/internal/tty"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/jpki/credential"
	"github.com/mykeykit/mykeykit/jpki/cvc"
	"github.com/mykeykit/mykeykit/jpki/trust"
	"github.com/mykeykit/mykeykit/mykey/message"
	"github.com/mykeykit/mykeykit/reader"
)

// surfaceOptions are the flags of the commands that read the text or the visual application.
type surfaceOptions struct {
	by, from         string
	stdin            bool
	allowLastAttempt bool
	authorities      []string // files
	photo            string
	underNumberAct   bool
}

// The values of --by.
const (
	byPIN     = "pin"
	byNumberA = "number-a"
	byNumberB = "number-b"
)

// fromSignature is the value of --from.
const fromSignature = "signature"

// Codes of these commands.
const (
	codeNoApplication message.Code = "NO_SUCH_APPLICATION"
	codePhoto         message.Code = "PHOTO_UNREADABLE"
	codePhotoFile     message.Code = "PHOTO_FILE"
)

func (p *program) surfaceFlags(c *cobra.Command, o *surfaceOptions, by string, values Text) {
	f := c.Flags()
	f.StringVar(&o.by, "by", by, p.Say(values))
	f.Lookup("by").DefValue = ""
	f.BoolVar(&o.stdin, "pin-stdin", false, p.Say(textFlagEntryStdin))
	f.BoolVar(&o.allowLastAttempt, "allow-last-attempt", false, p.Say(textFlagAllowLastAttempt))
	f.StringArrayVar(&o.authorities, "authority", nil, p.Say(textFlagAuthority))
}

// entry is a secret that a command asks for. parse takes what was typed.
type entry struct {
	prompt  Text // with the attempts left
	parse   func(typed []byte) error
	counter func(ctx context.Context, card apdu.Transmitter) (credential.Counter, error)
}

// enter gets a secret: from standard input, or typed at the terminal after the attempts left were
// shown. It returns the reader in which the card was, and the attempts that were shown.
func (p *program) enter(ctx context.Context, o surfaceOptions, e entry) (name string, shown *credential.Counter, err error) {
	if o.stdin {
		return p.reader, nil, p.pipedEntry(ctx, e)
	}
	t, err := p.terminal()
	if err != nil {
		return "", nil, tty.NoTerminal(err)
	}
	defer t.Close()
	if err := t.Hide(); err != nil { // as in typedPIN
		return "", nil, tty.NoTerminal(err)
	}
	var counter credential.Counter
	err = p.withCard(ctx, p.reader, func(found string, card reader.Card) error {
		name = found
		counter, err = e.counter(ctx, card)
		return err
	})
	switch {
	case err != nil:
		return "", nil, err
	case counter.Locked():
		return "", nil, kindOf(o.by).NotSent(credential.ErrLocked, counter)
	case counter.Remaining == 1 && !o.allowLastAttempt:
		return "", nil, kindOf(o.by).NotSent(credential.ErrLastAttempt, counter)
	}
	line, err := tty.At(t)(ctx, p.Say(cli.Formatted(e.prompt, counter.Remaining)))
	defer clear(line)
	if ctx.Err() != nil {
		return "", nil, ctx.Err()
	}
	if err != nil {
		return "", nil, err
	}
	return name, &counter, e.parse(trimPIN(line))
}

// pipedEntry reads a secret from one line of standard input.
func (p *program) pipedEntry(ctx context.Context, e entry) error {
	if err := p.piped("--pin-stdin"); err != nil {
		return err
	}
	return p.pipedSecret(ctx, credential.ErrFormat, e.parse)
}

// policy returns which authorities are trusted: those of the files, and those of the simulated card.
func (p *program) policy(files []string) (policy cvc.Policy, err error) {
	if policy, err = authorityfile.Policy(files); err != nil || p.simulated == nil {
		return policy, err
	}
	simulated, err := p.simulated.Authorities()
	for _, a := range simulated {
		policy.SimulatorAuthorities = append(policy.SimulatorAuthorities, cvc.Authority{ID: a.ID, Key: a.Key})
	}
	return policy, err
}

// withSurface is like withCard. If the reader breaks the connection while read finds out whether the
// card accepts extended lengths, it connects again and calls read with short lengths.
func (p *program) withSurface(ctx context.Context, name string, shortLengths *bool, read func(reader.Card) error) error {
	once := func() error {
		return p.withCard(ctx, name, func(_ string, card reader.Card) error { return read(card) })
	}
	err := once()
	if errors.Is(err, apdu.ErrProbe) {
		*shortLengths = true
		err = once()
	}
	return withoutApplication(err)
}

// withoutApplication says of a card without the application that it is one, but not which: it may be
// a phone.
func withoutApplication(err error) error {
	if errors.Is(err, jpki.ErrNoApplication) && !errors.As(err, new(*reader.NoMatchError)) {
		return cli.Because(err, codeNoApplication, textNoSurfaceApplication, textNoSurfaceApplicationNext)
	}
	return err
}

func (p *program) isOneOf(value string, allowed []string) error {
	for _, a := range allowed {
		if a == value {
			return nil
		}
	}
	return unknownValue(p, "--by", value, allowed)
}

// kindOf returns the kind of a secret in errors.
func kindOf(by string) credential.Kind {
	switch by {
	case byNumberA:
		return credential.VerificationNumberA
	case byNumberB:
		return credential.VerificationNumberB
	}
	return credential.TextPIN
}

// checks lists what was checked and what not, in JSON.
func checks(authority trust.Issuer, ownKey bool) (checked, unchecked []string) {
	checked, unchecked = []string{"signature"}, []string{"revocation", "validity", "identity-of-bearer"}
	if ownKey {
		checked = append(checked, "card-key")
	} else {
		unchecked = append(unchecked, "card-key")
	}
	if authority == trust.IssuerUnknown {
		return checked, append([]string{"authority"}, unchecked...)
	}
	return append(checked, "authority"), unchecked
}

func (p *program) writeChecks(t *table, authority trust.Issuer, ownKey bool) {
	t.row(textRowAuthority, textAuthority(authority))
	checked, unchecked := textSurfaceChecked, textSurfaceUnchecked
	if ownKey {
		checked, unchecked = textFaceChecked, textFaceUnchecked
	}
	t.row(textRowChecked, checked)
	t.row(textRowUnchecked, unchecked)
	if p.simulated != nil {
		t.line(Text{})
		t.line(textSimulatedData)
	}
}

func same(s string) Text { return Text{JA: s, EN: s} }

// isoDate writes a date of 8 digits with hyphens.
func isoDate(digits string) string {
	if len(digits) != 8 {
		return digits
	}
	return digits[:4] + "-" + digits[4:6] + "-" + digits[6:]
}

// sexName returns a sex (JIS X 0303) as JSON has it.
func sexName(s jpki.Sex) string {
	switch s {
	case jpki.Male:
		return "male"
	case jpki.Female:
		return "female"
	case '9':
		return "not-applicable"
	}
	return "unknown"
}
