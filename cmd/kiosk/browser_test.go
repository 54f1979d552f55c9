package main

import (
	"context"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
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

	"github.com/mykeykit/mykeykit/cmd/kiosk/internal/campaign"
	"github.com/mykeykit/mykeykit/cmd/kiosk/internal/terminal"
	"github.com/mykeykit/mykeykit/internal/pcscdtest"
	"github.com/mykeykit/mykeykit/mykey/message"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

var update = flag.Bool("update", false, "write the screenshots of docs/images and the golden files in testdata")

// browser is a real Chromium with a terminal's page. Tests with one run beside each
// other: most of their time is a hand's.
type browser struct {
	t     *testing.T
	stand *stand
	ctx   context.Context
	axe   string
	lang  string

	pictures atomic.Int32 // for the gallery
}

func newBrowser(t *testing.T, lang string) *browser {
	t.Helper()
	return newBrowserFor(t, lang, func(*campaign.Campaign) {})
}

// newBrowserFor has one whose terminal's campaign is changed first.
func newBrowserFor(t *testing.T, lang string, change func(*campaign.Campaign)) *browser {
	t.Helper()
	t.Parallel()
	path, err := exec.LookPath("chromium")
	if err != nil {
		pcscdtest.Skip(t, "chromium is not installed (Debian: apt-get install chromium fonts-noto-cjk)")
	}
	axe, err := os.ReadFile(filepath.Join("testdata", "axe", "axe.min.js"))
	require.NoError(t, err)
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.WindowSize(1280, 1024),
		chromedp.UserDataDir(t.TempDir()), chromedp.Flag("force-prefers-reduced-motion", true))
	if os.Getuid() == 0 {
		options = append(options, chromedp.NoSandbox)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	b := &browser{t: t, stand: newStandFor(t, change), ctx: ctx, axe: string(axe), lang: lang}
	b.run() // starts it
	b.run(chromedp.Navigate(b.stand.page.StartURL()))
	b.shows(terminal.Welcome)
	address := get[string](b, `location.href`)
	require.Equal(t, "http://"+b.stand.host+"/", address, "the secret is gone from the address")
	return b
}

// inLanguage has the first screen in the browser's language: it comes back in the
// terminal's own after each visit.
func (b *browser) inLanguage(change func()) {
	b.t.Helper()
	b.shows(terminal.Welcome)
	if get[string](b, `document.documentElement.lang`) != b.lang {
		change()
		b.eval(`document.documentElement.lang`, b.lang)
	}
	b.shows(terminal.Welcome)
}

// start begins a visit by touch.
func (b *browser) start() {
	b.t.Helper()
	b.inLanguage(func() { b.press("[data-action=language]") })
	b.press("[data-action=start]")
}

// get evaluates an expression in the page, or waits for its promise.
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

// shows waits for a screen, and looks at it as axe-core and an old person do.
func (b *browser) shows(screen terminal.Screen) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 20*time.Second)
	defer cancel()
	err := chromedp.Do(ctx, chromedp.WaitReady(chromedp.CSS(fmt.Sprintf(`body:not(.unread) main[data-screen=%q] h1`, screen))))
	view, _ := b.stand.terminal.View()
	require.NoError(b.t, err, "%s is shown, not %s: %+v", view.Screen, screen, view.Notice)
	if screen == terminal.Checking || screen == terminal.Reading || screen == terminal.Applying {
		return // gone in a moment
	}
	notice := ""
	if view.Notice != nil {
		notice = string(view.Notice.Code)
	}
	if _, before := looked.LoadOrStore(fmt.Sprint(screen, view.Language, notice), true); !before {
		b.look(screen)
	}
	if *update && b.lang == "ja" && screen != terminal.Problem {
		b.photograph(string(screen))
	}
}

// looked remembers what was looked at: it looks the same by touch and by keyboard.
var looked sync.Map

// viewports are the screens that terminals have.
var viewports = []struct{ width, height int64 }{{1024, 768}, {1280, 800}, {1080, 1920}, {1280, 1024}}

// look looks at a screen on every viewport.
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

// lookOnce has axe-core find nothing, measures type and buttons, and wants everything
// to be in sight without scrolling.
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

func (b *browser) photograph(name string) {
	b.t.Helper()
	if name == string(terminal.Cleared) || name == string(terminal.TakeOver) {
		return // nothing that the others don't show
	}
	if get[string](b, `innerWidth + "x" + innerHeight`) != "1280x1024" {
		return // a test of another size
	}
	png, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
	require.NoError(b.t, err)
	path := filepath.Join("..", "..", "docs", "images", "kiosk-"+name+".png")
	require.NoError(b.t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(b.t, os.WriteFile(path, png, 0o644))
}

// press touches a button, as a finger does.
func (b *browser) press(selector string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 20*time.Second)
	defer cancel()
	require.NoError(b.t, chromedp.Do(ctx, chromedp.Click(chromedp.CSS("body:not([inert]):not(.unread) "+selector), chromedp.NodeVisible)), selector)
}

// toAccount goes from the first screen to the form for an account.
func (b *browser) toAccount(t *testing.T) {
	t.Helper()
	b.stand.insert(t, simulator.Contact)
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

// touch fills a field by its keyboard on the screen.
func (b *browser) touch(field, text string) {
	b.t.Helper()
	b.press("#" + field)
	for _, c := range text {
		b.press(fmt.Sprintf("[data-keys-for=%s] [data-key='%c']", field, c))
	}
}

// keys presses Tab until an element has the focus, and then the keys.
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
	require.Fail(b.t, "no way there by Tab", selector)
}

// prints prints the screen as a slip: one page of 80 mm with what is needed to ask about
// it later, and nothing that is for the screen only.
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
		"ja": {"おためしポイント", "見本市 デジタル推進課", "窓口でおたずねください", now.JA},
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

// watch has the page remember when it shows another screen, which changed waits for.
func (b *browser) watch() {
	b.t.Helper()
	get[int](b, `window.changed = new Promise(r => new MutationObserver((_, o) => { o.disconnect(); r(performance.timeOrigin + performance.now()) }).observe(document.querySelector("main"), {attributes: true})); 0`)
}

func (b *browser) changed() time.Time {
	b.t.Helper()
	return time.UnixMicro(int64(get[float64](b, `window.changed`) * 1000))
}

// inserted puts a card in, and measures until the page has another screen.
func (b *browser) inserted(p simulator.Profile) *simulator.Card {
	b.t.Helper()
	card := b.stand.card(b.t, p)
	b.watch()
	at := time.Now()
	require.NoError(b.t, b.stand.slot.Insert(card))
	took := b.changed().Sub(at)
	b.t.Logf("an inserted card shows after %s", took.Round(time.Millisecond))
	assert.Less(b.t, took, 2*time.Second) // 200 ms is the goal; other tests may run beside
	return card
}

var languages = []string{"ja", "en"}

// The whole way by touch, with every screen looked at.
func TestBrowserByTouch(t *testing.T) {
	for _, lang := range languages {
		t.Run(lang, func(t *testing.T) {
			b := newBrowser(t, lang)
			b.start()
			b.shows(terminal.Place)
			card := b.inserted(simulator.Contact)
			b.shows(terminal.EnterPIN)
			if *update && lang == "ja" {
				for _, d := range "12" {
					b.press(fmt.Sprintf("[data-digit='%c']", d))
				}
				b.photograph("pin")
				b.press("[data-erase]")
				b.press("[data-erase]")
			}
			at := time.Now()
			b.type4("1234")
			b.stand.await(t, terminal.Result)
			t.Logf("the identifier is there %s after the first digit, typing included", time.Since(at).Round(time.Millisecond))
			b.shows(terminal.Result)
			assert.False(t, card.State().AuthVerified)
			view, _ := b.stand.terminal.View()
			b.eval(`document.getElementById("identifier").textContent`, view.ID.Display())
			id := view.ID.Display()
			b.prints(id, map[string]string{"ja": "人に見せず", "en": "Show it to nobody"}[lang])
			b.watch()
			b.press("[data-action=apply]")
			took := b.changed().Sub(b.stand.await(t, terminal.Services).At)
			t.Logf("a new view shows %.1f ms after the event; 50 is the goal, and other tests may run beside", took.Seconds()*1000)
			assert.Less(t, took, time.Second) // with room for a busy machine
			b.shows(terminal.Services)
			b.press("[data-service=sample-pay]")
			b.shows(terminal.Account)
			b.touch("account", "13")
			b.press("[data-keys-for=account] [data-back]")
			b.touch("account", "2")
			b.touch("code", "4649")
			b.press("button[type=submit]")
			b.eval(`document.querySelectorAll("main [role=alert]:not(:empty)").length`, 1)
			b.look(terminal.Account)
			b.eval(`document.activeElement.id + document.activeElement.value + document.getElementById("code").value`, "account124649")
			b.touch("account", "34567890")
			b.press("button[type=submit]")
			b.shows(terminal.Confirm)
			b.eval(`document.querySelector(".account").textContent`, "1234567890")
			b.press("[data-action=agree]")
			b.shows(terminal.Done)
			b.prints(id, map[string]string{"ja": "サンプルペイ", "en": "Sample Pay"}[lang])
			b.press("[data-action=finish]")
			b.shows(terminal.Take)
			b.stand.slot.Remove()
			b.shows(terminal.Welcome)
			page := get[string](b, `document.documentElement.outerHTML`)
			assert.NotContains(t, page, id, "nothing of the last person is in the page")
			assert.NotContains(t, page, "1234567890")

			load := get[float64](b, `[...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")].reduce((n, e) => n + (e.name.endsWith("/events") ? 0 : e.transferSize), 0)`)
			t.Logf("first load: %.0f bytes; fewer than 100,000 is the goal", load)
			assert.Less(t, load, 100_000.0)
			assert.Greater(t, load, 1000.0)
			hosts := get[string](b, `[...new Set(performance.getEntriesByType("resource").map(e => new URL(e.name).host))].join()`)
			assert.Equal(t, b.stand.host, hosts, "no request to any other host")
		})
	}
}

// A card that is not known, whose holder may have an identifier of an earlier card; and
// a new recovery code for one who comes back.
//
// Faults: F114, F117.
func TestBrowserAsksForAnEarlierIdentifier(t *testing.T) {
	for _, lang := range languages {
		t.Run(lang, func(t *testing.T) {
			b := newBrowserFor(t, lang, func(c *campaign.Campaign) { c.AskRenewed = true })
			b.stand.insert(t, simulator.Contact)
			b.start()
			b.shows(terminal.EnterPIN)
			b.type4("1234")
			b.shows(terminal.FirstTime)
			sizes := get[[]float64](b, `[...document.querySelectorAll("main .choices button")].flatMap(e => [e.offsetWidth, e.offsetHeight])`)
			require.Len(t, sizes, 4)
			assert.Equal(t, sizes[:2], sizes[2:], "two equal buttons")
			b.press("[data-action=have-id]")
			b.shows(terminal.TakeOver)
			b.touch("account", "ABCD")
			b.press("[data-action=back]")
			b.shows(terminal.FirstTime)
			b.keys("[data-action=have-id]", kb.Enter)
			b.shows(terminal.TakeOver)
			b.eval(`document.getElementById("account").value`, "ABCD")
			b.press("[data-action=back]")
			b.shows(terminal.FirstTime)
			b.keys("[data-action=first]", kb.Enter)
			b.shows(terminal.Result)
			b.stand.slot.Remove()
			b.shows(terminal.Cleared)
			b.press("[data-action=close]")

			b.stand.insert(t, simulator.Contact)
			b.start()
			b.shows(terminal.EnterPIN)
			b.type4("1234")
			b.shows(terminal.Result)
			b.look(terminal.Result) // with the third button
			b.press("[data-action=ask-code]")
			b.shows(terminal.NewCode)
			b.press("[data-action=back]")
			b.shows(terminal.Result)
			b.press("[data-action=ask-code]")
			b.shows(terminal.NewCode)
			b.press("[data-action=make-code]")
			b.shows(terminal.Result)
			b.eval(`document.querySelectorAll(".secret").length`, 1)
		})
	}
}

// The whole way without a pointer.
func TestBrowserByKeyboard(t *testing.T) {
	for _, lang := range languages {
		t.Run(lang, func(t *testing.T) {
			b := newBrowser(t, lang)
			b.stand.insert(t, simulator.Contact)
			b.inLanguage(func() { b.keys("[data-action=language]", kb.Enter) })
			b.keys("[data-action=start]", kb.Enter)
			b.shows(terminal.EnterPIN)
			b.run(chromedp.KeyEvent("123"), chromedp.KeyEvent(kb.Backspace))
			b.eval(`document.querySelectorAll(".dots .on").length`, 2)
			b.run(chromedp.KeyEvent("99"), chromedp.KeyEvent(kb.Enter))
			b.shows(terminal.WrongPIN)
			b.keys("[data-action=try-again]", kb.Enter)
			b.shows(terminal.EnterPIN)
			b.keys("[data-digit='1']", " ") // the buttons of the pad, too
			b.run(chromedp.KeyEvent("234"))
			b.keys("[data-enter]", kb.Enter)
			b.shows(terminal.Result)
			b.keys("[data-action=apply]", " ")
			b.shows(terminal.Services)
			b.keys("[data-action=back]", kb.Enter)
			b.shows(terminal.Result)
			b.keys("[data-action=apply]", kb.Enter)
			b.shows(terminal.Services)
			b.keys("[data-service=example-card]", kb.Enter)
			b.shows(terminal.Account)
			b.keys("#account", "EX")
			b.run(chromedp.KeyEvent(kb.Enter))
			b.eval(`document.querySelectorAll("main [role=alert]:not(:empty)").length`, 1)
			b.look(terminal.Account) // with all letters and what is wrong
			b.keys("#account", "00000001")
			b.run(chromedp.KeyEvent(kb.Enter))
			b.shows(terminal.Confirm)
			b.keys("[data-action=agree]", kb.Enter)
			b.shows(terminal.Done)
			b.keys("[data-action=finish]", kb.Enter)
			b.shows(terminal.Take)
			b.stand.slot.Remove()
			b.shows(terminal.Welcome)

			b.inLanguage(func() { b.keys("[data-action=language]", kb.Enter) })
			b.keys("[data-action=start]", kb.Enter)
			b.shows(terminal.Place)
			b.keys("[data-action=finish]", kb.Enter)
			b.shows(terminal.Cleared)
			b.keys("[data-action=close]", kb.Enter)
			b.shows(terminal.Welcome)
			b.stand.insert(t, simulator.LastTry)
			b.keys("[data-action=renew]", kb.Enter)
			b.shows(terminal.LastAttempt)
			b.keys("[data-action=use-last-attempt]", kb.Enter)
			b.shows(terminal.EnterPIN)
			b.run(chromedp.KeyEvent("1234"), chromedp.KeyEvent(kb.Enter))
			b.shows(terminal.Result) // it is known
			b.keys("[data-action=finish]", kb.Enter)
			b.shows(terminal.Take)
			b.stand.slot.Remove()
			b.shows(terminal.Welcome)

			b.stand.insert(t, simulator.ResidentCard)
			b.keys("[data-action=renew]", kb.Enter)
			b.shows(terminal.EnterPIN)
			b.run(chromedp.KeyEvent("1234"), chromedp.KeyEvent(kb.Enter))
			b.shows(terminal.TakeOver)
			b.keys("#account", "ABCD2345")
			b.keys("#code", "7K2M9QXR0ABCDEFG")
			b.run(chromedp.KeyEvent(kb.Enter))
			b.eval(`document.querySelectorAll("main [role=alert]:not(:empty)").length`, 1)
			b.eval(`document.documentElement.lang`, "ja") // as the last visit's end left it
			b.keys("[data-action=language]", kb.Enter)
			b.eval(`document.documentElement.lang`, "en")
			b.keys("[data-action=finish]", kb.Enter)
			b.shows(terminal.Take)
		})
	}
}

// Every screen of something that is in the way, in both languages, and that each goes
// by itself when its cause is gone.
func TestBrowserFailureScreens(t *testing.T) {
	for _, lang := range languages {
		t.Run(lang, func(t *testing.T) {
			b := newBrowser(t, lang)
			problem := func(name, code string) {
				t.Helper()
				b.shows(terminal.Problem)
				b.eval(`document.querySelector(".code").textContent`, code)
				if *update && lang == "ja" && name == "locked" {
					b.photograph("problem-" + name)
				}
			}
			for _, tt := range []struct {
				profile simulator.Profile
				code    string
			}{
				{simulator.Locked, "PIN_LOCKED"}, {simulator.FaceAuth, "PIN_LOCKED"}, {simulator.Expired, "CERT_EXPIRED"},
				{simulator.NotMyNumber, "NOT_MYNUMBER_CARD"}, {simulator.NoCertificate, "NO_AUTH_CERT"},
			} {
				b.start()
				b.shows(terminal.Place)
				b.stand.insert(t, tt.profile)
				problem(string(tt.profile), tt.code)
				b.stand.slot.Remove()
				b.shows(terminal.Welcome)
			}

			b.start()
			b.shows(terminal.Place)
			b.stand.insert(t, simulator.LastTry)
			b.shows(terminal.LastAttempt)
			b.press("[data-action=use-last-attempt]")
			b.shows(terminal.EnterPIN)
			b.stand.slot.Remove()
			b.shows(terminal.Cleared)
			b.press("[data-action=close]")
			b.shows(terminal.Welcome)

			b.start()
			b.shows(terminal.Place)
			b.stand.insert(t, simulator.Expiring)
			b.shows(terminal.EnterPIN)
			b.type4("9999")
			b.shows(terminal.WrongPIN)
			b.press("[data-action=try-again]")
			b.shows(terminal.EnterPIN)
			b.type4("1234")
			b.shows(terminal.Result)
			b.eval(`document.querySelectorAll(".slip .what").length`, 1)
			second := b.stand.driver.AddReader("Second")
			require.NoError(t, second.Insert(b.stand.card(t, simulator.Contact)))
			problem("two-cards", "SEVERAL_CARDS")
			b.stand.driver.RemoveReader(second)
			b.shows(terminal.Take)
			b.stand.slot.Remove()
			b.shows(terminal.Welcome)

			b.stand.insert(t, simulator.ResidentCard) // whose holder has no identifier
			b.press("[data-action=renew]")
			b.shows(terminal.EnterPIN)
			b.type4("1234")
			b.shows(terminal.TakeOver)
			b.press("button[type=submit]")
			b.eval(`document.querySelectorAll("main [role=alert]:not(:empty)").length`, 2)
			b.look(terminal.TakeOver)
			b.touch("account", "ABCD2345")
			b.touch("code", "7K2M9QXR0ABCDEFG")
			b.press("button[type=submit]")
			b.eval(`document.querySelectorAll("main [role=alert]:not(:empty)").length`, 1)
			b.shows(terminal.TakeOver)
			b.look(terminal.TakeOver)
			b.stand.slot.Remove()
			b.shows(terminal.Cleared)
			b.press("[data-action=close]")
			b.shows(terminal.Welcome)

			b.stand.driver.RemoveReader(b.stand.slot)
			b.shows(terminal.Problem)
			b.stand.slot = b.stand.driver.AddReader("Reader")
			b.shows(terminal.Welcome)
			b.stand.driver.StopService()
			b.shows(terminal.Problem)
			b.stand.driver.StartService()
			b.shows(terminal.Welcome)

			require.NoError(t, b.stand.registry.Close()) // the database is gone, for good here
			b.start()
			problem("database", "DATABASE_UNAVAILABLE")
		})
	}
}

// A page that loses its terminal shows nothing of a visit.
func TestBrowserLosesTheTerminal(t *testing.T) {
	b := newBrowser(t, "ja")
	b.stand.insert(t, simulator.Contact)
	b.start()
	b.shows(terminal.EnterPIN)
	b.type4("1234")
	b.shows(terminal.Result)
	c := b.stand.started(t) // another page takes over
	b.eval(`document.querySelectorAll("#identifier").length`, 0)
	page := get[string](b, `document.querySelector("main").outerHTML`)
	assert.Contains(t, page, "この画面は使えません")
	assert.Equal(t, 200, c.get("/"))
}

// A page whose terminal's process is gone keeps nothing that was typed, says so and asks
// for the staff in both languages, and begins anew when the terminal answers again.
//
// Faults: F119.
func TestBrowserOutlivesTheTerminal(t *testing.T) {
	b := newBrowser(t, "ja")
	b.toAccount(t)
	b.run(chromedp.SendKeys(chromedp.CSS("#account"), "0123456789"))
	get[int](b, `window.field = document.getElementById("account"); window.page = "the old one"; 0`)
	b.stand.die()
	b.eval(`document.querySelectorAll("main input, main form, main button").length`, 0)
	b.eval(`window.field.value`, "")
	b.run(chromedp.WaitVisible(chromedp.CSS(`main[data-screen=out-of-order] h1`)))
	page := get[string](b, `document.querySelector("main").innerText`)
	assert.Contains(t, page, "担当者をお呼びください")
	assert.Contains(t, page, "call the staff")
	assert.NotContains(t, get[string](b, `document.documentElement.outerHTML`), "0123456789")
	b.lookOnce("the screen without a terminal")

	listener, err := net.Listen("tcp", b.stand.host)
	require.NoError(t, err)
	b.stand.serve(listener)
	b.shows(terminal.Account) // of the terminal in this process, which has gone on
	b.eval(`window.page === undefined`, true)
	b.eval(`document.getElementById("account").value`, "")
}
