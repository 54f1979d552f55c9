package main

import (
	"fmt"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/cmd/kiosk/internal/terminal"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// key sends a key event to the page, with the key, its code and whether it repeats.
func (b *browser) key(key, code string, repeat bool) {
	b.t.Helper()
	get[int](b, fmt.Sprintf(`document.activeElement.dispatchEvent(new KeyboardEvent("keydown", {key: %q, code: %q, repeat: %t, bubbles: true, cancelable: true})); 0`, key, code, repeat))
}

func (b *browser) entered(digits int) {
	b.t.Helper()
	b.eval(`document.querySelectorAll(".dots .on").length`, digits)
}

// Held keys, bouncing keys, numeric keypads without NumLock and input methods never
// send an unintended PIN.
//
// Faults: F66.
func TestBrowserUnintendedKeys(t *testing.T) {
	t.Parallel()
	for _, lang := range languages {
		t.Run(lang, func(t *testing.T) {
			b := newBrowser(t, lang)
			card := b.fixture.insert(t, simulator.Contact)
			b.start()
			b.shows(terminal.EnterPIN)

			b.key("1", "Digit1", false)
			for range 10 { // held
				b.key("1", "Digit1", true)
			}
			b.entered(1)
			for _, d := range "234" {
				b.key(string(d), "Digit"+string(d), false)
			}
			b.entered(4)
			for range 10 {
				b.key("Backspace", "Backspace", true)
				b.key("Enter", "Enter", true)
			}
			b.entered(4)

			over := `document.getElementById("over").textContent !== "" && document.querySelector("[data-enter]").disabled`
			b.eval(over, false)
			b.press("[data-digit='4']") // a fifth digit by touch
			b.eval(over, true)
			b.look(terminal.EnterPIN)
			b.run(chromedp.KeyEvent("5"), chromedp.KeyEvent(kb.Enter))
			b.eval(over, true)
			b.press("[data-erase]")
			b.entered(0)
			b.eval(over, false)
			b.run(chromedp.KeyEvent("12345"), chromedp.KeyEvent(kb.Enter)) // and by keyboard
			b.eval(over, true)
			b.run(chromedp.KeyEvent(kb.Backspace))
			b.entered(0)
			b.run(chromedp.KeyEvent(kb.Enter))
			assert.Equal(t, 3, card.State().AuthAttempts)

			b.key("End", "Numpad1", false) // NumLock off
			b.key("Process", "Digit2", false)
			b.key("Unidentified", "Numpad3", false)
			b.key("!", "Digit1", false) // with Shift, not a digit
			b.key("４", "Digit4", false)
			b.entered(4)
			b.press("[data-action=language]") // keeps what was typed
			b.eval(`document.documentElement.lang !== "`+lang+`"`, true)
			b.shows(terminal.EnterPIN)
			b.entered(4)
			b.key("Process", "NumpadEnter", false)
			b.shows(terminal.Result)
			assert.Equal(t, 3, card.State().AuthAttempts)
		})
	}
}

// doubleTap taps a button, and after a delay taps the same position again.
func (b *browser) doubleTap(selector string, apart time.Duration) {
	b.t.Helper()
	ready := "body:not([inert]):not(.unread) " + selector
	b.run(chromedp.WaitVisible(chromedp.CSS(ready)), chromedp.ScrollIntoView(chromedp.CSS(ready)))
	at := get[[]float64](b, fmt.Sprintf(`(() => { const r = document.querySelector(%q).getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2] })()`, selector))
	b.run(chromedp.MouseClickXY(at[0], at[1]))
	time.Sleep(apart) // between the taps
	b.run(chromedp.MouseClickXY(at[0], at[1]))
}

// A double tap does not act on the next view: it makes no unread application and types
// no digit.
//
// Faults: F66.
func TestBrowserDoubleTaps(t *testing.T) {
	t.Parallel()
	for _, size := range []struct{ width, height int64 }{{1024, 768}, {1280, 800}, {1280, 1024}, {1080, 1920}} {
		t.Run(fmt.Sprintf("%dx%d", size.width, size.height), func(t *testing.T) {
			b := newBrowser(t, "ja")
			b.run(chromedp.EmulateViewport(size.width, size.height))
			b.fixture.insert(t, simulator.Contact)
			b.start()
			b.shows(terminal.EnterPIN)
			b.type4("9999")
			b.shows(terminal.WrongPIN)
			b.doubleTap("[data-action=try-again]", 100*time.Millisecond)
			b.shows(terminal.EnterPIN)
			b.entered(0)
			b.type4("1234")
			b.shows(terminal.Result)
			b.press("[data-action=apply]")
			b.shows(terminal.Services)
			b.press("[data-service=sample-pay]")
			for _, apart := range []time.Duration{0, 100 * time.Millisecond, 300 * time.Millisecond} {
				b.shows(terminal.Account)
				get[int](b, `document.getElementById("account").value = "0123456789"; document.getElementById("code").value = "4649"; 0`)
				b.doubleTap("button[type=submit]", apart)
				b.shows(terminal.Confirm)
				view, _ := b.fixture.terminal.View()
				require.Equal(t, terminal.Confirm, view.Screen, "the second tap did nothing")
				b.press("[data-action=back]")
			}
			b.shows(terminal.Account)
			where := `(s => { const r = document.querySelector(s).getBoundingClientRect(); return [r.left, r.top, r.right, r.bottom] })`
			next := get[[]float64](b, where+`("button[type=submit]")`)
			b.press("button[type=submit]") // with the same fields
			b.shows(terminal.Confirm)
			agree := get[[]float64](b, where+`("[data-action=agree]")`)
			apart := agree[0] >= next[2] || agree[2] <= next[0] || agree[1] >= next[3] || agree[3] <= next[1]
			assert.True(t, apart, "%v and %v overlap", next, agree)
			b.press("[data-action=agree]")
			b.shows(terminal.Done)
		})
	}
}

// The idle warning takes no focus, and neither the warning nor more time clears a form.
func TestBrowserIdleWarningKeepsTheForm(t *testing.T) {
	b := newBrowser(t, "ja")
	b.toAccount(t)
	b.run(chromedp.SendKeys(chromedp.CSS("#account"), "0123"))
	get[int](b, `document.getElementById("ending").hidden = false; 0`) // as for the idle warning
	b.run(chromedp.KeyEvent("4"))
	b.eval(`document.getElementById("account").value`, "01234")
	requests := get[int](b, `performance.getEntriesByType("resource").filter(e => e.name.endsWith("/action")).length`)
	b.press("#more")
	b.eval(fmt.Sprintf(`performance.getEntriesByType("resource").filter(e => e.name.endsWith("/action")).length > %d`, requests), true)
	b.eval(`document.getElementById("account").value`, "01234")
}
