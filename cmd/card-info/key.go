package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/mykeykit/mykeykit/internal/message"
	"github.com/mykeykit/mykeykit/mykey"
)

func (p *program) keygenCommand() *cobra.Command {
	return &cobra.Command{
		Use: "keygen FILE", Short: p.say(textKeygenShort), Long: p.say(textKeygenLong), Args: oneFile,
		RunE: func(_ *cobra.Command, args []string) error { return p.keygen(args[0]) },
	}
}

func oneFile(_ *cobra.Command, args []string) error {
	if len(args) != 1 || args[0] == "" {
		return errors.New("keygen FILE")
	}
	return nil
}

// keygen makes a key file that only its owner can read, and never overwrites
// one: a lost key is the loss of every identifier made with it.
func (p *program) keygen(path string) error {
	key, err := mykey.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	err = writeNew(path, key.RevealText())
	switch {
	case errors.Is(err, fs.ErrExist):
		return &failure{err: err, message: message.Message{Code: codeKeyExists, What: textKeyExists, Next: textKeyExistsNext}}
	case err != nil:
		return err
	}
	if p.json {
		err = writeJSON(p.stdout, map[string]string{"file": path, "key_id": key.ID()})
	} else {
		_, err = fmt.Fprintf(p.stdout, p.say(textKeyMade), message.Printable(path), key.ID())
	}
	if err != nil {
		return because(err, codeOutput, formatted(textKeyMadeUnsaid, message.Printable(path), key.ID()), textKeyMadeUnsaidNext)
	}
	return nil
}

// formatted fills in a text.
func formatted(t Text, values ...any) Text {
	return Text{JA: fmt.Sprintf(t.JA, values...), EN: fmt.Sprintf(t.EN, values...)}
}

func writeNew(path string, content []byte) (err error) {
	defer clear(content)
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if closed := file.Close(); err == nil {
			err = closed
		}
		if err != nil {
			err = errors.Join(err, os.Remove(path))
		}
	}()
	if _, err := file.Write(content); err != nil {
		return err
	}
	return file.Sync()
}

// readKey reads a key file, and warns of one that others may read.
func (p *program) readKey(path string) (mykey.Key, error) {
	const longest = 4096 // far more than any key
	text, mode, err := readFile(path, longest)
	defer clear(text)
	if err != nil {
		return mykey.Key{}, fmt.Errorf("%w: %w", mykey.ErrKey, err)
	}
	if readableByOthers(mode) {
		p.warn(codeKeyReadable, textKeyReadable)
	}
	return mykey.ParseKey(text)
}

// readFile reads a regular file of up to longest bytes: opening a pipe may wait
// for ever, and reading a device never end.
func readFile(path string, longest int64) ([]byte, fs.FileMode, error) {
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("not a regular file")
	}
	if err != nil {
		return nil, 0, err
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, longest+1))
	if err == nil && int64(len(content)) > longest {
		err = fmt.Errorf("longer than %d bytes", longest)
	}
	return content, info.Mode(), err
}

// readableByOthers tells whether the group or everybody may read a file.
// Windows keeps that elsewhere.
func readableByOthers(mode fs.FileMode) bool {
	return runtime.GOOS != "windows" && mode.Perm()&0o044 != 0
}
