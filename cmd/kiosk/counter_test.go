package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/cmd/kiosk/internal/counter"
	"github.com/mykeykit/mykeykit/cmd/kiosk/internal/terminal"
	"github.com/mykeykit/mykeykit/cmd/kiosk/internal/web"
	"github.com/mykeykit/mykeykit/internal/democard"
	"github.com/mykeykit/mykeykit/internal/residue"
	"github.com/mykeykit/mykeykit/internal/surfacetest"
	"github.com/mykeykit/mykeykit/jpki/cvc"
	"github.com/mykeykit/mykeykit/mykey/message"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// counterFixture is a counter with a simulated reader and a page.
type counterFixture struct {
	slot    *simulator.Reader
	counter *counter.Counter
	page    *web.Server
	host    string
	shown   chan time.Time // when the contents of a card were read
	folder  string         // of records
	full    atomic.Bool    // records can't be kept

	overwritten atomic.Int32 // number of residue.Overwrite calls
}

// enterWrong enters wrong numbers, until the card has one attempt left.
func (s *counterFixture) enterWrong(t *testing.T) {
	t.Helper()
	require.Eventually(t, func() bool {
		v, _ := s.counter.View()
		switch {
		case v.Screen == counter.WrongNumber && v.Counter.Remaining == 1:
			return true
		case v.Screen == counter.WrongNumber:
			_ = s.counter.Do(counter.Action{Step: v.Step, Name: counter.TryAgain})
		case v.Screen == counter.Number:
			_ = s.counter.Do(counter.Action{Step: v.Step, Name: counter.EnterNumber, Entry: counter.ParseEntry([][]byte{{'1'}, {'1'}, {'1'}, []byte("2030"), []byte("0000")})})
		}
		return false
	}, 20*time.Second, time.Millisecond)
}

func (s *counterFixture) await(t *testing.T, screen counter.Screen) counter.View {
	t.Helper()
	require.Eventually(t, func() bool { v, _ := s.counter.View(); return v.Screen == screen }, 20*time.Second, time.Millisecond)
	v, _ := s.counter.View()
	return v
}

func newCounterFixture(t *testing.T, policy cvc.Policy) *counterFixture {
	t.Helper()
	driver := simulator.New()
	s := &counterFixture{slot: driver.AddReader("Reader"), shown: make(chan time.Time, 8), folder: t.TempDir()}
	keep, err := keepIn(s.folder)
	require.NoError(t, err)
	s.counter = counter.New(counter.Config{
		Driver: driver, Policy: policy, Language: message.Japanese,
		Keep: func(r counter.Record) error {
			if s.full.Load() {
				return syscall.ENOSPC
			}
			return keep(r)
		},
		AfterCheck: func() {
			residue.Overwrite()
			s.overwritten.Add(1)
		},
		Log: func(event string, _ message.Code) {
			if event == "shown" {
				s.shown <- time.Now()
			}
		},
	})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s.host = listener.Addr().String()
	s.page = web.NewCounter(s.counter, s.host)
	server := newServer(s.page)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = s.counter.Run(ctx) })
	running.Go(func() { _ = server.Serve(web.Listener(listener)) })
	t.Cleanup(func() {
		cancel()
		_ = server.Close()
		running.Wait()
		connections, _ := s.slot.InUse()
		require.Zero(t, connections)
	})
	return s
}

// typePrinted types what is printed on a card, with Tab between the fields.
func (b *browser) typePrinted(fields ...string) {
	b.t.Helper()
	b.eval(`document.body.matches("[inert], .unread")`, false)
	b.run(chromedp.Click(chromedp.CSS("#year")))
	for i, f := range fields {
		if i > 0 {
			b.run(chromedp.KeyEvent(kb.Tab))
		}
		b.run(chromedp.KeyEvent(f))
	}
	b.run(chromedp.KeyEvent(kb.Enter))
}

// A clerk checks cards in both languages, on screens of all sizes.
func TestBrowserCounter(t *testing.T) {
	t.Parallel()
	for _, lang := range []string{"ja", "en"} {
		t.Run(lang, func(t *testing.T) {
			b := startBrowser(t, lang)
			card, err := democard.New(simulator.Contact)
			require.NoError(t, err)
			s := newCounterFixture(t, surfacetest.Policy(t, card))
			shows := func(screen counter.Screen) { b.shows(terminal.Screen(screen)) }
			b.notice = func() (message.Language, message.Code) {
				v, _ := s.counter.View()
				if v.Notice == nil {
					return v.Language, ""
				}
				return v.Language, v.Notice.Code
			}
			b.run(chromedp.Navigate(s.page.StartURL()))
			b.eval(`document.querySelector("main").dataset.screen`, counter.Place)
			b.press("h1") // gives the page the focus
			if lang == "en" {
				b.press("[data-action=language]")
				b.eval(`document.documentElement.lang`, "en")
			}
			shows(counter.Place)

			require.NoError(t, s.slot.Insert(card))
			shows(counter.Number)
			b.typePrinted("60", "4", "31", "2035", "0000")
			shows(counter.WrongNumber)
			b.press("[data-action=try-again]")
			shows(counter.Number)
			s.enterWrong(t)
			shows(counter.WrongNumber)
			b.press("[data-action=try-again]")
			shows(counter.LastAttempt)
			b.press("[data-action=use-last-attempt]")
			shows(counter.Number)
			assert.Equal(t, "", get[string](b, `document.querySelector("#code").value`), "nothing is left of a number that was sent")
			b.typePrinted("60", "13", "1", "2035", "5678")
			b.eval(`[...document.querySelectorAll("[aria-invalid]")].map(e => e.id).join()`, "month")
			shows(counter.Number)
			assert.Equal(t, "2035", get[string](b, `document.querySelector("#expiry").value`), "what was typed stays until it is sent")
			b.press("#month") // which selects its content
			b.eval(`getSelection().toString()`, "13")
			b.press(`[data-keys-for=month] [data-key="4"]`)
			b.press("button[type=submit]")
			shows(counter.Shown)
			b.eval(`[...document.querySelectorAll("main img")].every(i => i.complete && i.naturalWidth > 0)`, true)
			b.eval(`document.querySelector(".photo").naturalWidth`, 378)
			text := get[string](b, `document.querySelector("main").innerText`)
			for _, want := range map[string][]string{
				"ja": {"1985年4月1日（昭和60年）", "女", "署名なし", "確認していないこと", "架空"},
				"en": {"1 April 1985", "female", "not signed", "Not checked", "Invented"},
			}[lang] {
				assert.Contains(t, text, want)
			}
			picture := get[string](b, `document.querySelector(".photo").src`)
			s.full.Store(true)
			b.press("[data-action=same-person]")
			shows(counter.NotKept)
			s.full.Store(false)
			b.press("[data-action=try-again]")
			shows(counter.Take)
			v, _ := s.counter.View()
			assert.Contains(t, get[string](b, `document.querySelector("main").innerText`), v.Kept.Reference)
			assert.Equal(t, 404, get[int](b, fmt.Sprintf(`fetch(%q).then(r => r.status)`, picture)), "the picture is gone")
			s.slot.Remove()
			shows(counter.Place)

			for profile, screen := range map[simulator.Profile]counter.Screen{simulator.Android: counter.Problem, simulator.ContactExtended: counter.Number} {
				other, err := democard.New(profile)
				require.NoError(t, err)
				require.NoError(t, s.slot.Insert(other))
				shows(screen)
				s.slot.Remove()
				shows(counter.Place)
			}
		})
	}
}

// The photograph is on the screen soon after the card was read.
func TestBrowserCounterSpeed(t *testing.T) {
	b := startBrowser(t, "ja")
	card, err := democard.New(simulator.ContactExtended)
	require.NoError(t, err)
	s := newCounterFixture(t, surfacetest.Policy(t, card))
	b.notice = func() (message.Language, message.Code) { return message.Japanese, "" }
	b.run(chromedp.Navigate(s.page.StartURL()))
	require.NoError(t, s.slot.Insert(card))
	b.eval(`document.querySelector("main").dataset.screen`, counter.Number)
	get[int](b, `window.painted = new Promise(done => new MutationObserver((_, o) => {
		const photo = document.querySelector(".photo");
		if (!photo) return;
		o.disconnect();
		photo.decode().then(() => done(performance.timeOrigin + performance.now()));
	}).observe(document.querySelector("main"), {childList: true})); 0`)
	b.typePrinted("60", "4", "1", "2035", "5678")
	painted := time.UnixMicro(int64(get[float64](b, `window.painted`) * 1000))
	took := painted.Sub(<-s.shown)
	t.Logf("the photograph is decoded by the browser %s after it was decoded here", took.Round(time.Millisecond))
	assert.Less(t, took, 2*time.Second) // the goal is 300 ms; other tests run in parallel
}

// Requests that the page does not send are refused, and use up no attempt.
func TestCounterRefusesRequests(t *testing.T) {
	card, err := democard.New(simulator.Contact)
	require.NoError(t, err)
	s := newCounterFixture(t, surfacetest.Policy(t, card))
	page := &fixture{page: s.page, host: s.host}
	c := page.started(t)
	require.NoError(t, s.slot.Insert(card))
	v := s.await(t, counter.Number)
	const typed = "60\n4\n1\n2035\n5678"
	for name, code := range map[string]int{
		"picture":        c.get("/picture/photo?step=" + v.Step),
		"pin":            c.do("POST", "/pin", "1234", map[string]string{"Step": v.Step}),
		"too few lines":  c.do("POST", "/form", "60\n4\n1\n2035", map[string]string{"Step": v.Step, "Name": "number"}),
		"too many lines": c.do("POST", "/form", typed+"\n", map[string]string{"Step": v.Step, "Name": "number"}),
		"too long":       c.do("POST", "/form", typed+strings.Repeat(" ", 512), map[string]string{"Step": v.Step, "Name": "number"}),
		"another form":   c.do("POST", "/form", typed, map[string]string{"Step": v.Step, "Name": "account"}),
		"late":           c.do("POST", "/form", typed, map[string]string{"Step": "an earlier step", "Name": "number"}),
		"action":         c.do("POST", "/action", `{"step":"`+v.Step+`","name":"number"}`, nil),
		"another action": c.do("POST", "/action", `{"step":"`+v.Step+`","name":"same-person"}`, nil),
		"no JSON":        c.do("POST", "/action", `number`, nil),
		"no session":     page.client(t).do("POST", "/form", typed, map[string]string{"Step": v.Step, "Name": "number"}),
	} {
		assert.GreaterOrEqual(t, code, 400, name)
	}
	now := s.await(t, counter.Number)
	assert.Equal(t, v.Step, now.Step)

	require.Equal(t, 204, c.do("POST", "/form", typed, map[string]string{"Step": v.Step, "Name": "number"}))
	shown := s.await(t, counter.Shown)
	assert.Equal(t, 200, c.get("/picture/photo?step="+shown.Step))
	assert.Equal(t, 404, c.get("/picture/security-code?step="+shown.Step))
	assert.Equal(t, 404, c.get("/picture/photo?step="+v.Step))
	assert.Equal(t, 403, page.client(t).get("/picture/photo?step="+shown.Step))
}

// A record is on disk when the screen says so, one file for each, and has no personal data.
//
// Faults: F148.
func TestRecordsOfChecks(t *testing.T) {
	folder := t.TempDir()
	keep, err := keepIn(folder)
	require.NoError(t, err)
	r := counter.Record{Reference: "20261128-ABCDEFGHIJ", Time: time.Date(2026, 11, 28, 3, 0, 0, 0, time.UTC), Result: "same-person", Checked: []string{"signature"}, Unchecked: []string{"validity"}, Authority: "caller"}
	require.NoError(t, keep(r))
	assert.Error(t, keep(r), "no record is overwritten")
	content, err := os.ReadFile(filepath.Join(folder, r.Reference+".json"))
	require.NoError(t, err)
	assert.JSONEq(t, `{"reference": "20261128-ABCDEFGHIJ", "time": "2026-11-28T03:00:00Z", "result": "same-person",
		"checked": ["signature"], "not_checked": ["validity"], "authority": "caller"}`, string(content))

	keep, err = keepIn("")
	require.NoError(t, err)
	assert.Nil(t, keep)
	for _, path := range []string{filepath.Join(folder, "none"), filepath.Join(folder, r.Reference+".json")} {
		_, err = keepIn(path)
		assert.Error(t, err, path)
	}
}
