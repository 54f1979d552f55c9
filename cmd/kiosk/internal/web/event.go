package web

import (
	"bytes"
	"encoding/json"
	"io"

	"github.com/mykeykit/mykeykit/cmd/kiosk/internal/terminal"
	"github.com/mykeykit/mykeykit/internal/hidden"
	"github.com/mykeykit/mykeykit/mykey/message"
)

// viewEvent is a view as the script receives it.
type viewEvent struct {
	Step   string           `json:"step"`
	Screen terminal.Screen  `json:"screen"`
	Lang   message.Language `json:"lang"`
	Title  string           `json:"title"`
	Ending bool             `json:"ending"`
	HTML   string           `json:"html"`
}

// Placeholders for secrets in a screen's HTML. writeView replaces them with the secrets,
// since package template would leave copies in memory. They are Unicode noncharacters,
// which no text contains.
const (
	recoveryMark = "\ufdd0"
	accountMark  = "\ufdd1"
)

// paddingSize is the amount of padding that overwrites a view in the write buffers of
// net/http, which have 2 and 4 KiB.
const paddingSize = 8 << 10

var blank = append(bytes.Repeat([]byte{' '}, 511), '\n')

// writeView writes a terminal's view as an event.
func writeView(w io.Writer, view terminal.View) error {
	html, title, err := render(view)
	if err != nil {
		return err
	}
	return writeEvent(w, viewEvent{view.Step, view.Screen, view.Language, title, view.Ending, html},
		map[string]hidden.Bytes{recoveryMark: view.Recovery, accountMark: view.Account})
}

// writeEvent writes a view as an event, followed by padding that overwrites the buffers. It replaces
// marks with their secrets.
func writeEvent(w io.Writer, view viewEvent, secrets map[string]hidden.Bytes) error {
	data, err := json.Marshal(view)
	if err != nil {
		return err
	}
	out := writer{w: w}
	out.write([]byte("event: view\ndata: "))
	for len(data) > 0 {
		before, mark, after := cutMark(data)
		out.write(before)
		if secret, ok := secrets[mark]; ok {
			out.writeSecret(secret)
		}
		data = after
	}
	out.write([]byte("\n\n"))
	for range paddingSize / (len(blank) + 1) {
		out.write([]byte{':'}) // a comment
		out.write(blank)
	}
	return out.err
}

// cutMark cuts data before and after its first mark.
func cutMark(data []byte) (before []byte, mark string, after []byte) {
	for i := range data {
		for _, mark := range []string{recoveryMark, accountMark} {
			if after, ok := bytes.CutPrefix(data[i:], []byte(mark)); ok {
				return data[:i], mark, after
			}
		}
	}
	return data, "", nil
}

// writer is a writer that keeps its first error.
type writer struct {
	w   io.Writer
	err error
}

func (w *writer) write(b []byte) {
	if w.err == nil {
		_, w.err = w.w.Write(b)
	}
}

// writeSecret writes a secret as HTML text in a JSON string, without leaving a copy.
func (w *writer) writeSecret(secret hidden.Bytes) {
	secret.Use(func(secret []byte) {
		escaped := make([]byte, 0, 6*len(secret))
		defer clear(escaped)
		for _, c := range secret {
			switch {
			case c == '<':
				escaped = append(escaped, "&lt;"...)
			case c == '>':
				escaped = append(escaped, "&gt;"...)
			case c == '&':
				escaped = append(escaped, "&amp;"...)
			case c == '"':
				escaped = append(escaped, "&#34;"...)
			case c == '\'':
				escaped = append(escaped, "&#39;"...)
			case c == '\\':
				escaped = append(escaped, "&#92;"...)
			case c < ' ' || c == 0x7f: // accounts contain none
			default:
				escaped = append(escaped, c)
			}
		}
		w.write(escaped)
	})
}
