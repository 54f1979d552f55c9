package main

import (
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/cmd/kiosk/internal/terminal"
	"github.com/mykeykit/mykeykit/internal/campaign"
	"github.com/mykeykit/mykeykit/internal/clitest"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

var languages = []string{"ja", "en"}

// A complete visit works by touch, and every screen is checked.
func TestBrowserByTouch(t *testing.T) {
	t.Parallel()
	for _, lang := range languages {
		t.Run(lang, func(t *testing.T) {
			b := newBrowser(t, lang)
			b.start()
			b.shows(terminal.Place)
			card := b.inserted(simulator.Contact)
			b.shows(terminal.EnterPIN)
			if *clitest.Update && lang == "ja" {
				for _, d := range "12" {
					b.press(fmt.Sprintf("[data-digit='%c']", d))
				}
				b.photograph("terminal", "pin")
				b.press("[data-erase]")
				b.press("[data-erase]")
			}
			at := time.Now()
			b.type4("1234")
			b.fixture.await(t, terminal.Result)
			t.Logf("the identifier is there %s after the first digit, typing included", time.Since(at).Round(time.Millisecond))
			b.shows(terminal.Result)
			assert.False(t, card.State().AuthVerified)
			view, _ := b.fixture.terminal.View()
			b.eval(`document.getElementById("identifier").textContent`, view.ID.Display())
			id := view.ID.Display()
			b.prints(id, map[string]string{"ja": "人に見せず", "en": "Show it to nobody"}[lang])
			b.watch()
			b.press("[data-action=apply]")
			took := b.changed().Sub(b.fixture.await(t, terminal.Services).At)
			t.Logf("a new view shows %.1f ms after the event; the goal is 50 ms; other tests run in parallel", took.Seconds()*1000)
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
			b.fixture.slot.Remove()
			b.shows(terminal.Welcome)
			page := get[string](b, `document.documentElement.outerHTML`)
			assert.NotContains(t, page, id, "nothing of the last visit is in the page")
			assert.NotContains(t, page, "1234567890")

			load := get[float64](b, `[...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")].reduce((n, e) => n + (e.name.endsWith("/events") ? 0 : e.transferSize), 0)`)
			t.Logf("first load: %.0f bytes; fewer than 100,000 is the goal", load)
			assert.Less(t, load, 100_000.0)
			assert.Greater(t, load, 1000.0)
			hosts := get[string](b, `[...new Set(performance.getEntriesByType("resource").map(e => new URL(e.name).host))].join()`)
			assert.Equal(t, b.fixture.host, hosts, "no request to any other host")
		})
	}
}

// An unknown holder is asked for an identifier of an earlier card, and a known holder
// can make a new recovery code.
//
// Faults: F114, F117.
func TestBrowserAsksForAnEarlierIdentifier(t *testing.T) {
	t.Parallel()
	for _, lang := range languages {
		t.Run(lang, func(t *testing.T) {
			b := newBrowserFor(t, lang, func(c *campaign.Campaign) { c.AskRenewed = true })
			b.fixture.insert(t, simulator.Contact)
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
			b.fixture.slot.Remove()
			b.shows(terminal.Cleared)
			b.press("[data-action=close]")

			b.fixture.insert(t, simulator.Contact)
			b.start()
			b.shows(terminal.EnterPIN)
			b.type4("1234")
			b.shows(terminal.Result)
			b.look(terminal.Result) // with the button for a new code
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

// A complete visit works by keyboard.
func TestBrowserByKeyboard(t *testing.T) {
	t.Parallel()
	for _, lang := range languages {
		t.Run(lang, func(t *testing.T) {
			b := newBrowser(t, lang)
			b.fixture.insert(t, simulator.Contact)
			b.inLanguage(func() { b.keys("[data-action=language]", kb.Enter) })
			b.keys("[data-action=start]", kb.Enter)
			b.shows(terminal.EnterPIN)
			b.run(chromedp.KeyEvent("123"), chromedp.KeyEvent(kb.Backspace))
			b.eval(`document.querySelectorAll(".dots .on").length`, 2)
			b.run(chromedp.KeyEvent("99"), chromedp.KeyEvent(kb.Enter))
			b.shows(terminal.WrongPIN)
			b.keys("[data-action=try-again]", kb.Enter)
			b.shows(terminal.EnterPIN)
			b.keys("[data-digit='1']", " ") // also with the pad's buttons
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
			b.look(terminal.Account) // with all letters and the error
			b.keys("#account", "00000001")
			b.run(chromedp.KeyEvent(kb.Enter))
			b.shows(terminal.Confirm)
			b.keys("[data-action=agree]", kb.Enter)
			b.shows(terminal.Done)
			b.keys("[data-action=finish]", kb.Enter)
			b.shows(terminal.Take)
			b.fixture.slot.Remove()
			b.shows(terminal.Welcome)

			b.inLanguage(func() { b.keys("[data-action=language]", kb.Enter) })
			b.keys("[data-action=start]", kb.Enter)
			b.shows(terminal.Place)
			b.keys("[data-action=finish]", kb.Enter)
			b.shows(terminal.Cleared)
			b.keys("[data-action=close]", kb.Enter)
			b.shows(terminal.Welcome)
			b.fixture.insert(t, simulator.LastAttempt)
			b.keys("[data-action=renew]", kb.Enter)
			b.shows(terminal.LastAttempt)
			b.keys("[data-action=use-last-attempt]", kb.Enter)
			b.shows(terminal.EnterPIN)
			b.run(chromedp.KeyEvent("1234"), chromedp.KeyEvent(kb.Enter))
			b.shows(terminal.Result) // the registry knows the holder
			b.keys("[data-action=finish]", kb.Enter)
			b.shows(terminal.Take)
			b.fixture.slot.Remove()
			b.shows(terminal.Welcome)

			b.fixture.insert(t, simulator.ResidentCard)
			b.keys("[data-action=renew]", kb.Enter)
			b.shows(terminal.EnterPIN)
			b.run(chromedp.KeyEvent("1234"), chromedp.KeyEvent(kb.Enter))
			b.shows(terminal.TakeOver)
			b.keys("#account", "ABCD2345")
			b.keys("#code", "7K2M9QXR0ABCDEFG")
			b.run(chromedp.KeyEvent(kb.Enter))
			b.eval(`document.querySelectorAll("main [role=alert]:not(:empty)").length`, 1)
			b.eval(`document.documentElement.lang`, "ja") // the terminal's language after a visit
			b.keys("[data-action=language]", kb.Enter)
			b.eval(`document.documentElement.lang`, "en")
			b.keys("[data-action=finish]", kb.Enter)
			b.shows(terminal.Take)
		})
	}
}

// Every problem screen is checked in both languages, and disappears when its cause is
// gone.
func TestBrowserFailureScreens(t *testing.T) {
	t.Parallel()
	for _, lang := range languages {
		t.Run(lang, func(t *testing.T) {
			b := newBrowser(t, lang)
			problem := func(name, code string) {
				t.Helper()
				b.shows(terminal.Problem)
				b.eval(`document.querySelector(".code").textContent`, code)
				if *clitest.Update && lang == "ja" && name == "locked" {
					b.photograph("terminal", "problem-"+name)
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
				b.fixture.insert(t, tt.profile)
				problem(string(tt.profile), tt.code)
				b.fixture.slot.Remove()
				b.shows(terminal.Welcome)
			}

			b.start()
			b.shows(terminal.Place)
			b.fixture.insert(t, simulator.LastAttempt)
			b.shows(terminal.LastAttempt)
			b.press("[data-action=use-last-attempt]")
			b.shows(terminal.EnterPIN)
			b.fixture.slot.Remove()
			b.shows(terminal.Cleared)
			b.press("[data-action=close]")
			b.shows(terminal.Welcome)

			b.start()
			b.shows(terminal.Place)
			b.fixture.insert(t, simulator.Expiring)
			b.shows(terminal.EnterPIN)
			b.type4("9999")
			b.shows(terminal.WrongPIN)
			b.press("[data-action=try-again]")
			b.shows(terminal.EnterPIN)
			b.type4("1234")
			b.shows(terminal.Result)
			b.eval(`document.querySelectorAll(".slip .what").length`, 1)
			second := b.fixture.driver.AddReader("Second")
			require.NoError(t, second.Insert(b.fixture.card(t, simulator.Contact)))
			problem("two-cards", "SEVERAL_CARDS")
			b.fixture.driver.RemoveReader(second)
			b.shows(terminal.Take)
			b.fixture.slot.Remove()
			b.shows(terminal.Welcome)

			b.fixture.insert(t, simulator.ResidentCard) // its holder has no identifier
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
			b.fixture.slot.Remove()
			b.shows(terminal.Cleared)
			b.press("[data-action=close]")
			b.shows(terminal.Welcome)

			b.fixture.driver.RemoveReader(b.fixture.slot)
			b.shows(terminal.Problem)
			b.fixture.slot = b.fixture.driver.AddReader("Reader")
			b.shows(terminal.Welcome)
			b.fixture.driver.StopService()
			b.shows(terminal.Problem)
			b.fixture.driver.StartService()
			b.shows(terminal.Welcome)

			require.NoError(t, b.fixture.registry.Close()) // the database stays unavailable
			b.start()
			problem("database", "DATABASE_UNAVAILABLE")
		})
	}
}

// A replaced page shows nothing of a visit.
func TestBrowserPageIsReplaced(t *testing.T) {
	b := newBrowser(t, "ja")
	b.fixture.insert(t, simulator.Contact)
	b.start()
	b.shows(terminal.EnterPIN)
	b.type4("1234")
	b.shows(terminal.Result)
	c := b.fixture.started(t) // another page replaces it
	b.eval(`document.querySelectorAll("#identifier").length`, 0)
	page := get[string](b, `document.querySelector("main").outerHTML`)
	assert.Contains(t, page, "えなくなりました。")
	assert.Equal(t, 200, c.get("/"))
}

// If the terminal's process ends, the page removes what was typed and asks in both
// languages to call the staff. It reloads when the terminal answers again.
//
// Faults: F119.
func TestBrowserWithoutTerminal(t *testing.T) {
	b := newBrowser(t, "ja")
	b.toAccount(t)
	b.run(chromedp.SendKeys(chromedp.CSS("#account"), "0123456789"))
	get[int](b, `window.field = document.getElementById("account"); window.page = "the old one"; 0`)
	b.fixture.die()
	b.eval(`document.querySelectorAll("main input, main form, main button").length`, 0)
	b.eval(`window.field.value`, "")
	b.run(chromedp.WaitVisible(chromedp.CSS(`main[data-screen=out-of-order] h1`)))
	page := get[string](b, `document.querySelector("main").innerText`)
	assert.Contains(t, page, "びください")
	assert.Contains(t, page, "call the staff")
	assert.NotContains(t, get[string](b, `document.documentElement.outerHTML`), "0123456789")
	b.lookOnce("the screen without a terminal")

	listener, err := net.Listen("tcp", b.fixture.host)
	require.NoError(t, err)
	b.fixture.serve(listener)
	b.shows(terminal.Account) // the terminal in this process is still running
	b.eval(`window.page === undefined`, true)
	b.eval(`document.getElementById("account").value`, "")
}
