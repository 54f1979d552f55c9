package main

import (
	"cmp"
	"context"
	"crypto"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mykeykit/mykeykit/internal/cli"
	"github.com/mykeykit/mykeykit/internal/termtext"
	"github.com/mykeykit/mykeykit/internal/tty"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/jpki/cms"
	"github.com/mykeykit/mykeykit/jpki/pdf"
)

// signOptions are the flags of sign.
type signOptions struct {
	passwordOptions
	visibleOptions
	detached         bool
	output           string
	timestamp        string
	hash             string
	reason, location string
	authentication   bool
}

// unlockedBetween is how long the card stays unlocked between two files.
const unlockedBetween = time.Minute

// timestampTimeout bounds a question to a time-stamp server. The card is unlocked meanwhile.
const timestampTimeout = 20 * time.Second

var hashes = map[string]crypto.Hash{"sha256": crypto.SHA256, "sha384": crypto.SHA384, "sha512": crypto.SHA512}

func (p *program) signCommand() *cobra.Command {
	var o signOptions
	c := &cobra.Command{
		Use: "sign FILE...", Short: p.Say(textSignShort), Long: p.Say(textSignLong),
		RunE: func(c *cobra.Command, files []string) error {
			if err := o.visibleOptions.check(c.Flags().Changed); err != nil {
				return p.WrongUsage(err)
			}
			return p.sign(c.Context(), files, o)
		},
	}
	f := c.Flags()
	p.passwordFlags(c, &o.passwordOptions)
	f.BoolVar(&o.detached, "detached", false, p.Say(textFlagDetached))
	f.StringVar(&o.output, "output", "", p.Say(textFlagOutput))
	f.StringVar(&o.timestamp, "timestamp", "", p.Say(textFlagTimestamp))
	f.StringVar(&o.hash, "hash", "sha256", p.Say(textFlagHash))
	f.Lookup("hash").DefValue = ""
	f.StringVar(&o.reason, "reason", "", p.Say(textFlagReason))
	f.BoolVar(&o.authentication, "authentication-key", false, p.Say(textFlagAuthenticationKey))
	f.StringVar(&o.location, "location", "", p.Say(textFlagLocation))
	f.BoolVar(&o.visible, "visible", false, p.Say(textFlagVisible))
	f.StringVar(&o.corner, "corner", "bottom-right", p.Say(textFlagCorner))
	f.Lookup("corner").DefValue = ""
	f.IntVar(&o.page, "page", 1, p.Say(textFlagPage))
	f.Lookup("page").DefValue = "0"
	f.StringVar(&o.font, "font", "", p.Say(textFlagFont))
	return c
}

type signedJSON struct {
	File   string `json:"file"`
	Output string `json:"output"`
	Kind   string `json:"kind"`
	SHA256 string `json:"sha256"` // of the file
}

// sign signs files with the signature key. What is signed is shown before the password is asked for.
func (p *program) sign(ctx context.Context, files []string, o signOptions) error {
	hash, known := hashes[o.hash]
	switch {
	case len(files) == 0:
		return p.Misuse(textNoFile, errors.New("sign: no file"))
	case o.output != "" && len(files) > 1:
		return p.Misuse(textOneOutput, errors.New("--output: several files"))
	case !known:
		return p.WrongUsage(fmt.Errorf("--hash: %q", o.hash))
	case o.timestamp != "" && !strings.HasPrefix(o.timestamp, "http://") && !strings.HasPrefix(o.timestamp, "https://"):
		return p.WrongUsage(fmt.Errorf("--timestamp: %q is not an http or https URL", o.timestamp))
	}
	if o.visible && o.authentication {
		return p.Misuse(textVisibleNoName, errors.New("--visible, --authentication-key"))
	}
	options := pdf.Options{Options: cms.Options{Hash: hash, Now: p.now, AllowAuthenticationKey: o.authentication}, Reason: o.reason, Location: o.location}
	if o.visible {
		font, err := o.openFont()
		if err != nil {
			return documentFailure(err)
		}
		defer font.Close()           // only read
		lines := p.visibleText("氏名") // a name is of such characters
		options.Appearance = &pdf.Appearance{Lines: lines, Font: font, Page: o.page, Corner: corners[o.corner]}
	}
	documents, err := openDocuments(ctx, files, o, options)
	defer closeAll(documents)
	if err != nil {
		return documentFailure(err)
	}
	for _, d := range documents {
		o.shown += p.Say(cli.Formatted(textToSign, termtext.Printable(d.path), d.size, hex.EncodeToString(d.sha256[:]))) + "\n"
	}
	pdfOnly := o.visible || o.reason != "" || o.location != ""
	if pdfOnly && !slices.ContainsFunc(documents, func(d *document) bool { return d.kind == kindPDF }) {
		return p.Misuse(textForPDF, errors.New("sign: no PDF file is signed as PDF"))
	}
	open := p.signatureSigner
	if o.authentication {
		open = p.authenticationSigner
	}
	unlocked := make(chan error, len(documents)+1) // each series ends once
	report := func(err error) { unlocked <- err }
	signer, err := open(ctx, o.passwordOptions, jpki.KeepUnlocked(unlockedBetween), jpki.ReportStillUnlocked(report))
	if err != nil {
		return err
	}
	defer signer.Close() // its error is returned below
	if a, err := jpki.ParseAttributes(signer.Certificate()); err == nil {
		options.Name = a.Name()
	}
	if o.visible {
		options.Appearance.Lines = p.visibleText(cmp.Or(options.Name, signer.Certificate().Subject.CommonName))
	}
	if o.timestamp != "" {
		options.Timestamp = cms.TimestampFrom(o.timestamp, &http.Client{Timeout: timestampTimeout})
	}
	signed := []signedJSON{}
	for i, d := range documents {
		if err = d.sign(ctx, signer, options); err != nil {
			err = documentFailure(fmt.Errorf("%s: %w", termtext.Printable(d.path), err))
			break
		}
		p.progress(p.Say(cli.Formatted(textSigned, i+1, len(documents), termtext.Printable(d.output))) + "\n")
		signed = append(signed, signedJSON{d.path, d.output, d.kind, hex.EncodeToString(d.sha256[:])})
	}
	err = errors.Join(err, signer.Close())
	for range len(unlocked) {
		err = errors.Join(err, <-unlocked)
	}
	if p.JSON && (err == nil || len(signed) > 0) {
		err = errors.Join(err, cli.WriteJSON(p.stdout, map[string]any{"signed": signed}))
	}
	return err
}

// passwordOptions are the flags of the commands that use the signature password.
type passwordOptions struct {
	stdin, allowLastAttempt bool
	shown                   string // before the password is asked for
}

// progress writes what people read and programs do not.
func (p *program) progress(text string) {
	if !p.JSON {
		fmt.Fprint(p.stderr, text)
	}
}

func (p *program) passwordFlags(c *cobra.Command, o *passwordOptions) {
	c.Flags().BoolVar(&o.stdin, "password-stdin", false, p.Say(textFlagPasswordStdin))
	c.Flags().BoolVar(&o.allowLastAttempt, "allow-last-attempt", false, p.Say(textFlagAllowLastAttempt))
}

// signerOptions adds the options that both keys have.
func (p *program) signerOptions(o passwordOptions, options []jpki.SignerOption) []jpki.SignerOption {
	options = append(options, jpki.WithClock(p.now))
	if o.allowLastAttempt {
		options = append(options, jpki.AllowLastAttempt())
	}
	return options
}

// authenticationSigner returns the card's key for user authentication, which asks for the PIN when it signs. The
// caller closes it.
func (p *program) authenticationSigner(ctx context.Context, o passwordOptions, options ...jpki.SignerOption) (*jpki.Signer, error) {
	ask := func(ctx context.Context, ready jpki.Readiness) (jpki.PIN, error) {
		t, err := p.terminal()
		if err != nil {
			return jpki.PIN{}, noTerminalToSign(err)
		}
		defer t.Close()
		return tty.ReadPIN(ctx, tty.At(t), o.shown+p.Say(tty.PromptPIN(ready.Counter)))
	}
	if o.stdin {
		if err := p.piped("--password-stdin"); err != nil {
			return nil, err
		}
		p.progress(o.shown)
		ask = func(ctx context.Context, _ jpki.Readiness) (jpki.PIN, error) { return p.pipedPIN(ctx) }
	}
	return jpki.NewSigner(ctx, p.connectToSign, p.reader, ask, p.signerOptions(o, options)...)
}

func noTerminalToSign(err error) error {
	return cli.Because(err, cli.CodeNoTerminal, tty.TextNoTerminal, textNoTerminalToSign)
}

// signatureSigner asks for the signature password and returns the card's signature key. The caller closes it.
func (p *program) signatureSigner(ctx context.Context, o passwordOptions, options ...jpki.SignerOption) (*jpki.Signer, error) {
	ask := func(ctx context.Context, ready jpki.Readiness) (jpki.Password, error) {
		return p.typedPassword(ctx, ready, o.shown)
	}
	if o.stdin {
		if err := p.piped("--password-stdin"); err != nil {
			return nil, err
		}
		p.progress(o.shown)
		ask = p.pipedPassword
	} else {
		t, err := p.terminal()
		if err != nil {
			return nil, noTerminalToSign(err)
		}
		defer t.Close()
		if err := t.Hide(); err != nil { // as in typedPIN
			return nil, noTerminalToSign(err)
		}
	}
	signer, err := jpki.NewSignatureSigner(ctx, p.connectToSign, p.reader, ask, p.signerOptions(o, options)...)
	if errors.Is(err, jpki.ErrNoCertificate) {
		err = cli.Because(err, codeNoSignCert, textNoSignCert, textNoSignCertNext)
	}
	return signer, err
}

// typedPassword asks for the signature password at the terminal, after it has shown a text there.
func (p *program) typedPassword(ctx context.Context, ready jpki.Readiness, shown string) (jpki.Password, error) {
	t, err := p.terminal()
	if err != nil {
		return jpki.Password{}, noTerminalToSign(err)
	}
	defer t.Close()
	prompt := cli.Formatted(textAskPassword, ready.Remaining)
	if ready.Remaining == 1 {
		prompt = textLastPassword.And(prompt)
	}
	line, err := tty.At(t)(ctx, shown+p.Say(prompt))
	defer clear(line)
	switch {
	case ctx.Err() != nil:
		return jpki.Password{}, ctx.Err()
	case err != nil:
		return jpki.Password{}, jpki.ErrPasswordFormat
	}
	return jpki.ParsePassword(trimPIN(line))
}

// pipedPassword reads the signature password from one line of standard input.
func (p *program) pipedPassword(ctx context.Context, _ jpki.Readiness) (password jpki.Password, err error) {
	err = p.pipedSecret(ctx, jpki.ErrPasswordFormat, func(typed []byte) (err error) {
		password, err = jpki.ParsePassword(typed)
		return err
	})
	return password, err
}

// outputFor returns the name of a document's signed file.
func outputFor(path, kind string, o signOptions) string {
	switch {
	case o.output != "":
		return o.output
	case kind == kindPDF:
		return strings.TrimSuffix(path, filepath.Ext(path)) + "-signed.pdf"
	case kind == kindDetached:
		return path + ".p7s"
	}
	return path + ".p7m"
}
