package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image/png"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mykeykit/mykeykit/apdu"
	"github.com/mykeykit/mykeykit/internal/authorityfile"
	"github.com/mykeykit/mykeykit/internal/cli"
	"github.com/mykeykit/mykeykit/internal/jp2"
	"github.com/mykeykit/mykeykit/internal/termtext"
	"github.com/mykeykit/mykeykit/internal/tty"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/jpki/credential"
	"github.com/mykeykit/mykeykit/jpki/cvc"
	"github.com/mykeykit/mykeykit/jpki/face"
	"github.com/mykeykit/mykeykit/jpki/text"
	"github.com/mykeykit/mykeykit/jpki/trust"
	"github.com/mykeykit/mykeykit/jpki/verification"
	"github.com/mykeykit/mykeykit/mykey/message"
	"github.com/mykeykit/mykeykit/reader"
)

// surfaceOptions are the flags of the commands that read the text or the visual application.
type surfaceOptions struct {
	by               string
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

// Codes of these commands.
const (
	codeNoApplication message.Code = "NO_SUCH_APPLICATION"
	codeAuthorityFile message.Code = "AUTHORITY_FILE"
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

func (p *program) attributesCommand() *cobra.Command {
	var o surfaceOptions
	c := &cobra.Command{
		Use: "attributes", Short: p.Say(textAttributesShort), Long: p.Say(textAttributesLong), Args: cli.NoArguments,
		RunE: func(c *cobra.Command, _ []string) error { return p.attributes(c.Context(), o) },
	}
	p.surfaceFlags(c, &o, byNumberB, textFlagByText)
	return c
}

func (p *program) numberCommand() *cobra.Command {
	var o surfaceOptions
	c := &cobra.Command{
		Use: "number --under-number-act", Short: p.Say(textNumberShort), Long: p.Say(textNumberLong), Args: cli.NoArguments,
		RunE: func(c *cobra.Command, _ []string) error { return p.number(c.Context(), o) },
	}
	p.surfaceFlags(c, &o, byPIN, textFlagByNumber)
	c.Flags().BoolVar(&o.underNumberAct, "under-number-act", false, p.Say(textFlagNumberAct))
	return c
}

func (p *program) faceCommand() *cobra.Command {
	var o surfaceOptions
	c := &cobra.Command{
		Use: "face --photo FILE", Short: p.Say(textFaceShort), Long: p.Say(textFaceLong), Args: cli.NoArguments,
		RunE: func(c *cobra.Command, _ []string) error { return p.face(c.Context(), o) },
	}
	p.surfaceFlags(c, &o, byNumberB, textFlagByFace)
	c.Flags().StringVar(&o.photo, "photo", "", p.Say(textFlagPhoto))
	return c
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
	if tty.IsTerminal(p.stdin) {
		return p.Misuse(textPINStdinTerminal, errors.New("--pin-stdin: standard input is a terminal"))
	}
	line, err := tty.UntilDone(ctx, func() ([]byte, error) { return readPiped(p.stdin) })
	defer clear(line)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return credential.ErrFormat // too long, or unreadable
	}
	return e.parse(trimPIN(line))
}

// policy returns which authorities are trusted: those of the files, and those of the simulated card.
func (p *program) policy(files []string) (policy cvc.Policy, err error) {
	for _, file := range files {
		list, err := authorityfile.Read(file)
		if err != nil {
			return policy, cli.Because(fmt.Errorf("--authority: %w", err), codeAuthorityFile, textAuthorityFile, textAuthorityFileNext)
		}
		policy.Authorities = append(policy.Authorities, list...)
	}
	if p.simulated == nil {
		return policy, nil
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

// textUnlock returns the entry for a secret of the text application, and what it becomes.
func (p *program) textUnlock(by string, allowed ...string) (entry, *text.Unlock, error) {
	unlock := new(text.Unlock)
	counter := func(of func(text.Attempts) credential.Counter) func(context.Context, apdu.Transmitter) (credential.Counter, error) {
		return func(ctx context.Context, card apdu.Transmitter) (credential.Counter, error) {
			a, err := text.Counters(ctx, card)
			return of(a), err
		}
	}
	switch by {
	case byPIN:
		return entry{textAskTextPIN, func(typed []byte) error {
			pin, err := text.ParsePIN(typed)
			*unlock = text.ByPIN(pin)
			return err
		}, counter(func(a text.Attempts) credential.Counter { return a.PIN })}, unlock, p.isOneOf(by, allowed)
	case byNumberA:
		return entry{textAskNumberA, func(typed []byte) error {
			a, err := verification.ParseNumberA(typed)
			*unlock = text.ByNumberA(a)
			return err
		}, counter(func(a text.Attempts) credential.Counter { return a.NumberA })}, unlock, p.isOneOf(by, allowed)
	case byNumberB:
		return entry{textAskNumberB, func(typed []byte) error {
			b, err := verification.ParseNumberB(typed)
			*unlock = text.ByNumberB(b)
			return err
		}, counter(func(a text.Attempts) credential.Counter { return a.NumberB })}, unlock, p.isOneOf(by, allowed)
	}
	return entry{}, nil, p.isOneOf(by, allowed)
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

// attributesJSON is what attributes prints as JSON.
type attributesJSON struct {
	Name      string       `json:"name"`
	Address   string       `json:"address"`
	Birth     string       `json:"birth"` // YYYY-MM-DD
	Sex       string       `json:"sex"`
	Authority trust.Issuer `json:"authority"`
	Checked   []string     `json:"checked"`
	Unchecked []string     `json:"not_checked"`
}

// attributes reads the holder's attributes.
func (p *program) attributes(ctx context.Context, o surfaceOptions) error {
	e, unlock, err := p.textUnlock(o.by, byNumberB, byPIN)
	if err != nil {
		return err
	}
	policy, err := p.policy(o.authorities)
	if err != nil {
		return err
	}
	name, shown, err := p.enter(ctx, o, e)
	defer unlock.Wipe()
	if err != nil {
		return withoutApplication(err)
	}
	r := text.Reader{Policy: policy, AllowLastAttempt: o.allowLastAttempt, Shown: shown}
	var a *text.Attributes
	err = p.withSurface(ctx, name, &r.ShortLengths, func(card reader.Card) error {
		a, err = r.Attributes(ctx, card, *unlock)
		return err
	})
	if err != nil {
		return err
	}
	if p.JSON {
		checked, unchecked := checks(a.Issuer(), false)
		return cli.WriteJSON(p.stdout, attributesJSON{a.Name(), a.Address(), isoDate(a.Birth()), sexName(a.Sex()), a.Issuer(), checked, unchecked})
	}
	t := table{program: p}
	t.row(textRowName, same(a.Name()))
	t.row(textRowAddress, same(a.Address()))
	t.row(textRowBirth, same(isoDate(a.Birth())))
	t.row(textRowSex, textSex(a.Sex()))
	p.writeChecks(&t, a.Issuer(), false)
	return t.write(p.stdout)
}

// number reads the individual number.
func (p *program) number(ctx context.Context, o surfaceOptions) error {
	if !o.underNumberAct {
		return p.Misuse(textNumberActMissing, errors.New("number: --under-number-act"))
	}
	e, unlock, err := p.textUnlock(o.by, byPIN, byNumberA)
	if err != nil {
		return err
	}
	policy, err := p.policy(o.authorities)
	if err != nil {
		return err
	}
	name, shown, err := p.enter(ctx, o, e)
	defer unlock.Wipe()
	if err != nil {
		return withoutApplication(err)
	}
	r := text.Reader{Policy: policy, AllowLastAttempt: o.allowLastAttempt, Shown: shown}
	var n *text.MyNumber
	err = p.withSurface(ctx, name, &r.ShortLengths, func(card reader.Card) error {
		n, err = r.MyNumberUnderNumberAct(ctx, card, *unlock)
		return err
	})
	if err != nil {
		return err
	}
	if p.JSON {
		return cli.WriteJSON(p.stdout, struct {
			Number    string       `json:"my_number"`
			Authority trust.Issuer `json:"authority"`
		}{n.Reveal(), n.Issuer()})
	}
	t := table{program: p}
	t.row(textRowNumber, same(n.Reveal()))
	p.writeChecks(&t, n.Issuer(), false)
	return t.write(p.stdout)
}

// faceJSON is what face prints as JSON.
type faceJSON struct {
	Birth     string       `json:"birth"`
	Sex       string       `json:"sex"`
	Photo     string       `json:"photo"` // file
	Unsigned  unsignedJSON `json:"not_signed"`
	Authority trust.Issuer `json:"authority"`
	Checked   []string     `json:"checked"`
	Unchecked []string     `json:"not_checked"`
}

type unsignedJSON struct {
	Expiry string `json:"expiry"`
}

// face reads what is printed on the card, and writes the photograph to a file.
func (p *program) face(ctx context.Context, o surfaceOptions) error {
	if o.photo == "" {
		return p.Misuse(textPhotoMissing, errors.New("face: --photo"))
	}
	if err := p.isOneOf(o.by, []string{byNumberB, byNumberA}); err != nil {
		return err
	}
	policy, err := p.policy(o.authorities)
	if err != nil {
		return err
	}
	photo, err := newPhoto(o.photo)
	if err != nil {
		return err
	}
	defer photo.discard()
	var unlock face.Unlock
	defer func() { unlock.Wipe() }()
	name, shown, err := p.enter(ctx, o, faceEntry(o.by, &unlock))
	if err != nil {
		return withoutApplication(err)
	}
	r := face.Reader{Policy: policy, AllowLastAttempt: o.allowLastAttempt, Shown: shown}
	var data *face.Data
	err = p.withSurface(ctx, name, &r.ShortLengths, func(card reader.Card) error {
		data, err = r.Read(ctx, card, unlock)
		return err
	})
	if err != nil {
		return err
	}
	if err := photo.write(data.PhotoJP2()); err != nil {
		return err
	}
	if p.JSON {
		checked, unchecked := checks(data.Issuer(), true)
		return cli.WriteJSON(p.stdout, faceJSON{isoDate(data.Birth()), sexName(data.Sex()), o.photo, unsignedJSON{isoDate(data.Unsigned().Expiry())}, data.Issuer(), checked, unchecked})
	}
	t := table{program: p}
	t.row(textRowBirth, same(isoDate(data.Birth())))
	t.row(textRowSex, textSex(data.Sex()))
	t.row(textRowPhoto, same(termtext.Printable(o.photo)))
	t.row(textRowUnsigned, cli.Formatted(textUnsignedExpiry, isoDate(data.Unsigned().Expiry())))
	p.writeChecks(&t, data.Issuer(), true)
	return t.write(p.stdout)
}

func faceEntry(by string, unlock *face.Unlock) entry {
	if by == byNumberA {
		return entry{textAskNumberA, func(typed []byte) error {
			a, err := verification.ParseNumberA(typed)
			*unlock = face.ByNumberA(a)
			return err
		}, func(ctx context.Context, card apdu.Transmitter) (credential.Counter, error) {
			a, err := face.Counters(ctx, card)
			return a.NumberA, err
		}}
	}
	return entry{textAskNumberB, func(typed []byte) error {
		b, err := verification.ParseNumberB(typed)
		*unlock = face.ByNumberB(b)
		return err
	}, func(ctx context.Context, card apdu.Transmitter) (credential.Counter, error) {
		a, err := face.Counters(ctx, card)
		return a.NumberB, err
	}}
}

// photoFile is the new file for a photograph, which only its owner can read. It is made before the
// holder is asked for anything.
type photoFile struct {
	*os.File
	written bool
}

func newPhoto(path string) (*photoFile, error) {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, photoFailure(err)
	}
	return &photoFile{File: file}, nil
}

func photoFailure(err error) error {
	return cli.Because(fmt.Errorf("--photo: %w", err), codePhotoFile, textPhotoFile, textPhotoFileNext)
}

// write writes the photograph: as the card has it if the name ends with .jp2, and as PNG otherwise.
func (f *photoFile) write(photo []byte) error {
	if !strings.HasSuffix(f.Name(), ".jp2") {
		picture, err := jp2.Decode(photo)
		if err != nil {
			return cli.Because(err, codePhoto, textPhotoUnreadable, textPhotoUnreadableNext)
		}
		var encoded bytes.Buffer
		if err := png.Encode(&encoded, picture); err != nil {
			return err
		}
		photo = encoded.Bytes()
	}
	if _, err := f.Write(photo); err != nil {
		return photoFailure(err)
	}
	if err := f.Close(); err != nil {
		return photoFailure(err)
	}
	f.written = true
	return nil
}

// discard removes the file if the photograph was not written.
func (f *photoFile) discard() {
	if !f.written {
		_ = f.Close()
		_ = os.Remove(f.Name())
	}
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
