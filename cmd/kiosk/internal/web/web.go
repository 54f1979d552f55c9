// Package web serves the page of a terminal or of a counter to one browser on the same machine.
//
// The server renders the page and sends it whenever it changes (server-sent events). A
// short script shows it and sends the user's actions. The first browser that presents
// the key of a [Start] gets a session cookie, and the key becomes invalid. The server
// checks the host and the origin of every request, so other pages in the same browser
// can't use the terminal. There is one page at a time: a new page ends the visit of the
// previous one.
//
// Packages terminal and counter say where a screen's text and layout are.
//
// A PIN or a form's content arrives in the body of one request. It is read into one
// buffer and wiped. [Listener] wipes the read buffers of net/http, and padding after
// each view overwrites its write buffers. The kernel's buffers can't be wiped.
package web

import (
	"context"
	"crypto/subtle"
	"embed"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/mykeykit/mykeykit/cmd/kiosk/internal/counter"
	"github.com/mykeykit/mykeykit/cmd/kiosk/internal/terminal"
)

//go:embed static
var static embed.FS

// page is what a Server serves.
type page interface {
	// shell writes the page's HTML, before it has a view.
	shell(w io.Writer) error
	// view returns a function that writes the current view as an event, and a channel that is
	// closed when the view changes.
	view() (write func(io.Writer) error, changed <-chan struct{})
	// serve serves a request of the page, and reports whether there is anything at that address.
	serve(w http.ResponseWriter, r *http.Request) bool
	// abandon ends what the replaced page has begun.
	abandon(ctx context.Context)
}

// Server serves a page.
type Server struct {
	page   page
	host   string // host:port of the page
	starts *starts

	mu        sync.Mutex
	session   string             // the page's cookie; "" before the first page
	endStream context.CancelFunc // ends the page's event stream
}

// New returns a server for a terminal's page at a loopback host:port.
func New(t *terminal.Terminal, host string) *Server { return newServer(visits{t}, host) }

// NewCounter returns a server for a counter's page at a loopback host:port.
func NewCounter(c *counter.Counter, host string) *Server { return newServer(checks{c}, host) }

func newServer(p page, host string) *Server {
	return &Server{page: p, host: host, starts: newStarts(host)}
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
		_ = s.page.shell(w)
	case r.Method == http.MethodGet && (r.URL.Path == "/app.js" || r.URL.Path == "/style.css"):
		http.ServeFileFS(w, r, static, "static"+r.URL.Path)
	case r.Method == http.MethodGet && r.URL.Path == "/events":
		s.events(w, r)
	case s.page.serve(w, r):
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
	write, changed := s.page.view()
	err := write(w)
	for err == nil && stream.Flush() == nil {
		select {
		case <-changed:
			write, changed = s.page.view()
			err = write(w)
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
