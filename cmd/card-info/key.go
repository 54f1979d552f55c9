package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"

	"github.com/spf13/cobra"

	"github.com/mykeykit/mykeykit/internal/cli"
	"github.com/mykeykit/mykeykit/internal/keyfile"
	"github.com/mykeykit/mykeykit/internal/termtext"
	"github.com/mykeykit/mykeykit/mykey"
)

func (p *program) keygenCommand() *cobra.Command {
	return &cobra.Command{
		Use: "keygen FILE", Short: p.Say(textKeygenShort), Long: p.Say(textKeygenLong), Args: oneFile,
		RunE: func(_ *cobra.Command, args []string) error { return p.keygen(args[0]) },
	}
}

func oneFile(_ *cobra.Command, args []string) error {
	if len(args) != 1 || args[0] == "" {
		return errors.New("keygen FILE")
	}
	return nil
}

// keygen writes a new key to a file that only its owner can read. It never overwrites a
// file: without the old key its identifiers could not be derived again.
func (p *program) keygen(path string) error {
	key, err := mykey.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	text := key.RevealText()
	defer clear(text)
	err = keyfile.WriteNew(path, text)
	switch {
	case errors.Is(err, fs.ErrExist):
		return cli.Because(err, cli.CodeKeyExists, textKeyExists, textKeyExistsNext)
	case err != nil:
		return err
	}
	if p.JSON {
		err = cli.WriteJSON(p.stdout, map[string]string{"file": path, "key_id": key.ID()})
	} else {
		_, err = fmt.Fprintf(p.stdout, p.Say(textKeyMade), termtext.Printable(path), key.ID())
	}
	if err != nil {
		return cli.Because(err, cli.CodeOutput, cli.Formatted(textKeyMadeNotPrinted, termtext.Printable(path), key.ID()), textKeyMadeNotPrintedNext)
	}
	return nil
}

// readKey reads a key file. It prints a warning if others may read or change the file.
func (p *program) readKey(path string) (mykey.Key, error) {
	const maxSize = 4096 // far more than any key
	text, mode, err := keyfile.Read(path, maxSize)
	defer clear(text)
	if err != nil {
		return mykey.Key{}, fmt.Errorf("%w: %w", mykey.ErrKey, err)
	}
	if keyfile.Exposed(mode) {
		p.Warn(cli.CodeKeyReadable, cli.TextKeyExposed)
	}
	return mykey.ParseKey(text)
}
