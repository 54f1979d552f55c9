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

// Start is where a browser begins. It works once: whoever comes with its key first has
// the terminal's page.
type Start struct{ host, key string }

// URL returns the address for a browser that is opened by hand. Other users see the
// command lines of browsers, so a program that starts one uses [Start.Page].
func (s Start) URL() string { return s.at() + "?key=" + s.key }

func (s Start) at() string { return "http://" + s.host + "/start" }

// Page returns a page for a file that only the browser's user can read. It posts the
// key, which so is in no address, no history and no command line.
func (s Start) Page() []byte {
	var b bytes.Buffer
	sum := sha256.Sum256([]byte(submit))
	err := startPage.Execute(&b, map[string]any{
		"At": s.at(), "Key": s.key, "Submit": template.JS(submit), "Hash": base64.StdEncoding.EncodeToString(sum[:]),
	})
	if err != nil {
		panic(err) // the template fits its values
	}
	return b.Bytes()
}

// submit runs while the page is loading, so that the terminal's page takes the place of
// this one in the history, and Back does not begin again.
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

// begun leads from the start to the page. It is no redirect: the cookie does not go
// along with one that another page, as the start page, has caused.
const begun = `<!doctype html>
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
<p>開けるのは1回だけです。新しいリンクを開くか、ブラウザーを起動し直してください。</p>
{{if .}}<p><a href="/">端末の画面に戻る</a></p>
{{end}}<div lang="en">
<h1>This link no longer works.</h1>
<p>Each link works once. Open the newest one, or restart the browser.</p>
{{if .}}<p><a href="/">Back to the terminal’s page</a></p>
{{end}}</div>
</body>
</html>
`))

// starts gives out one start after the other.
type starts struct {
	mu      sync.Mutex
	current Start
	tell    func(Start) error
	log     func(event string)
}

func newStarts(host string) *starts {
	return &starts{current: Start{host, rand.Text()}, tell: func(Start) error { return nil }, log: func(string) {}}
}

// Announce has tell say where a browser begins: now, and again with another start each
// time that a browser has begun. If tell fails then, that browser is refused, and its
// start stays as it was. log is told of browsers that began and that were refused.
//
// Call it before the server serves.
func (s *Server) Announce(tell func(Start) error, log func(event string)) error {
	s.starts.mu.Lock()
	defer s.starts.mu.Unlock()
	s.starts.tell, s.starts.log = tell, log
	return tell(s.starts.current)
}

// StartURL is the URL of the start that was not used yet.
func (s *Server) StartURL() string {
	s.starts.mu.Lock()
	defer s.starts.mu.Unlock()
	return s.starts.current.URL()
}

var (
	errUsed        = errors.New("a used or wrong start key")
	errUnannounced = errors.New("the next start could not be announced")
)

// use uses up a start, and has the next one announced.
func (s *starts) use(key string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if subtle.ConstantTimeCompare([]byte(key), []byte(s.current.key)) != 1 {
		s.log("browser refused: " + errUsed.Error())
		return errUsed
	}
	next := Start{s.current.host, rand.Text()}
	if err := s.tell(next); err != nil {
		_ = s.tell(s.current) // it may have told half of it
		s.log("browser refused: " + errUnannounced.Error() + ": " + err.Error())
		return errUnannounced
	}
	s.current = next
	s.log("browser began")
	return nil
}

const longestStart = 1 << 10

// start makes whoever has the key the terminal's page, and ends the one before.
func (s *Server) start(w http.ResponseWriter, r *http.Request) {
	key := r.URL.Query().Get("key")
	if r.Method == http.MethodPost {
		r.Body = http.MaxBytesReader(w, r.Body, longestStart)
		key = r.PostFormValue("key")
	}
	if strings.Contains(r.Header.Get("Sec-Purpose"), "prefetch") {
		refuse(w) // nobody has opened it yet
		return
	}
	switch err := s.starts.use(key); err {
	case nil:
	case errUsed:
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(http.StatusForbidden)
		_ = usedPage.Execute(w, s.knows(r))
		return
	default:
		http.Error(w, "not now", http.StatusServiceUnavailable)
		return
	}
	session := rand.Text()
	s.replace(&session, nil)
	_ = s.terminal.Abandon(r.Context())
	http.SetCookie(w, &http.Cookie{Name: cookieName, Value: session, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode})
	if r.Method == http.MethodGet {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write([]byte(begun))
}
