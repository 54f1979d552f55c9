// Package web serves a terminal's page to the browser of the same machine, and to
// nobody else.
//
// The page is made here and sent as it changes (server-sent events); the browser
// has a script of some lines, which shows it and sends back what people do. Who
// may talk to the terminal is who comes first with the key of a [Start]: it is used up
// then, and the browser gets a cookie. Every request is checked for the
// host that it was sent to and the page that it came from, so that another page in
// the same browser can do nothing. There is one page at a time: a new one ends the
// old one's visit.
//
// A PIN, and what is typed into a form, comes as the body of one request, which is read
// into one buffer and wiped. [Listener] wipes net/http's own buffers for reading, and
// what follows a view overwrites those for writing. The kernel's can't be wiped.
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

// Server is the terminal's page.
type Server struct {
	terminal *terminal.Terminal
	host     string // host:port that it is at
	starts   *starts

	mu      sync.Mutex
	session string             // the page's cookie; "" before one has begun
	cut     context.CancelFunc // ends the page's stream
}

// New makes the page of a terminal, at a host:port of loopback.
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
	case r.Host != s.host, !s.fromHere(r):
		refuse(w)
	case r.URL.Path == "/start" && (r.Method == http.MethodGet || r.Method == http.MethodPost):
		s.start(w, r)
	case !s.knows(r):
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
	http.Error(w, "this page is the terminal's", http.StatusForbidden)
}

// fromHere refuses what another page has the browser send. Browsers say where a
// request comes from (Fetch Metadata, and Origin on every POST).
//
// The start page comes from a file, which has no origin: its key has to do.
func (s *Server) fromHere(r *http.Request) bool {
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

func (s *Server) knows(r *http.Request) bool {
	cookie, err := r.Cookie(cookieName)
	if err != nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.session != "" && subtle.ConstantTimeCompare([]byte(cookie.Value), []byte(s.session)) == 1
}

// replace ends the page's stream, and puts another session or stream in its place.
func (s *Server) replace(session *string, cut context.CancelFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cut != nil {
		s.cut()
	}
	s.cut = cut
	if session != nil {
		s.session = *session
	}
}

// breath is how often a stream says that it is there.
const breath = 15 * time.Second

// events sends the view each time that it changes, to the last page that asks.
func (s *Server) events(w http.ResponseWriter, r *http.Request) {
	ctx, cut := context.WithCancel(r.Context())
	defer cut()
	s.replace(nil, cut)
	w.Header().Set("Content-Type", "text/event-stream")
	stream := http.NewResponseController(w)
	for {
		view, changed := s.terminal.View()
		if writeView(w, view) != nil || stream.Flush() != nil {
			return
		}
		for waiting := true; waiting; {
			select {
			case <-changed:
				waiting = false
			case <-time.After(breath):
				if _, err := io.WriteString(w, "event: here\ndata: \n\n"); err != nil || stream.Flush() != nil {
					return
				}
			case <-ctx.Done():
				if r.Context().Err() == nil { // another page has taken over
					_, _ = io.WriteString(w, "event: replaced\ndata: \n\n")
					_ = stream.Flush()
				}
				return
			}
		}
	}
}

// What a request may be long, in bytes.
const (
	longestAction = 8 << 10
	longestPIN    = 64
	longestForm   = 512
)

func (s *Server) action(w http.ResponseWriter, r *http.Request) {
	var a struct{ Step, Name, Lang, Service string }
	err := json.NewDecoder(http.MaxBytesReader(w, r.Body, longestAction)).Decode(&a)
	if err != nil || slices.Contains([]string{terminal.GivePIN, terminal.GiveID, terminal.GiveCode}, a.Name) {
		http.Error(w, "not an action", http.StatusBadRequest)
		return
	}
	s.do(w, r, terminal.Action{Step: a.Step, Name: a.Name, Language: message.Language(a.Lang), Service: a.Service})
}

// form takes what was typed into a form's two fields: a line each, and nothing else.
func (s *Server) form(w http.ResponseWriter, r *http.Request) {
	var account, code []byte
	name := r.Header.Get("Name")
	err := secretBody(r, longestForm, func(body []byte) (err error) {
		var two bool
		if account, code, two = bytes.Cut(body, []byte("\n")); !two || name != terminal.GiveID && name != terminal.GiveCode {
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

// secretBody reads a request's body of at most longest bytes into one buffer, which is
// wiped after use.
func secretBody(r *http.Request, longest int, use func(body []byte) error) error {
	body := make([]byte, longest+1)
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

// pin takes a PIN: the body, and nothing else in it.
func (s *Server) pin(w http.ResponseWriter, r *http.Request) {
	var pin jpki.PIN
	err := secretBody(r, longestPIN, func(body []byte) (err error) {
		pin, err = jpki.ParsePIN(body)
		return err
	})
	if err != nil {
		http.Error(w, "not a PIN", http.StatusBadRequest)
		return
	}
	s.do(w, r, terminal.Action{Step: r.Header.Get("Step"), Name: terminal.GivePIN, PIN: pin})
}

func (s *Server) do(w http.ResponseWriter, r *http.Request, a terminal.Action) {
	switch err := s.terminal.Do(r.Context(), a); {
	case errors.Is(err, terminal.ErrStale):
		http.Error(w, "something else is shown now", http.StatusConflict)
	case errors.Is(err, terminal.ErrUnread):
		http.Error(w, "shown too recently to have been read", http.StatusTooEarly)
	case err != nil:
		http.Error(w, "not now", http.StatusServiceUnavailable)
	default:
		w.WriteHeader(http.StatusNoContent)
	}
}
