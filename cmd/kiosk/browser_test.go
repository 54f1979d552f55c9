package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/cmd/kiosk/internal/terminal"
	"github.com/mykeykit/mykeykit/internal/browsertest"
	"github.com/mykeykit/mykeykit/internal/campaign"
	"github.com/mykeykit/mykeykit/internal/clitest"
	"github.com/mykeykit/mykeykit/mykey/message"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// browser is a Chromium with a terminal's page. Tests with a browser run in parallel,
// since they mostly wait.
type browser struct {
	t       *testing.T
	fixture *fixture // of a terminal's page
	ctx     context.Context
	axe     string
	lang    string
	// notice returns the language of the view and the code of its notice.
	notice func() (message.Language, message.Code)

	pictures atomic.Int32 // number of gallery pictures
}

func newBrowser(t *testing.T, lang string) *browser {
	t.Helper()
	return newBrowserFor(t, lang, func(*campaign.Campaign) {})
}

// newBrowserFor returns a browser for a terminal with a changed campaign.
func newBrowserFor(t *testing.T, lang string, change func(*campaign.Campaign)) *browser {
	t.Helper()
	b := startBrowser(t, lang)
	b.fixture = newFixtureFor(t, change)
	b.notice = func() (message.Language, message.Code) {
		v, _ := b.fixture.terminal.View()
		if v.Notice == nil {
			return v.Language, ""
		}
		return v.Language, v.Notice.Code
	}
	b.run(chromedp.Navigate(b.fixture.page.StartURL()))
	b.shows(terminal.Welcome)
	address := get[string](b, `location.href`)
	require.Equal(t, "http://"+b.fixture.host+"/", address, "the address does not contain the key")
	return b
}

// startBrowser starts a browser without a page.
func startBrowser(t *testing.T, lang string) *browser {
	t.Helper()
	t.Parallel()
	ctx := browsertest.New(t, chromedp.WindowSize(1280, 1024), chromedp.Flag("force-prefers-reduced-motion", true))
	axe, err := os.ReadFile(filepath.Join("testdata", "axe", "axe.min.js"))
	require.NoError(t, err)
	b := &browser{t: t, ctx: ctx, axe: string(axe), lang: lang}
	b.run() // starts the browser
	return b
}

// inLanguage waits for the start screen and switches it to the browser's language with
// change.
func (b *browser) inLanguage(change func()) {
	b.t.Helper()
	b.shows(terminal.Welcome)
	if get[string](b, `document.documentElement.lang`) != b.lang {
		change()
		b.eval(`document.documentElement.lang`, b.lang)
	}
	b.shows(terminal.Welcome)
}

// start starts a visit by touch.
func (b *browser) start() {
	b.t.Helper()
	b.inLanguage(func() { b.press("[data-action=language]") })
	b.press("[data-action=start]")
}

// get evaluates an expression in the page and waits for its promise.
func get[T any](b *browser, expression string) T {
	b.t.Helper()
	value, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	require.NoError(b.t, err, expression)
	return value
}

func (b *browser) run(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	require.NoError(b.t, chromedp.Do(b.ctx, actions...))
}

// rarely queries the page less often than every 5 ms while a test waits. Several browsers wait at
// once, and the queries take processor time from the tests.
var rarely = chromedp.RetryInterval(50 * time.Millisecond)

// shows waits for a screen and checks it for accessibility.
func (b *browser) shows(screen terminal.Screen) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 20*time.Second)
	defer cancel()
	err := chromedp.Do(ctx, chromedp.WaitReady(chromedp.CSS(fmt.Sprintf(`body:not(.unread) main[data-screen=%q] h1`, screen)), rarely))
	language, notice := b.notice()
	if err != nil {
		require.NoError(b.t, err, "%s is shown, not %s: %s", get[string](b, `document.querySelector("main").dataset.screen`), screen, notice)
	}
	if screen == terminal.Checking || screen == terminal.Reading || screen == terminal.Applying {
		return // shown only briefly
	}
	page := get[string](b, `document.body.dataset.page`)
	if _, before := looked.LoadOrStore(fmt.Sprint(page, screen, language, notice), true); !before {
		b.look(screen)
	}
	if *clitest.Update && b.lang == "ja" && screen != terminal.Problem {
		b.photograph(page, string(screen))
	}
}

// looked records the screens that were checked.
var looked sync.Map

// viewports are the screen sizes of terminals.
var viewports = []struct{ width, height int64 }{{1024, 768}, {1280, 800}, {1080, 1920}, {1280, 1024}}

// look checks a screen on every viewport.
func (b *browser) look(screen terminal.Screen) {
	b.t.Helper()
	for _, v := range viewports {
		b.run(chromedp.EmulateViewport(v.width, v.height))
		b.lookOnce(fmt.Sprintf("%s in %s at %dx%d", screen, get[string](b, `document.documentElement.lang`), v.width, v.height))
		if gallery != "" {
			png, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
			require.NoError(b.t, err)
			require.NoError(b.t, os.WriteFile(filepath.Join(gallery, fmt.Sprintf("%s-%s-%dx%d-%d.png", screen, b.lang, v.width, v.height, b.pictures.Add(1))), png, 0o644))
		}
	}
}

var gallery = os.Getenv("MYKEYKIT_GALLERY")

// lookOnce checks a screen with axe-core, checks the sizes of text and buttons, and
// checks that everything is visible without scrolling.
func (b *browser) lookOnce(what string) {
	b.t.Helper()
	if get[string](b, `typeof axe`) != "object" {
		get[int](b, b.axe+";0")
	}
	found := get[string](b, `axe.run(document, {resultTypes: ["violations"]}).then(r => JSON.stringify(r.violations.map(v => v.id + ": " + v.nodes.map(n => n.html).join(" "))))`)
	assert.Equal(b.t, "[]", found, "axe-core on %s", what)

	found = get[string](b, `JSON.stringify([
		...[...document.querySelectorAll("main *, #ending *")].filter(e => e.tagName !== "RT" && e.getClientRects().length && [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()) && parseFloat(getComputedStyle(e).fontSize) < 24).map(e => "small type: " + e.outerHTML),
		...[...document.querySelectorAll("button, input")].filter(e => e.getClientRects().length).filter(e => { const r = e.getBoundingClientRect(); return r.width < 60 || r.height < 60 }).map(e => "small target: " + e.outerHTML),
		...[...document.querySelectorAll("main button, main input, main h1, main p")].filter(e => e.getClientRects().length).filter(e => { const r = e.getBoundingClientRect(); return r.left < 0 || r.top < 0 || r.right > innerWidth || r.bottom > innerHeight }).map(e => "out of sight: " + e.outerHTML),
		...[...document.querySelectorAll(".content")].filter(e => e.scrollHeight > e.clientHeight + 1 || e.scrollWidth > e.clientWidth + 1).map(e => "to be scrolled: " + e.scrollHeight + " in " + e.clientHeight + ", " + e.scrollWidth + " in " + e.clientWidth),
	])`)
	assert.Equal(b.t, "[]", found, what)
	assert.LessOrEqual(b.t, get[float64](b, `document.documentElement.scrollWidth - innerWidth`), 0.0, "%s is wider than the screen", what)
	assert.Equal(b.t, 1, get[int](b, `document.querySelectorAll("h1").length`))
	assert.LessOrEqual(b.t, get[int](b, `document.querySelectorAll("main button.main").length`), 1, "%s has one main action at most", what)
}

func (b *browser) photograph(page, name string) {
	b.t.Helper()
	if name == string(terminal.Cleared) || name == string(terminal.TakeOver) || page == "counter" && name != "shown" {
		return // not needed in the documents
	}
	if get[string](b, `innerWidth + "x" + innerHeight`) != "1280x1024" {
		return // another size
	}
	png, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
	require.NoError(b.t, err)
	path := filepath.Join("..", "..", "docs", "images", map[string]string{"terminal": "kiosk", "counter": "counter"}[page]+"-"+name+".png")
	require.NoError(b.t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(b.t, os.WriteFile(path, png, 0o644))
}

// press taps a button.
func (b *browser) press(selector string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 20*time.Second)
	defer cancel()
	require.NoError(b.t, chromedp.Do(ctx, chromedp.Click(chromedp.CSS("body:not([inert]):not(.unread) "+selector), chromedp.NodeVisible, rarely)), selector)
}

// toAccount goes from the start screen to the account form.
func (b *browser) toAccount(t *testing.T) {
	t.Helper()
	b.fixture.insert(t, simulator.Contact)
	b.start()
	b.shows(terminal.EnterPIN)
	b.type4("1234")
	b.shows(terminal.Result)
	b.press("[data-action=apply]")
	b.shows(terminal.Services)
	b.press("[data-service=sample-pay]")
	b.shows(terminal.Account)
}

func (b *browser) type4(digits string) {
	b.t.Helper()
	for _, d := range digits {
		b.press(fmt.Sprintf("[data-digit='%c']", d))
	}
	b.press("[data-enter]")
}

// touch types into a field with the on-screen keyboard.
func (b *browser) touch(field, text string) {
	b.t.Helper()
	b.press("#" + field)
	for _, c := range text {
		b.press(fmt.Sprintf("[data-keys-for=%s] [data-key='%c']", field, c))
	}
}

// keys moves the focus to an element with Tab and then presses keys.
func (b *browser) keys(selector, keys string) {
	b.t.Helper()
	b.eval(`document.body.matches("[inert], .unread")`, false)
	for range 60 {
		if get[bool](b, fmt.Sprintf(`document.activeElement.matches(%q)`, selector)) {
			b.run(chromedp.KeyEvent(keys))
			return
		}
		b.run(chromedp.KeyEvent(kb.Tab))
	}
	require.Fail(b.t, "not reachable with Tab", selector)
}

// prints prints the screen and checks the slip: one page, 80 mm wide, with the contact,
// and without anything that is only for the screen.
func (b *browser) prints(says ...string) {
	b.t.Helper()
	b.eval(`document.querySelectorAll("main [data-print]").length`, 1)
	pdf, err := chromedp.Run(b.ctx, chromedp.PrintToPDF(chromedp.PDFPreferCSSPageSize()))
	require.NoError(b.t, err)
	boxes := regexp.MustCompile(`/MediaBox \[0 0 ([0-9.]+) `).FindAllSubmatch(pdf, -1)
	require.Len(b.t, boxes, 1, "the slip is one page")
	points, err := strconv.ParseFloat(string(boxes[0][1]), 64)
	require.NoError(b.t, err)
	assert.InDelta(b.t, 80/25.4*72, points, 1, "80 mm wide")

	slip := get[string](b, `(() => {
		const paper = [...document.styleSheets[0].cssRules].find(rule => rule.media && rule.media.mediaText === "print").media;
		paper.mediaText = "all";
		const main = document.querySelector("main").cloneNode(true);
		main.querySelectorAll("rt").forEach(e => e.remove());
		document.body.append(main);
		const text = main.innerText;
		main.remove();
		paper.mediaText = "print";
		return text;
	})()`)
	now := message.Date(time.Now())
	for _, want := range append(says, map[string][]string{
		"ja": {"おためしポイント", "みほん市 デジタル推進課", "窓口でおたずねください", now.JA},
		"en": {"Trial points", "Digital Office, Sample City", "please ask at the counter", now.EN},
	}[b.lang]...) {
		assert.Contains(b.t, slip, want)
	}
	for _, button := range []string{"印刷", "Print", "終了", "End"} {
		assert.NotContains(b.t, slip, button)
	}
}

func (b *browser) eval(expression string, want any) {
	b.t.Helper()
	var got any
	for range 400 {
		got = get[any](b, expression)
		if fmt.Sprint(got) == fmt.Sprint(want) {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	require.Equal(b.t, want, got, expression)
}

// watch records the time of the next screen change for changed.
func (b *browser) watch() {
	b.t.Helper()
	get[int](b, `window.changed = new Promise(r => new MutationObserver((_, o) => { o.disconnect(); r(performance.timeOrigin + performance.now()) }).observe(document.querySelector("main"), {attributes: true})); 0`)
}

func (b *browser) changed() time.Time {
	b.t.Helper()
	return time.UnixMicro(int64(get[float64](b, `window.changed`) * 1000))
}

// inserted inserts a card and measures the time until the next screen.
func (b *browser) inserted(p simulator.Profile) *simulator.Card {
	b.t.Helper()
	card := b.fixture.card(b.t, p)
	b.watch()
	at := time.Now()
	require.NoError(b.t, b.fixture.slot.Insert(card))
	took := b.changed().Sub(at)
	b.t.Logf("an inserted card shows after %s", took.Round(time.Millisecond))
	assert.Less(b.t, took, 2*time.Second) // the goal is 200 ms; other tests run in parallel
	return card
}
