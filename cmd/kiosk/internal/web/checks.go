package web

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/mykeykit/mykeykit/cmd/kiosk/internal/counter"
	"github.com/mykeykit/mykeykit/cmd/kiosk/internal/terminal"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/jpki/trust"
	"github.com/mykeykit/mykeykit/mykey/message"
)

// checks is the page of a counter.
type checks struct{ *counter.Counter }

func (p checks) shell(w io.Writer) error {
	return shell.Execute(w, shellData{Page: "counter", Title: "カードの確認"})
}

func (p checks) view() (func(io.Writer) error, <-chan struct{}) {
	v, changed := p.View()
	return func(w io.Writer) error {
		html, title, err := execute(checkPages, v.Language, string(v.Screen), checkView{v})
		if err != nil {
			return err
		}
		return writeEvent(w, viewEvent{v.Step, terminal.Screen(v.Screen), v.Language, title, v.Ending, html}, nil)
	}, changed
}

func (p checks) abandon(context.Context) { p.Abandon() }

func (p checks) serve(w http.ResponseWriter, r *http.Request) bool {
	picture, isPicture := strings.CutPrefix(r.URL.Path, "/picture/")
	switch {
	case r.Method == http.MethodGet && isPicture:
		p.picture(w, r, picture)
	case r.Method == http.MethodPost && r.URL.Path == "/action":
		p.action(w, r)
	case r.Method == http.MethodPost && r.URL.Path == "/form":
		p.number(w, r)
	default:
		return false
	}
	return true
}

// picture serves a picture of the current view.
func (p checks) picture(w http.ResponseWriter, r *http.Request, name string) {
	picture := p.Picture(r.URL.Query().Get("step"), name)
	if picture.Empty() {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "image/png")
	picture.Use(func(png []byte) { _, _ = w.Write(png) })
}

// action handles an action without a number.
func (p checks) action(w http.ResponseWriter, r *http.Request) {
	var a struct{ Step, Name, Lang string }
	err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxAction)).Decode(&a)
	if err != nil || a.Name == counter.EnterNumber {
		http.Error(w, "not an action", http.StatusBadRequest)
		return
	}
	p.do(w, counter.Action{Step: a.Step, Name: a.Name, Language: message.Language(a.Lang)})
}

// number handles a number. The body has one line for each field.
func (p checks) number(w http.ResponseWriter, r *http.Request) {
	var entry counter.Entry
	err := secretBody(r, maxForm, func(body []byte) error {
		lines := bytes.Split(body, []byte("\n"))
		if len(lines) != len(counter.Fields()) || r.Header.Get("Name") != counter.EnterNumber {
			return errors.New("not a number")
		}
		entry = counter.ParseEntry(lines)
		return nil
	})
	if err != nil {
		http.Error(w, "not a form", http.StatusBadRequest)
		return
	}
	p.do(w, counter.Action{Step: r.Header.Get("Step"), Name: counter.EnterNumber, Entry: entry})
}

func (p checks) do(w http.ResponseWriter, a counter.Action) {
	if err := p.Do(a); err != nil {
		http.Error(w, "the view has changed", http.StatusConflict)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// checkView is a view as the templates use it.
type checkView struct{ counter.View }

// Source returns the address of a picture.
func (v checkView) Source(name string) string { return "/picture/" + name + "?step=" + v.Step }

// Unknown reports that nobody vouches for the key that signed the data.
func (v checkView) Unknown() bool { return v.Holder.Issuer() == trust.IssuerUnknown }

// Simulated reports that the data are a simulated card's.
func (v checkView) Simulated() bool { return v.Holder.Issuer() == trust.IssuerSimulator }

// printedField is a field of the form for the number.
type printedField struct {
	Name  counter.Field
	Label message.Text
	Size  int
	Wrong bool
}

var fieldLabels = map[counter.Field]message.Text{
	counter.Year: {JA: "年", EN: "Year"}, counter.Month: {JA: "月", EN: "Month"}, counter.Day: {JA: "日", EN: "Day"},
	counter.Expiry: {JA: "有効期限の年（西暦）", EN: "Year of expiry"}, counter.Code: {JA: "セキュリティコード", EN: "Security code"},
}

func fieldOf(v checkView, name string, size int) printedField {
	field := counter.Field(name)
	return printedField{field, fieldLabels[field], size, slices.Contains(v.Wrong, field)}
}

// digitsFor returns the keyboard of a field.
func digitsFor(field counter.Field) keyboard { return keyboardFor("1234567890", string(field)) }

// sexes are the words for a sex (JIS X 0303).
var sexes = map[jpki.Sex]message.Text{jpki.Male: {JA: "男", EN: "male"}, jpki.Female: {JA: "女", EN: "female"}}

func sexText(s jpki.Sex) message.Text {
	if text, ok := sexes[s]; ok {
		return text
	}
	return message.Text{JA: "記載なし", EN: "not stated"}
}

// issuers are the authorities whose keys are known.
var issuers = map[trust.Issuer]message.Text{
	trust.IssuerSimulator: {JA: "発行者（模擬カード用の鍵）", EN: "Its authority (simulated cards)"},
	trust.IssuerCaller:    {JA: "発行者（設定された鍵）", EN: "Its authority (configured key)"},
}
