package web

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"html/template"
	"net/http"
	"strings"
	"sync"
)

// Start is a one-time key that gives a browser the terminal's page.
type Start struct{ host, key string }

// URL returns the start URL, for a browser that is opened by hand. A program that starts
// a browser uses [Start.Page] instead, since other users can see its command line.
func (s Start) URL() string { return s.address() + "?key=" + s.key }

func (s Start) address() string { return "http://" + s.host + "/start" }

// Page returns a start page for a file that only the browser's user can read. It posts
// the key, so the key appears in no address, history or command line.
func (s Start) Page() []byte {
	var b bytes.Buffer
	sum := sha256.Sum256([]byte(submit))
	err := startPage.Execute(&b, map[string]any{
		"At": s.address(), "Key": s.key, "Submit": template.JS(submit), "Hash": base64.StdEncoding.EncodeToString(sum[:]),
	})
	if err != nil {
		panic(err) // the template fits its values
	}
	return b.Bytes()
}

// submit runs while the start page is loading, so that the terminal's page replaces it in
// the history and Back does not submit it again.
const submit = `document.forms[0].submit()`

var startPage = template.Must(template.New("start").Parse(`<!doctype html>
<html lang="ja">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'sha256-{{.Hash}}'; form-action {{.At}}">
<meta name="referrer" content="no-referrer">
<title>受付</title>
</head>
<body>
<form method="post" action="{{.At}}"><input type="hidden" name="key" value="{{.Key}}"></form>
<script>{{.Submit}}</script>
</body>
</html>
`))

// continuePage leads from the start page to the terminal's page. A redirect would not
// work: the browser does not send the cookie after a request from another page.
const continuePage = `<!doctype html>
<html lang="ja">
<head>
<meta charset="utf-8">
<meta http-equiv="refresh" content="0; url=/">
<title>受付</title>
</head>
</html>
`

var usedPage = template.Must(template.New("used").Parse(`<!doctype html>
<html lang="ja">
<head>
<meta charset="utf-8">
<title>受付</title>
</head>
<body>
<h1>このリンクは、もう使えません。</h1>
<p>リンクは1回だけ使えます。最新のリンクを開くか、ブラウザーを再起動してください。</p>
{{if .}}<p><a href="/">端末の画面に戻る</a></p>
{{end}}<div lang="en">
<h1>This link no longer works.</h1>
<p>Each link works once. Open the latest link, or restart the browser.</p>
{{if .}}<p><a href="/">Back to the terminal’s page</a></p>
{{end}}</div>
</body>
</html>
`))

// starts holds the current start and announces each new one.
type starts struct {
	mu       sync.Mutex
	current  Start
	announce func(Start) error
	log      func(event string)
}

func newStarts(host string) *starts {
	return &starts{current: Start{host, rand.Text()}, announce: func(Start) error { return nil }, log: func(string) {}}
}

// Announce calls announce with the current start, and again with a new start each time a
// browser has used one. If announce fails then, the browser is rejected and its start
// stays valid. The server calls log for each browser that it accepts or rejects.
//
// Call Announce before the server serves requests.
func (s *Server) Announce(announce func(Start) error, log func(event string)) error {
	s.starts.mu.Lock()
	defer s.starts.mu.Unlock()
	s.starts.announce, s.starts.log = announce, log
	return announce(s.starts.current)
}

// StartURL returns the URL of the current start.
func (s *Server) StartURL() string {
	s.starts.mu.Lock()
	defer s.starts.mu.Unlock()
	return s.starts.current.URL()
}

var (
	errUsed        = errors.New("used or wrong start key")
	errUnannounced = errors.New("the next start could not be announced")
)

// use invalidates the current start if the key is right, and announces the next one.
func (s *starts) use(key string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if subtle.ConstantTimeCompare([]byte(key), []byte(s.current.key)) != 1 {
		s.log("browser refused: " + errUsed.Error())
		return errUsed
	}
	next := Start{s.current.host, rand.Text()}
	if err := s.announce(next); err != nil {
		_ = s.announce(s.current) // announce may have written a part of next
		s.log("browser refused: " + errUnannounced.Error() + ": " + err.Error())
		return errUnannounced
	}
	s.current = next
	s.log("browser began")
	return nil
}

const maxStart = 1 << 10

// start gives the terminal's page to a browser with the key, and ends the previous page.
func (s *Server) start(w http.ResponseWriter, r *http.Request) {
	key := r.URL.Query().Get("key")
	if r.Method == http.MethodPost {
		r.Body = http.MaxBytesReader(w, r.Body, maxStart)
		key = r.PostFormValue("key")
	}
	if strings.Contains(r.Header.Get("Sec-Purpose"), "prefetch") {
		refuse(w) // the user has not opened it yet
		return
	}
	switch err := s.starts.use(key); err {
	case nil:
	case errUsed:
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(http.StatusForbidden)
		_ = usedPage.Execute(w, s.hasSession(r))
		return
	default:
		http.Error(w, "the browser could not be started", http.StatusServiceUnavailable)
		return
	}
	session := rand.Text()
	s.replacePage(&session, nil)
	s.page.abandon(r.Context())
	http.SetCookie(w, &http.Cookie{Name: cookieName, Value: session, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode})
	if r.Method == http.MethodGet {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write([]byte(continuePage))
}
