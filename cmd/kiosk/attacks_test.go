package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/cmd/kiosk/internal/terminal"
	"github.com/mykeykit/mykeykit/mykey/registry"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// client is an HTTP client in place of a browser.
type client struct {
	t       testing.TB
	fixture *fixture
	http    *http.Client
	header  map[string]string // sent with every request
}

func (s *fixture) client(t testing.TB) *client {
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	return &client{t: t, fixture: s, http: &http.Client{Jar: jar, Timeout: 20 * time.Second}, header: map[string]string{"Origin": "http://" + s.host}}
}

// started returns a client that has opened the start URL.
func (s *fixture) started(t testing.TB) *client {
	c := s.client(t)
	c.header = nil
	require.Equal(t, http.StatusOK, c.get(s.page.StartURL()[len("http://"+s.host):]))
	c.header = map[string]string{"Origin": "http://" + s.host}
	return c
}

func (c *client) do(method, path, body string, header map[string]string) int {
	c.t.Helper()
	r, err := http.NewRequest(method, "http://"+c.fixture.host+path, strings.NewReader(body))
	require.NoError(c.t, err)
	for _, set := range []map[string]string{c.header, header} {
		for name, value := range set {
			r.Header.Set(name, value)
			if name == "Host" {
				r.Host = value
			}
		}
	}
	answer, err := c.http.Do(r)
	require.NoError(c.t, err)
	defer answer.Body.Close()
	page, err := io.ReadAll(answer.Body)
	require.NoError(c.t, err)
	assert.Equal(c.t, "no-store", answer.Header.Get("Cache-Control"))
	assert.Contains(c.t, answer.Header.Get("Content-Security-Policy"), "default-src 'none'")
	assert.NotContains(c.t, string(page), "1234")
	return answer.StatusCode
}

func (c *client) get(path string) int { c.t.Helper(); return c.do("GET", path, "", nil) }

func (c *client) act(a map[string]string) int {
	c.t.Helper()
	if a["step"] == "" {
		view, _ := c.fixture.terminal.View()
		a["step"] = view.Step
	}
	if account, typed := a["account"]; typed {
		return c.do("POST", "/form", account+"\n"+a["code"], map[string]string{"Step": a["step"], "Name": a["name"]})
	}
	body, err := json.Marshal(a)
	require.NoError(c.t, err)
	return c.do("POST", "/action", string(body), nil)
}

func (c *client) pin(digits string) int {
	c.t.Helper()
	view, _ := c.fixture.terminal.View()
	return c.do("POST", "/pin", digits, map[string]string{"Step": view.Step})
}

// agree confirms the application. The first attempt is too early and is rejected.
func (c *client) agree() {
	c.t.Helper()
	require.Equal(c.t, http.StatusTooEarly, c.act(map[string]string{"name": "agree"}))
	require.Eventually(c.t, func() bool { return c.act(map[string]string{"name": "agree"}) == http.StatusNoContent }, 20*time.Second, 50*time.Millisecond)
}

// identified runs a visit up to the identifier.
func (c *client) identified(t testing.TB) *simulator.Card {
	t.Helper()
	card := c.fixture.insert(t, simulator.Contact)
	require.Equal(t, http.StatusNoContent, c.act(map[string]string{"name": "start", "lang": "en"}))
	c.fixture.await(t, terminal.EnterPIN)
	require.Equal(t, http.StatusNoContent, c.pin("1234"))
	c.fixture.await(t, terminal.Result)
	return card
}

// Requests of another page in the same browser, which include the cookie, have no
// effect.
func TestOtherPagesAreRejected(t *testing.T) {
	s := newFixture(t)
	c := s.started(t)
	at, err := url.Parse("http://" + s.host)
	require.NoError(t, err)
	cookie := c.http.Jar.Cookies(at)[0].String() // a browser would not send it to another host
	for name, header := range map[string]map[string]string{
		"another origin":      {"Origin": "http://evil.example"},
		"another port":        {"Origin": "http://127.0.0.1:1"},
		"no origin":           {"Origin": ""},
		"an opaque origin":    {"Origin": "null"},
		"a cross-site fetch":  {"Sec-Fetch-Site": "cross-site"},
		"a same-site fetch":   {"Sec-Fetch-Site": "same-site"},
		"a navigation's post": {"Sec-Fetch-Site": "none"},
		"another host's name": {"Host": "evil.example", "Cookie": cookie},
		"the name localhost":  {"Host": "localhost", "Cookie": cookie},
	} {
		view, _ := s.terminal.View()
		body := `{"step":"` + view.Step + `","name":"start","lang":"ja"}`
		assert.Equal(t, http.StatusForbidden, c.do("POST", "/action", body, header), name)
		assert.Equal(t, http.StatusForbidden, c.do("POST", "/pin", "1234", header), name)
	}
	for _, header := range []map[string]string{{"Sec-Fetch-Site": "cross-site"}, {"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "none"}, {"Host": "evil.example"}} {
		assert.Equal(t, http.StatusForbidden, c.do("GET", "/events", "", header))
	}
	s.await(t, terminal.Welcome)
}

// Another browser on the same machine without the right cookie is rejected.
func TestOtherBrowsersAreRejected(t *testing.T) {
	s := newFixture(t)
	c := s.client(t)
	c.header = nil
	for _, path := range []string{"/", "/events", "/app.js", "/start", "/start?key=", "/start?key=WRONG", "/start?key=" + strings.Repeat("A", 5000)} {
		assert.Equal(t, http.StatusForbidden, c.get(path), path)
	}
	c.header = map[string]string{"Origin": "http://" + s.host, "Cookie": "terminal="}
	assert.Equal(t, http.StatusForbidden, c.act(map[string]string{"name": "start"}))
	assert.Equal(t, http.StatusForbidden, c.pin("1234"))
}

// Opening a new start URL, for example after a browser crash, ends the previous page
// and its visit.
func TestOnePageAtATime(t *testing.T) {
	s := newFixture(t)
	first := s.started(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, "GET", "http://"+s.host+"/events", nil)
	require.NoError(t, err)
	stream, err := first.http.Do(r)
	require.NoError(t, err)
	defer stream.Body.Close()
	lines := bufio.NewScanner(stream.Body)
	require.True(t, lines.Scan())
	first.identified(t)

	second := s.started(t)
	view, _ := s.terminal.View()
	assert.Empty(t, view.ID)
	replaced := false
	for lines.Scan() {
		replaced = replaced || lines.Text() == "event: replaced"
	}
	assert.True(t, replaced, "the stream ends with the reason")
	assert.Equal(t, http.StatusForbidden, first.act(map[string]string{"name": "finish"}))
	assert.Equal(t, http.StatusOK, second.get("/"))
}

// The event stream continues after the read timeout of the server.
func TestEventStreamOutlastsTheTimeout(t *testing.T) {
	s := newFixture(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	impatient := &http.Server{Handler: s.page, ReadTimeout: 100 * time.Millisecond}
	go func() { _ = impatient.Serve(listener) }()
	defer impatient.Close()
	c := s.client(t)
	c.header = nil
	c.http.Transport = &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, listener.Addr().String())
	}}
	require.Equal(t, http.StatusOK, c.get(s.page.StartURL()[len("http://"+s.host):]))
	answer, err := c.http.Get("http://" + s.host + "/events")
	require.NoError(t, err)
	defer answer.Body.Close()
	lines := bufio.NewScanner(answer.Body)
	views := make(chan string)
	go func() {
		defer close(views)
		for lines.Scan() {
			if strings.HasPrefix(lines.Text(), "data: ") {
				views <- lines.Text()
			}
		}
	}()
	require.Contains(t, <-views, `"screen":"welcome"`)
	time.Sleep(500 * time.Millisecond) // several times the server's timeout
	require.NoError(t, s.terminal.Do(t.Context(), terminal.Action{Step: s.await(t, terminal.Welcome).Step, Name: terminal.Start}))
	require.Contains(t, <-views, `"screen":"place"`)
}

// A repeated request, concurrent duplicates and a request for an earlier view have no
// effect.
func TestReplayedRequestsDoNothing(t *testing.T) {
	s := newFixture(t)
	c := s.started(t)
	card := s.insert(t, simulator.Contact)
	require.Equal(t, http.StatusNoContent, c.act(map[string]string{"name": "start", "lang": "ja"}))
	s.await(t, terminal.EnterPIN)
	view, _ := s.terminal.View()
	codes := make(chan int, 4)
	for range cap(codes) {
		go func() {
			codes <- c.do("POST", "/pin", "9999", map[string]string{"Step": view.Step})
		}()
	}
	done := 0
	for range cap(codes) {
		switch code := <-codes; code {
		case http.StatusNoContent:
			done++
		default:
			assert.Equal(t, http.StatusConflict, code)
		}
	}
	assert.Equal(t, 1, done)
	s.await(t, terminal.WrongPIN)
	assert.Equal(t, 2, card.State().AuthAttempts)
	assert.Equal(t, http.StatusConflict, c.do("POST", "/pin", "9999", map[string]string{"Step": view.Step}))
	assert.Equal(t, 2, card.State().AuthAttempts)
}

// A malformed PIN is rejected before anything is sent to the card, and no other request
// accepts a PIN.
func TestMalformedPINs(t *testing.T) {
	s := newFixture(t)
	c := s.started(t)
	card := s.insert(t, simulator.Contact)
	require.Equal(t, http.StatusNoContent, c.act(map[string]string{"name": "start"}))
	s.await(t, terminal.EnterPIN)
	for _, body := range []string{"", "123", "12345", "12a4", "1234\n", strings.Repeat("1", 64), strings.Repeat("1", 100_000), `{"pin":"1234"}`} {
		assert.Equal(t, http.StatusBadRequest, c.pin(body), body)
	}
	assert.Equal(t, http.StatusBadRequest, c.act(map[string]string{"name": "pin", "pin": "1234"}))
	assert.Equal(t, http.StatusNotFound, c.get("/pin?pin=1234"))
	for _, name := range []string{"account", "take-over", "pin", "start", ""} {
		assert.Equal(t, http.StatusBadRequest, c.do("POST", "/form", "0123456789", map[string]string{"Name": name}), "a line is missing")
		assert.Equal(t, http.StatusBadRequest, c.do("POST", "/form", strings.Repeat("1", 600)+"\n", map[string]string{"Name": name}))
	}
	for _, name := range []string{"pin", "account", "take-over"} {
		assert.Equal(t, http.StatusBadRequest, c.act(map[string]string{"name": name}), "not with /action")
	}
	for _, body := range []string{"", "{", `[]`, `"x"`, `{"name":` + strings.Repeat(" ", 10_000) + `"start"}`} {
		assert.Equal(t, http.StatusBadRequest, c.do("POST", "/action", body, nil), body)
	}
	assert.Equal(t, 3, card.State().AuthAttempts)
	s.await(t, terminal.EnterPIN)
}

// SQL and HTML in text fields is rejected by the pattern, or stored and shown as text.
// A used account is rejected before anything is written.
func TestHostileFields(t *testing.T) {
	s := newFixture(t)
	c := s.started(t)
	card := c.identified(t)
	require.Equal(t, http.StatusNoContent, c.act(map[string]string{"name": "apply"}))
	for _, evil := range []string{`<script>alert(1)</script>`, `'; DROP TABLE reservations; --`, `"><img src=x>`, "\x00", strings.Repeat("9", 5000)} {
		assert.Equal(t, http.StatusConflict, c.act(map[string]string{"name": "choose", "service": evil}))
		assert.Equal(t, http.StatusConflict, c.act(map[string]string{"name": evil}))
		assert.Equal(t, http.StatusConflict, c.act(map[string]string{"name": "language", "lang": evil}))
	}
	require.Equal(t, http.StatusNoContent, c.act(map[string]string{"name": "choose", "service": "sample-pay"}))
	for _, evil := range []string{`<script>alert(1)</script>`, `' OR 1=1 --`, `"><img src=x>`, "\x00"} {
		require.Equal(t, http.StatusNoContent, c.act(map[string]string{"name": "account", "account": evil, "code": "4649"}))
		assert.Equal(t, terminal.Refused{Account: true}, s.await(t, terminal.Account).Refused)
		require.Equal(t, http.StatusNoContent, c.act(map[string]string{"name": "account", "account": "0123456789", "code": evil}))
		assert.Equal(t, terminal.Refused{Code: true}, s.await(t, terminal.Account).Refused)
	}
	require.Equal(t, http.StatusNoContent, c.act(map[string]string{"name": "account", "account": "0123456789", "code": "4649"}))
	s.await(t, terminal.Confirm)
	c.agree()
	s.await(t, terminal.Done)
	require.Equal(t, http.StatusNoContent, c.act(map[string]string{"name": "finish"}))
	s.slot.Remove()
	s.await(t, terminal.Welcome)
	assert.Equal(t, 3, card.State().AuthAttempts)

	// Another holder with the same account.
	other, err := simulator.NewCard(simulator.ResidentCard, simulator.WithInsecureSeed("kiosk"))
	require.NoError(t, err)
	require.NoError(t, s.slot.Insert(other))
	require.Equal(t, http.StatusNoContent, c.act(map[string]string{"name": "start"}))
	s.await(t, terminal.EnterPIN)
	require.Equal(t, http.StatusNoContent, c.pin("1234"))
	s.await(t, terminal.Result)
	require.Equal(t, http.StatusNoContent, c.act(map[string]string{"name": "apply"}))
	require.Equal(t, http.StatusNoContent, c.act(map[string]string{"name": "choose", "service": "sample-pay"}))
	require.Equal(t, http.StatusNoContent, c.act(map[string]string{"name": "account", "account": "0123456789", "code": "1111"}))
	deadline := time.Now().Add(10 * time.Second)
	for !s.await(t, terminal.Account).Refused.Used && time.Now().Before(deadline) {
		time.Sleep(time.Millisecond)
	}
	assert.Equal(t, terminal.Refused{Used: true}, s.await(t, terminal.Account).Refused)
	operator, err := registry.OpenOperator(t.Context(), "sqlite:"+s.database, "points.example", []registry.TerminalKey{testTerminal().Public()})
	require.NoError(t, err)
	defer operator.Close()
	report, err := operator.Verify(t.Context())
	require.NoError(t, err)
	assert.EqualValues(t, 3, report.Records, "two reservations and one application")
}

// The log and the database file contain no personal data except what the registry
// documents.
func TestNothingPersonalIsKept(t *testing.T) {
	s := newFixture(t)
	c := s.started(t)
	c.identified(t)
	view, _ := s.terminal.View()
	id, recovery := view.ID.String(), ""
	view.Recovery.Use(func(code []byte) { recovery = string(code) })
	require.NotEmpty(t, recovery)
	require.Equal(t, http.StatusNoContent, c.act(map[string]string{"name": "apply"}))
	require.Equal(t, http.StatusNoContent, c.act(map[string]string{"name": "choose", "service": "sample-pay"}))
	require.Equal(t, http.StatusNoContent, c.act(map[string]string{"name": "account", "account": "7305730573", "code": "7306"}))
	s.await(t, terminal.Confirm)
	c.agree()
	s.await(t, terminal.Done)
	s.slot.Remove()
	s.await(t, terminal.Cleared)
	require.NoError(t, s.registry.Close())
	var kept strings.Builder
	for _, name := range []string{s.database, s.database + "-wal"} {
		b, err := os.ReadFile(name)
		if err == nil {
			kept.Write(b)
		}
	}
	require.Contains(t, kept.String(), id, "identifiers are stored")
	for _, canary := range []string{"7305730573", recovery, strings.ReplaceAll(recovery, "-", "")} {
		assert.NotContains(t, kept.String(), canary)
	}
	for _, canary := range []string{"7305730573", "7306", "1234", id, recovery} {
		assert.NotContains(t, s.logged(), canary)
	}
	view, _ = s.terminal.View()
	assert.Empty(t, view.ID)
	assert.True(t, view.Recovery.Empty())
}
