package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/mykeykit/mykeykit/cmd/kiosk/internal/web"
	"github.com/mykeykit/mykeykit/internal/keyfile"
)

// announce returns a function that writes a start to the start page and URL files. If
// there are none, the function prints the URL to out with the format line.
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

// removeStartFiles removes the start page and URL files.
func (o options) removeStartFiles() {
	for _, path := range []string{o.startPage, o.urlFile} {
		if path != "" {
			_ = os.Remove(path)
		}
	}
}
