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
}

// jpki is what the flags mean to package jpki.
func (p *program) jpki(o idOptions) []jpki.Option {
	options := []jpki.Option{jpki.WithClock(p.now)}
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
		Use: "id --namespace NAME --namespace-key FILE", Short: p.say(textIDShort), Long: p.say(textIDLong), Args: cobra.NoArgs,
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
	var pin jpki.PIN
	if o.pinStdin {
		if pin, err = readPIN(p.stdin); err != nil {
			return &usageError{err}
		}
	}
	defer func() { pin.Wipe() }()

	name := p.reader
	if !o.pinStdin {
		// No person inside a connection: while the PIN is typed the card may
		// be taken away and put back.
		var counter jpki.Counter
		if name, counter, err = p.ready(ctx, o); err != nil {
			return err
		}
		if pin, err = p.askPIN(ctx, counter); err != nil {
			return err
		}
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
		return nil, &usageError{errors.New("id: --namespace NAME, --namespace-key FILE")}
	}
	key, err := p.readKey(o.key)
	if err != nil {
		return nil, &usageError{err}
	}
	namespace, err := mykey.NewNamespace(o.namespace, key)
	if err != nil {
		return nil, &usageError{err}
	}
	return namespace, nil
}

// readKey reads a key file, and warns of one that others may read.
func (p *program) readKey(path string) (mykey.Key, error) {
	file, err := os.Open(path)
	if err != nil {
		return mykey.Key{}, fmt.Errorf("%w: %w", mykey.ErrKey, err)
	}
	defer file.Close()
	if info, err := file.Stat(); err == nil && readableByOthers(info.Mode()) {
		fmt.Fprintln(p.stderr, p.say(textKeyReadable))
	}
	const longest = 4096 // far more than any key
	text, err := io.ReadAll(io.LimitReader(file, longest))
	if err != nil {
		return mykey.Key{}, fmt.Errorf("%w: %w", mykey.ErrKey, err)
	}
	defer clear(text)
	return mykey.ParseKey(text)
}

// readPIN reads one line of a pipe.
func readPIN(r io.Reader) (jpki.PIN, error) {
	const longest = 256
	buffer := bufio.NewReaderSize(io.LimitReader(r, longest), longest)
	line, err := buffer.ReadSlice('\n')
	defer clear(line)
	if err != nil && !errors.Is(err, io.EOF) {
		return jpki.PIN{}, jpki.ErrPINFormat
	}
	return jpki.ParsePIN(withoutLineEnd(line))
}

func withoutLineEnd(line []byte) []byte {
	for _, end := range []byte{'\n', '\r'} {
		if n := len(line); n > 0 && line[n-1] == end {
			line = line[:n-1]
		}
	}
	return line
}

// ready asks for the tries left, so that the person at the terminal knows, and
// refuses what would be refused after the PIN was typed. It returns the
// reader's name too: the PIN is for the card there.
func (p *program) ready(ctx context.Context, o idOptions) (name string, counter jpki.Counter, err error) {
	err = p.withApplication(ctx, func(found string, _ reader.Card, a *jpki.Application) error {
		name = found
		counter, err = a.Ready(ctx)
		return err
	}, p.jpki(o)...)
	return name, counter, err
}

func (p *program) authenticate(ctx context.Context, card reader.Card, pin jpki.PIN, namespace *mykey.Namespace, o idOptions) (identity, error) {
	holder, err := jpki.Authenticate(ctx, card, pin, p.jpki(o)...)
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
		Assurance:  assurance{PIN: holder.PIN, Possession: holder.Possession, Chain: chainUnknown},
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
	t.row(textRowUnchecked, textUnchecked)
	t.row(textRowUntil, found.until)
	t.line(Text{})
	t.line(textNotOfficial)
	switch found.validity {
	case jpki.Expired:
		t.line(textExpiredNotice)
	case jpki.Expiring:
		t.line(textExpiringNotice)
	default:
		t.line(textIDChanges)
	}
	return t.write(p.stdout)
}
