package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/mykeykit/mykeykit/cmd/kiosk/internal/web"
	"github.com/mykeykit/mykeykit/internal/keyfile"
)

// announce says where the next browser begins: who knows first has the terminal. It
// prints the URL, in a line of that format, unless there is a file for the start.
func (o options) announce(out io.Writer, line string) func(web.Start) error {
	return func(start web.Start) (err error) {
		if o.startPage != "" {
			err = keyfile.Replace(o.startPage, start.Page())
		}
		if o.urlFile != "" {
			err = errors.Join(err, keyfile.Replace(o.urlFile, []byte(start.URL()+"\n")))
		}
		if o.startPage == "" && o.urlFile == "" {
			_, err = fmt.Fprintf(out, line, start.URL())
		}
		return err
	}
}

// withdraw removes the files of a start that leads nowhere any more.
func (o options) withdraw() {
	for _, path := range []string{o.startPage, o.urlFile} {
		if path != "" {
			_ = os.Remove(path)
		}
	}
}
