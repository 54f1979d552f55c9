package main

import (
	"bufio"
	"bytes"
	"errors"
	"html"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/cmd/kiosk/internal/terminal"
	"github.com/mykeykit/mykeykit/cmd/kiosk/internal/web"
	"github.com/mykeykit/mykeykit/internal/keyfile"
)

// announce announces the starts of a fixture as the flags say and records the output
// and the log.
func (s *fixture) announce(t *testing.T, o options) (printed, logged *bytes.Buffer) {
	t.Helper()
	printed, logged = &bytes.Buffer{}, &bytes.Buffer{}
	require.NoError(t, s.page.Announce(o.announce(printed, textTerminal.EN), func(event string) { logged.WriteString(event + "\n") }))
	return printed, logged
}

// postStart posts the key of a start page, without an origin, as a browser does.
func (c *client) postStart(page string) int {
	c.t.Helper()
	key := regexp.MustCompile(`name="key" value="([^"]+)"`).FindStringSubmatch(page)
	require.NotNil(c.t, key, page)
	return c.post("/start", url.Values{"key": {html.UnescapeString(key[1])}}.Encode(), "null")
}

func (c *client) post(path, body, origin string) int {
	c.t.Helper()
	return c.do("POST", path, body, map[string]string{"Content-Type": "application/x-www-form-urlencoded", "Origin": origin, "Sec-Fetch-Site": "cross-site"})
}

func content(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(b)
}

// A start URL works once, and a new one is printed for the next browser. A used URL is
// rejected and logged.
//
// Faults: F122.
func TestStartWorksOnce(t *testing.T) {
	s := newFixture(t)
	printed, logged := s.announce(t, options{})
	first := printed.String()
	assert.Equal(t, "terminal: "+s.page.StartURL()+"\n", first)
	path := s.page.StartURL()[len("http://"+s.host):]
	browser := func() *client {
		c := s.client(t)
		c.header = nil
		return c
	}

	owner := browser()
	require.Equal(t, http.StatusForbidden, owner.do("GET", path, "", map[string]string{"Sec-Purpose": "prefetch;prerender"}), "a prefetch does not open it")
	require.Equal(t, http.StatusForbidden, owner.do("HEAD", path, "", nil))
	require.Equal(t, http.StatusOK, owner.get(path))
	assert.Equal(t, http.StatusOK, owner.get("/"), "the page can be reloaded")
	assert.Equal(t, http.StatusForbidden, browser().get("/"), "no page without the cookie")
	assert.NotContains(t, s.page.StartURL(), path)
	assert.Equal(t, first+"terminal: "+s.page.StartURL()+"\n", printed.String())

	other := browser()
	assert.Equal(t, http.StatusForbidden, other.get(path))
	assert.Equal(t, http.StatusForbidden, other.get("/"))
	assert.Equal(t, http.StatusForbidden, other.get("/events"))
	assert.Equal(t, http.StatusForbidden, owner.get(path), "opened twice")
	assert.Equal(t, http.StatusOK, owner.get("/"), "the page stays valid")
	assert.Equal(t, "browser began\n"+strings.Repeat("browser refused: used or wrong start key\n", 2), logged.String())
	assert.NotContains(t, logged.String(), path)

	require.Equal(t, http.StatusOK, browser().get(s.page.StartURL()[len("http://"+s.host):]))
	assert.Equal(t, http.StatusForbidden, owner.get("/"), "the next browser has the terminal")
}

// Only one of several concurrent requests with the same key gets the terminal.
//
// Faults: F122.
func TestConcurrentStarts(t *testing.T) {
	s := newFixture(t)
	path := s.page.StartURL()[len("http://"+s.host):]
	answers := make(chan int)
	const clients = 20
	for range clients {
		c := s.client(t)
		c.header = nil
		go func() { answers <- c.get(path) }()
	}
	accepted := 0
	for range clients {
		if <-answers == http.StatusOK {
			accepted++
		}
	}
	assert.LessOrEqual(t, accepted, 1) // the redirected request may already be rejected
	assert.NotContains(t, s.page.StartURL(), path)
}

// The start page posts the key, which appears in no address. After its use the file is
// replaced before the browser gets its response, and the previous page is notified.
//
// Faults: F122.
func TestStartPage(t *testing.T) {
	s := newFixture(t)
	folder := t.TempDir()
	path := filepath.Join(folder, "start.html")
	require.NoError(t, os.WriteFile(path, []byte("old"), 0o666))
	printed, logged := s.announce(t, options{startPage: path, urlFile: filepath.Join(folder, "url")})
	_, mode, err := keyfile.Read(path, 10_000)
	require.NoError(t, err)
	assert.False(t, keyfile.Exposed(mode))
	assert.Equal(t, s.page.StartURL()+"\n", content(t, filepath.Join(folder, "url")))

	page := content(t, path)
	first, second := s.client(t), s.client(t)
	first.header, second.header = nil, nil
	for _, origin := range []string{"http://evil.example", "http://127.0.0.1:1", ""} {
		assert.Equal(t, http.StatusForbidden, first.post("/start", "key=KEY", origin), "another page")
	}
	assert.Equal(t, http.StatusForbidden, first.post("/start?"+strings.TrimPrefix(s.page.StartURL(), "http://"+s.host+"/start?"), "", "null"), "key in the address")
	assert.Equal(t, http.StatusForbidden, first.post("/start", "key="+strings.Repeat("A", 5000), "null"))
	assert.Equal(t, http.StatusForbidden, first.post("/action", `{"name":"start"}`, "null"))
	require.Equal(t, http.StatusOK, first.postStart(page))
	next := content(t, path)
	assert.NotEqual(t, page, next)
	assert.Equal(t, s.page.StartURL()+"\n", content(t, filepath.Join(folder, "url")))
	cookies := first.http.Jar.Cookies(&url.URL{Scheme: "http", Host: s.host})
	require.Len(t, cookies, 1)
	require.Equal(t, http.StatusOK, first.get("/"))

	stream, err := first.http.Get("http://" + s.host + "/events")
	require.NoError(t, err)
	defer stream.Body.Close()
	lines := bufio.NewScanner(stream.Body)
	require.True(t, lines.Scan())
	assert.Equal(t, http.StatusForbidden, second.postStart(page), "used")
	assert.Equal(t, http.StatusOK, first.get("/"))
	require.Equal(t, http.StatusOK, second.postStart(next))
	replaced := false
	for lines.Scan() {
		replaced = replaced || lines.Text() == "event: replaced"
	}
	assert.True(t, replaced)
	assert.Equal(t, http.StatusForbidden, first.get("/"))
	assert.Empty(t, printed.String())
	assert.Equal(t, 2, strings.Count(logged.String(), "began\n"))

	options{startPage: path, urlFile: filepath.Join(folder, "url")}.removeStartFiles()
	left, err := os.ReadDir(folder)
	require.NoError(t, err)
	assert.Empty(t, left)
}

// The cookie is not available to scripts and other sites.
func TestCookie(t *testing.T) {
	s := newFixture(t)
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := client.Get(s.page.StartURL())
	require.NoError(t, err)
	answer.Body.Close()
	require.Len(t, answer.Cookies(), 1)
	c := answer.Cookies()[0]
	assert.True(t, c.HttpOnly)
	assert.Equal(t, http.SameSiteStrictMode, c.SameSite)
	assert.Empty(t, c.Domain)
	assert.Zero(t, c.MaxAge, "a session cookie")
	assert.NotContains(t, s.page.StartURL(), c.Value)
}

// If the next start can't be announced, the current start stays valid, so there is
// always a valid start.
func TestAnnounceFails(t *testing.T) {
	s := newFixture(t)
	path := filepath.Join(t.TempDir(), "start.html")
	full := false
	var logged bytes.Buffer
	tell := options{startPage: path}.announce(nil, "")
	require.NoError(t, s.page.Announce(func(start web.Start) error {
		if full {
			return errors.New("no space left")
		}
		return tell(start)
	}, func(event string) { logged.WriteString(event) }))
	page := content(t, path)
	c := s.client(t)
	full = true
	assert.Equal(t, http.StatusServiceUnavailable, c.postStart(page))
	assert.Contains(t, logged.String(), "no space left")
	assert.Equal(t, http.StatusForbidden, c.get("/"))
	full = false
	assert.Equal(t, http.StatusOK, c.postStart(page))
	assert.Error(t, s.page.Announce(options{startPage: filepath.Join(path, "no", "folder")}.announce(nil, ""), func(string) {}))
}

// A new page ends the visit of the previous page.
func TestStartEndsTheVisit(t *testing.T) {
	s := newFixture(t)
	c := s.started(t)
	c.identified(t)
	s.started(t)
	view, _ := s.terminal.View()
	assert.Empty(t, view.ID)
	assert.NotEqual(t, terminal.Result, view.Screen)
}

// A browser that opens the start page gets the terminal's page. The key is neither in
// its addresses nor in its history, and Back does not start again.
//
// Faults: F122.
func TestBrowserOpensTheStartPage(t *testing.T) {
	b := newBrowser(t, "ja")
	path := filepath.Join(t.TempDir(), "start.html")
	b.fixture.announce(t, options{startPage: path})
	used := content(t, path)
	before := get[int](b, `history.length`)
	b.run(chromedp.Navigate("file://" + path))
	b.shows(terminal.Welcome)
	at := "http://" + b.fixture.host + "/"
	require.Equal(t, at, get[string](b, `location.href`))
	assert.NotEqual(t, used, content(t, path))
	assert.Equal(t, before+1, get[int](b, `history.length`), "the start page is not in the history")
	assert.Empty(t, get[string](b, `document.referrer`))
	assert.Empty(t, get[string](b, `document.cookie`), "hidden from scripts")

	b.run(chromedp.Reload())
	b.shows(terminal.Welcome)
	next := content(t, path)
	require.NoError(t, os.WriteFile(path, []byte(used), 0o600)) // the used start page
	b.run(chromedp.Navigate("file://" + path))
	b.eval(`document.querySelector("h1").textContent`, "このリンクは、もう使えません。")
	require.NoError(t, os.WriteFile(path, []byte(next), 0o600))
	b.run(chromedp.Navigate("file://" + path))
	b.shows(terminal.Welcome)

	url := b.fixture.page.StartURL()
	b.run(chromedp.Navigate(url))
	b.shows(terminal.Welcome)
	b.run(chromedp.Navigate(url)) // opened twice
	b.run(chromedp.Click(chromedp.CSS("a")))
	b.shows(terminal.Welcome)
	assert.Equal(t, at, get[string](b, `location.href`))
}
