// Package web serves a terminal's page to one browser on the same machine.
//
// The server renders the page and sends it whenever it changes (server-sent events). A
// short script shows it and sends the user's actions. The first browser that presents
// the key of a [Start] gets a session cookie, and the key becomes invalid. The server
// checks the host and the origin of every request, so other pages in the same browser
// can't use the terminal. There is one page at a time: a new page ends the visit of the
// previous one.
//
// Package terminal says where a screen's text and layout are.
//
// A PIN or a form's content arrives in the body of one request. It is read into one
// buffer and wiped. [Listener] wipes the read buffers of net/http, and padding after
// each view overwrites its write buffers. The kernel's buffers can't be wiped.
package web

import (
	"bytes"
	"context"
	"crypto/subtle"
	"embed"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/mykeykit/mykeykit/cmd/kiosk/internal/terminal"
	"github.com/mykeykit/mykeykit/internal/hidden"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/mykey/message"
)

//go:embed static
var static embed.FS

// Server serves the terminal's page.
type Server struct {
	terminal *terminal.Terminal
	host     string // host:port of the page
	starts   *starts

	mu        sync.Mutex
	session   string             // the page's cookie; "" before the first page
	endStream context.CancelFunc // ends the page's event stream
}

// New returns a server for a terminal's page at a loopback host:port.
func New(t *terminal.Terminal, host string) *Server {
	return &Server{terminal: t, host: host, starts: newStarts(host)}
}

const cookieName = "terminal"

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "+
		"base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	switch {
	case r.Host != s.host, !s.isAllowedOrigin(r):
		refuse(w)
	case r.URL.Path == "/start" && (r.Method == http.MethodGet || r.Method == http.MethodPost):
		s.start(w, r)
	case !s.hasSession(r):
		refuse(w)
	case r.Method == http.MethodGet && r.URL.Path == "/":
		h.Set("Content-Type", "text/html; charset=utf-8")
		_ = shell.Execute(w, nil)
	case r.Method == http.MethodGet && (r.URL.Path == "/app.js" || r.URL.Path == "/style.css"):
		http.ServeFileFS(w, r, static, "static"+r.URL.Path)
	case r.Method == http.MethodGet && r.URL.Path == "/events":
		s.events(w, r)
	case r.Method == http.MethodPost && r.URL.Path == "/action":
		s.action(w, r)
	case r.Method == http.MethodPost && r.URL.Path == "/pin":
		s.pin(w, r)
	case r.Method == http.MethodPost && r.URL.Path == "/form":
		s.form(w, r)
	default:
		http.NotFound(w, r)
	}
}

func refuse(w http.ResponseWriter) {
	http.Error(w, "only the terminal's browser may open this page", http.StatusForbidden)
}

// isAllowedOrigin reports whether a request was not sent by another page. Browsers send
// the origin of a request (Fetch Metadata, and Origin with every POST).
//
// The start page is a file and has no origin, so only its key is checked.
func (s *Server) isAllowedOrigin(r *http.Request) bool {
	if r.Method == http.MethodPost && r.URL.Path == "/start" {
		return r.Header.Get("Origin") == "null"
	}
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "same-origin":
	case "none": // typed, or opened by the system
		if r.Method != http.MethodGet || r.URL.Path == "/events" {
			return false
		}
	default:
		return false
	}
	origin := r.Header.Get("Origin")
	if r.Method == http.MethodGet {
		return origin == "" || origin == "http://"+s.host
	}
	return origin == "http://"+s.host
}

// hasSession reports whether a request has the page's session cookie.
func (s *Server) hasSession(r *http.Request) bool {
	cookie, err := r.Cookie(cookieName)
	if err != nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.session != "" && subtle.ConstantTimeCompare([]byte(cookie.Value), []byte(s.session)) == 1
}

// replacePage ends the current event stream and sets the next one. It also sets the
// session unless that is nil.
func (s *Server) replacePage(session *string, endStream context.CancelFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.endStream != nil {
		s.endStream()
	}
	s.endStream = endStream
	if session != nil {
		s.session = *session
	}
}

// keepAliveInterval is the time between two keep-alive events.
const keepAliveInterval = 15 * time.Second

// events streams the view to the page whenever it changes, until another page replaces
// this one.
func (s *Server) events(w http.ResponseWriter, r *http.Request) {
	ctx, end := context.WithCancel(r.Context())
	defer end()
	s.replacePage(nil, end)
	w.Header().Set("Content-Type", "text/event-stream")
	stream := http.NewResponseController(w)
	view, changed := s.terminal.View()
	err := writeView(w, view)
	for err == nil && stream.Flush() == nil {
		select {
		case <-changed:
			view, changed = s.terminal.View()
			err = writeView(w, view)
		case <-time.After(keepAliveInterval):
			_, err = io.WriteString(w, "event: keep-alive\ndata: \n\n")
		case <-ctx.Done():
			if r.Context().Err() == nil { // another page has replaced this one
				_, _ = io.WriteString(w, "event: replaced\ndata: \n\n")
				_ = stream.Flush()
			}
			return
		}
	}
}

// The maximum lengths of request bodies, in bytes.
const (
	maxAction = 8 << 10
	maxPIN    = 64
	maxForm   = 512
)

// action handles an action without a PIN or a form.
func (s *Server) action(w http.ResponseWriter, r *http.Request) {
	var a struct{ Step, Name, Lang, Service string }
	err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxAction)).Decode(&a)
	if err != nil || slices.Contains([]string{terminal.GivePIN, terminal.GiveID, terminal.GiveCode}, a.Name) {
		http.Error(w, "not an action", http.StatusBadRequest)
		return
	}
	s.do(w, r, terminal.Action{Step: a.Step, Name: a.Name, Language: message.Language(a.Lang), Service: a.Service})
}

// form handles a submitted form. The body has one line for each of the two fields.
func (s *Server) form(w http.ResponseWriter, r *http.Request) {
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
	s.do(w, r, terminal.Action{Step: r.Header.Get("Step"), Name: name, Account: hidden.NewBytes(account), Code: hidden.NewBytes(code)})
}

// secretBody reads a request body of at most maxLen bytes into one buffer, and wipes the
// buffer after use.
func secretBody(r *http.Request, maxLen int, use func(body []byte) error) error {
	body := make([]byte, maxLen+1)
	defer clear(body)
	n, err := io.ReadFull(r.Body, body)
	switch {
	case err == nil:
		return errors.New("too long")
	case !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF):
		return err
	}
	return use(body[:n])
}

// pin handles a PIN, which is the whole body.
func (s *Server) pin(w http.ResponseWriter, r *http.Request) {
	var pin jpki.PIN
	err := secretBody(r, maxPIN, func(body []byte) (err error) {
		pin, err = jpki.ParsePIN(body)
		return err
	})
	if err != nil {
		http.Error(w, "not a PIN", http.StatusBadRequest)
		return
	}
	s.do(w, r, terminal.Action{Step: r.Header.Get("Step"), Name: terminal.GivePIN, PIN: pin})
}

// do performs an action and writes the response.
func (s *Server) do(w http.ResponseWriter, r *http.Request, a terminal.Action) {
	switch err := s.terminal.Do(r.Context(), a); {
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
