package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/mykeykit/mykeykit/internal/message"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/mykey"
	"github.com/mykeykit/mykeykit/reader"
)

// idOptions are the flags of id.
type idOptions struct {
	namespace, key             string
	pinStdin                   bool
	allowLastTry, allowExpired bool

	shown int // tries left that the person at the terminal was told
}

// jpkiOptions is what the flags mean to package jpki.
func (p *program) jpkiOptions(o idOptions) []jpki.Option {
	options := []jpki.Option{jpki.WithClock(p.now), jpki.WithTriesShown(o.shown)}
	if o.allowLastTry {
		options = append(options, jpki.AllowLastTry())
	}
	if o.allowExpired {
		options = append(options, jpki.AllowExpired())
	}
	return options
}

func (p *program) idCommand() *cobra.Command {
	var o idOptions
	c := &cobra.Command{
		Use: "id --namespace NAME --namespace-key FILE", Short: p.say(textIDShort), Long: p.say(textIDLong), Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error { return p.id(c.Context(), o) },
	}
	flags := c.Flags()
	flags.StringVar(&o.namespace, "namespace", "", p.say(textFlagNamespace))
	flags.StringVar(&o.key, "namespace-key", "", p.say(textFlagNamespaceKey))
	flags.BoolVar(&o.pinStdin, "pin-stdin", false, p.say(textFlagPINStdin))
	flags.BoolVar(&o.allowLastTry, "allow-last-try", false, p.say(textFlagAllowLastTry))
	flags.BoolVar(&o.allowExpired, "allow-expired", false, p.say(textFlagAllowExpired))
	return c
}

// assurance says what an identifier stands on.
type assurance struct {
	PIN        bool   `json:"pin"`
	Possession bool   `json:"possession"`
	Chain      string `json:"chain"`
}

type identity struct {
	ID         mykey.ID  `json:"mykey_id"`
	Display    string    `json:"display"`
	Namespace  string    `json:"namespace"`
	Assurance  assurance `json:"assurance"`
	Revocation string    `json:"revocation"`
	ValidUntil string    `json:"valid_until"`

	validity jpki.Validity
	until    Text
}

// id derives the identifier. Everything that can be wrong without the card is
// found before it is touched; the PIN is asked for before the one tap.
func (p *program) id(ctx context.Context, o idOptions) error {
	namespace, err := p.namespace(o)
	if err != nil {
		return err
	}
	name := p.reader
	var pin jpki.PIN
	defer func() { pin.Wipe() }()
	if o.pinStdin {
		pin, err = p.pipedPIN(ctx)
	} else {
		name, pin, err = p.typedPIN(ctx, &o)
	}
	if err != nil {
		return err
	}
	var found identity
	err = p.withCard(ctx, name, func(_ string, card reader.Card) error {
		found, err = p.authenticate(ctx, card, pin, namespace, o)
		return err
	})
	if err != nil {
		return err
	}
	if p.json {
		return writeJSON(p.stdout, found)
	}
	return p.writeIdentity(found)
}

// namespace reads the key file and makes the namespace.
func (p *program) namespace(o idOptions) (*mykey.Namespace, error) {
	if o.namespace == "" || o.key == "" {
		return nil, misuse(textNamespaceMissing, errors.New("id: --namespace, --namespace-key"))
	}
	key, err := p.readKey(o.key)
	if err != nil {
		return nil, err
	}
	return mykey.NewNamespace(o.namespace, key)
}

// readKey reads a key file, and warns of one that others may read.
func (p *program) readKey(path string) (mykey.Key, error) {
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("not a regular file") // opening a pipe may wait for ever
	}
	if err != nil {
		return mykey.Key{}, fmt.Errorf("%w: %w", mykey.ErrKey, err)
	}
	if readableByOthers(info.Mode()) {
		p.warn(codeKeyReadable, textKeyReadable)
	}
	file, err := os.Open(path)
	if err != nil {
		return mykey.Key{}, fmt.Errorf("%w: %w", mykey.ErrKey, err)
	}
	defer file.Close()
	const longest = 4096 // far more than any key
	text, err := io.ReadAll(io.LimitReader(file, longest))
	if err != nil {
		return mykey.Key{}, fmt.Errorf("%w: %w", mykey.ErrKey, err)
	}
	defer clear(text)
	return mykey.ParseKey(text)
}

// pipedPIN reads one line of standard input.
func (p *program) pipedPIN(ctx context.Context) (jpki.PIN, error) {
	if isTerminal(p.stdin) {
		return jpki.PIN{}, misuse(textPINStdinTerminal, errors.New("--pin-stdin: standard input is a terminal"))
	}
	line, err := untilDone(ctx, func() ([]byte, error) {
		const longest = 256
		return bufio.NewReaderSize(io.LimitReader(p.stdin, longest), longest).ReadSlice('\n')
	})
	defer clear(line)
	if ctx.Err() != nil {
		return jpki.PIN{}, ctx.Err()
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return jpki.PIN{}, jpki.ErrPINFormat // too long for one, or unreadable
	}
	return jpki.ParsePIN(withoutLineEnd(line))
}

// untilDone returns what read returns, or ctx's error if it ends first. A read
// that can't be interrupted is left behind.
func untilDone(ctx context.Context, read func() ([]byte, error)) ([]byte, error) {
	type result struct {
		line []byte
		err  error
	}
	results := make(chan result, 1)
	go func() {
		line, err := read()
		results <- result{line, err}
	}()
	select {
	case r := <-results:
		return r.line, r.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func withoutLineEnd(line []byte) []byte {
	for _, end := range []byte{'\n', '\r'} {
		if n := len(line); n > 0 && line[n-1] == end {
			line = line[:n-1]
		}
	}
	return line
}

// typedPIN asks the person at the terminal, after asking the card what would
// refuse the PIN and how many tries are left. No connection is open while the
// person types: the card may be taken away and put back. The PIN is for the
// card in the reader whose name is returned.
func (p *program) typedPIN(ctx context.Context, o *idOptions) (name string, pin jpki.PIN, err error) {
	t, err := p.terminal()
	if err != nil {
		return "", pin, &failure{err: err, message: message.Message{Code: codeNoTerminal, What: textNoTerminal, Next: textNoTerminalNext}}
	}
	defer t.Close()
	var counter jpki.Counter
	err = p.withApplication(ctx, func(found string, _ reader.Card, a *jpki.Application) error {
		name = found
		counter, err = a.Ready(ctx)
		return err
	}, p.jpkiOptions(*o)...)
	if err != nil {
		return "", pin, err
	}
	o.shown = counter.Remaining
	pin, err = p.askPIN(ctx, t, counter)
	return name, pin, err
}

func (p *program) authenticate(ctx context.Context, card reader.Card, pin jpki.PIN, namespace *mykey.Namespace, o idOptions) (identity, error) {
	holder, err := jpki.Authenticate(ctx, card, pin, p.jpkiOptions(o)...)
	if err != nil {
		return identity{}, err
	}
	id, err := namespace.Derive(holder.Certificate)
	if err != nil {
		return identity{}, err
	}
	return identity{
		ID:         id,
		Display:    id.Display(),
		Namespace:  namespace.Name(),
		Assurance:  assurance{PIN: holder.PIN, Possession: holder.Possession, Chain: p.chainOf(holder.Certificate)},
		Revocation: revocationNotChecked,
		ValidUntil: timestamp(holder.Certificate.NotAfter),
		validity:   holder.Validity,
		until:      message.Date(holder.Certificate.NotAfter),
	}, nil
}

func (p *program) writeIdentity(found identity) error {
	t := table{program: p}
	t.row(textRowID, Text{JA: found.Display, EN: found.Display})
	t.row(textRowNamespace, Text{JA: found.Namespace, EN: found.Namespace})
	t.row(textRowChecked, textChecked)
	t.row(textRowUnchecked, textUnchecked[found.Assurance.Chain])
	t.row(textRowUntil, found.until)
	t.line(Text{})
	if found.Assurance.Chain == chainSimulator {
		t.line(textSimulatedID)
	}
	t.line(textNotOfficial)
	switch found.validity {
	case jpki.Expired:
		t.line(textExpiredNotice)
	case jpki.Expiring:
		t.line(textExpiringNotice)
	}
	t.line(textIDChanges)
	return t.write(p.stdout)
}
