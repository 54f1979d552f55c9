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

// announced has a stand announce its starts as the flags say, and keeps what it prints
// and logs.
func (s *stand) announced(t *testing.T, o options) (printed, logged *bytes.Buffer) {
	t.Helper()
	printed, logged = &bytes.Buffer{}, &bytes.Buffer{}
	require.NoError(t, s.page.Announce(o.announce(printed, textTerminal.EN), func(event string) { logged.WriteString(event + "\n") }))
	return printed, logged
}

// posted is what a browser sends that opened a start page: a key, from no origin.
func (c *client) posted(page string) int {
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

// A start URL works once, and another one is printed for the next browser. One that was
// used begins nothing, whoever has it, and is logged.
//
// Faults: F122.
func TestAStartWorksOnce(t *testing.T) {
	s := newStand(t)
	printed, logged := s.announced(t, options{})
	first := printed.String()
	assert.Equal(t, "terminal: "+s.page.StartURL()+"\n", first)
	path := s.page.StartURL()[len("http://"+s.host):]
	browser := func() *client {
		c := s.client(t)
		c.header = nil
		return c
	}

	owner := browser()
	require.Equal(t, http.StatusForbidden, owner.do("GET", path, "", map[string]string{"Sec-Purpose": "prefetch;prerender"}), "nobody has opened it yet")
	require.Equal(t, http.StatusForbidden, owner.do("HEAD", path, "", nil))
	require.Equal(t, http.StatusOK, owner.get(path))
	assert.Equal(t, http.StatusOK, owner.get("/"), "it can be loaded again")
	assert.Equal(t, http.StatusForbidden, browser().get("/"), "without the cookie there is no page")
	assert.NotContains(t, s.page.StartURL(), path)
	assert.Equal(t, first+"terminal: "+s.page.StartURL()+"\n", printed.String())

	thief := browser()
	assert.Equal(t, http.StatusForbidden, thief.get(path))
	assert.Equal(t, http.StatusForbidden, thief.get("/"))
	assert.Equal(t, http.StatusForbidden, thief.get("/events"))
	assert.Equal(t, http.StatusForbidden, owner.get(path), "opened twice")
	assert.Equal(t, http.StatusOK, owner.get("/"), "and its page stays")
	assert.Equal(t, "browser began\n"+strings.Repeat("browser refused: a used or wrong start key\n", 2), logged.String())
	assert.NotContains(t, logged.String(), path)

	require.Equal(t, http.StatusOK, browser().get(s.page.StartURL()[len("http://"+s.host):]))
	assert.Equal(t, http.StatusForbidden, owner.get("/"), "the next browser has the terminal")
}

// Of many that come with the same key at the same time, one has the terminal.
//
// Faults: F122.
func TestAStartIsForOne(t *testing.T) {
	s := newStand(t)
	path := s.page.StartURL()[len("http://"+s.host):]
	answers := make(chan int)
	const many = 20
	for range many {
		c := s.client(t)
		c.header = nil
		go func() { answers <- c.get(path) }()
	}
	began := 0
	for range many {
		if <-answers == http.StatusOK {
			began++
		}
	}
	assert.LessOrEqual(t, began, 1) // the page that it is led to may be refused already
	assert.NotContains(t, s.page.StartURL(), path)
}

// The start page posts a key that is in no address. Used, it is replaced in its file
// before the browser has its answer, and the page before is told.
//
// Faults: F122.
func TestStartPage(t *testing.T) {
	s := newStand(t)
	folder := t.TempDir()
	path := filepath.Join(folder, "start.html")
	require.NoError(t, os.WriteFile(path, []byte("old"), 0o666))
	printed, logged := s.announced(t, options{startPage: path, urlFile: filepath.Join(folder, "url")})
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
	assert.Equal(t, http.StatusForbidden, first.post("/start?"+strings.TrimPrefix(s.page.StartURL(), "http://"+s.host+"/start?"), "", "null"), "in the address")
	assert.Equal(t, http.StatusForbidden, first.post("/start", "key="+strings.Repeat("A", 5000), "null"))
	assert.Equal(t, http.StatusForbidden, first.post("/action", `{"name":"start"}`, "null"))
	require.Equal(t, http.StatusOK, first.posted(page))
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
	assert.Equal(t, http.StatusForbidden, second.posted(page), "used")
	assert.Equal(t, http.StatusOK, first.get("/"))
	require.Equal(t, http.StatusOK, second.posted(next))
	replaced := false
	for lines.Scan() {
		replaced = replaced || lines.Text() == "event: replaced"
	}
	assert.True(t, replaced)
	assert.Equal(t, http.StatusForbidden, first.get("/"))
	assert.Empty(t, printed.String())
	assert.Equal(t, 2, strings.Count(logged.String(), "began\n"))

	options{startPage: path, urlFile: filepath.Join(folder, "url")}.withdraw()
	left, err := os.ReadDir(folder)
	require.NoError(t, err)
	assert.Empty(t, left)
}

// The cookie is one that scripts and other sites don't get.
func TestTheCookie(t *testing.T) {
	s := newStand(t)
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := client.Get(s.page.StartURL())
	require.NoError(t, err)
	answer.Body.Close()
	require.Len(t, answer.Cookies(), 1)
	c := answer.Cookies()[0]
	assert.True(t, c.HttpOnly)
	assert.Equal(t, http.SameSiteStrictMode, c.SameSite)
	assert.Empty(t, c.Domain)
	assert.Zero(t, c.MaxAge, "it ends with the browser")
	assert.NotContains(t, s.page.StartURL(), c.Value)
}

// Where the next start can't be said, this one is not used up: no browser is ever
// without a way to begin.
func TestAStartThatCanNotBeAnnounced(t *testing.T) {
	s := newStand(t)
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
	assert.Equal(t, http.StatusServiceUnavailable, c.posted(page))
	assert.Contains(t, logged.String(), "no space left")
	assert.Equal(t, http.StatusForbidden, c.get("/"))
	full = false
	assert.Equal(t, http.StatusOK, c.posted(page))
	assert.Error(t, s.page.Announce(options{startPage: filepath.Join(path, "no", "folder")}.announce(nil, ""), func(string) {}))
}

// A visit does not outlive the page that it was on.
func TestAStartEndsTheVisit(t *testing.T) {
	s := newStand(t)
	c := s.started(t)
	c.identified(t)
	s.started(t)
	view, _ := s.terminal.View()
	assert.Empty(t, view.ID)
	assert.NotEqual(t, terminal.Result, view.Screen)
}

// A real browser that opens the start page has the terminal's page, and the key is in
// neither its addresses nor its history: Back does not begin again.
//
// Faults: F122.
func TestBrowserOpensTheStartPage(t *testing.T) {
	b := newBrowser(t, "ja")
	path := filepath.Join(t.TempDir(), "start.html")
	b.stand.announced(t, options{startPage: path})
	used := content(t, path)
	before := get[int](b, `history.length`)
	b.run(chromedp.Navigate("file://" + path))
	b.shows(terminal.Welcome)
	at := "http://" + b.stand.host + "/"
	require.Equal(t, at, get[string](b, `location.href`))
	assert.NotEqual(t, used, content(t, path))
	assert.Equal(t, before+1, get[int](b, `history.length`), "the start page is not in the history")
	assert.Empty(t, get[string](b, `document.referrer`))
	assert.Empty(t, get[string](b, `document.cookie`), "scripts don't get it")

	b.run(chromedp.Reload())
	b.shows(terminal.Welcome)
	next := content(t, path)
	require.NoError(t, os.WriteFile(path, []byte(used), 0o600)) // as it was
	b.run(chromedp.Navigate("file://" + path))
	b.eval(`document.querySelector("h1").textContent`, "このリンクは、もう使えません。")
	require.NoError(t, os.WriteFile(path, []byte(next), 0o600))
	b.run(chromedp.Navigate("file://" + path))
	b.shows(terminal.Welcome)

	url := b.stand.page.StartURL()
	b.run(chromedp.Navigate(url))
	b.shows(terminal.Welcome)
	b.run(chromedp.Navigate(url)) // opened twice
	b.run(chromedp.Click(chromedp.CSS("a")))
	b.shows(terminal.Welcome)
	assert.Equal(t, at, get[string](b, `location.href`))
}
