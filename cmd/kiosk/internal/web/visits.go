package web

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"

	"github.com/mykeykit/mykeykit/cmd/kiosk/internal/terminal"
	"github.com/mykeykit/mykeykit/internal/hidden"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/mykey/message"
)

// visits is the page of a terminal.
type visits struct{ *terminal.Terminal }

func (p visits) shell(w io.Writer) error {
	return shell.Execute(w, shellData{Page: "terminal", Title: "受付"})
}

func (p visits) view() (func(io.Writer) error, <-chan struct{}) {
	v, changed := p.View()
	return func(w io.Writer) error { return writeView(w, v) }, changed
}

func (p visits) abandon(ctx context.Context) { _ = p.Abandon(ctx) }

func (p visits) serve(w http.ResponseWriter, r *http.Request) bool {
	switch r.Method + " " + r.URL.Path {
	case "POST /action":
		p.action(w, r)
	case "POST /pin":
		p.pin(w, r)
	case "POST /form":
		p.form(w, r)
	default:
		return false
	}
	return true
}

// The maximum lengths of request bodies, in bytes.
const (
	maxAction = 8 << 10
	maxPIN    = 64
	maxForm   = 512
)

// action handles an action without a PIN or a form.
func (p visits) action(w http.ResponseWriter, r *http.Request) {
	var a struct{ Step, Name, Lang, Service string }
	err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxAction)).Decode(&a)
	if err != nil || slices.Contains([]string{terminal.GivePIN, terminal.GiveID, terminal.GiveCode}, a.Name) {
		http.Error(w, "not an action", http.StatusBadRequest)
		return
	}
	p.do(w, r, terminal.Action{Step: a.Step, Name: a.Name, Language: message.Language(a.Lang), Service: a.Service})
}

// form handles a submitted form. The body has one line for each of the two fields.
func (p visits) form(w http.ResponseWriter, r *http.Request) {
	var account, code []byte
	name := r.Header.Get("Name")
	err := secretBody(r, maxForm, func(body []byte) (err error) {
		var ok bool
		if account, code, ok = bytes.Cut(body, []byte("\n")); !ok || name != terminal.GiveID && name != terminal.GiveCode {
			return errors.New("not a form")
		}
		account, code = bytes.Clone(account), bytes.Clone(code)
		return nil
	})
	if err != nil {
		http.Error(w, "not a form", http.StatusBadRequest)
		return
	}
	p.do(w, r, terminal.Action{Step: r.Header.Get("Step"), Name: name, Account: hidden.NewBytes(account), Code: hidden.NewBytes(code)})
}

// pin handles a PIN, which is the whole body.
func (p visits) pin(w http.ResponseWriter, r *http.Request) {
	var pin jpki.PIN
	err := secretBody(r, maxPIN, func(body []byte) (err error) {
		pin, err = jpki.ParsePIN(body)
		return err
	})
	if err != nil {
		http.Error(w, "not a PIN", http.StatusBadRequest)
		return
	}
	p.do(w, r, terminal.Action{Step: r.Header.Get("Step"), Name: terminal.GivePIN, PIN: pin})
}

// do performs an action and writes the response.
func (p visits) do(w http.ResponseWriter, r *http.Request, a terminal.Action) {
	switch err := p.Do(r.Context(), a); {
	case errors.Is(err, terminal.ErrStale):
		http.Error(w, "the view has changed", http.StatusConflict)
	case errors.Is(err, terminal.ErrUnread):
		http.Error(w, "confirmed too soon after it was shown", http.StatusTooEarly)
	case err != nil:
		http.Error(w, "the terminal did not perform the action", http.StatusServiceUnavailable)
	default:
		w.WriteHeader(http.StatusNoContent)
	}
}
