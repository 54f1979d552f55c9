package releasetest

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/browsertest"
	"github.com/mykeykit/mykeykit/mykey"
)

var (
	startPage = regexp.MustCompile(`action="([^"]+)"><input type="hidden" name="key" value="([^"]+)"`)
	panel     = regexp.MustCompile(`(?:操作盤|panel): +(http://127\.0\.0\.1:\d+)/`)
	shownID   = regexp.MustCompile(`[0-9A-Z]{4}-[0-9A-Z]{4}`)
)

// visit makes a visit with a simulated card at the terminal that runs as a service: it inserts the card through the panel and
// enters the PIN on the page, in a browser of this machine. The page must then show an identifier.
func (d *debian) visit() {
	d.t.Helper()
	found := panel.FindAllStringSubmatch(d.run("journalctl --no-pager --unit mykeykit-kiosk.service"), -1)
	require.NotEmpty(d.t, found, "the journal has no address of the panel")
	d.panel(found[len(found)-1][1], url.Values{"card": {"contact"}}, "/?do=insert")

	start := startPage.FindStringSubmatch(d.read("/run/mykeykit-kiosk/start.html"))
	require.NotNil(d.t, start, "no start page")
	ctx := browsertest.New(d.t)
	defer func() { _ = chromedp.Cancel(ctx) }() // the next visit has a browser of its own
	do := func(actions ...chromedp.Action[chromedp.Void]) {
		d.t.Helper()
		require.NoError(d.t, chromedp.Do(ctx, actions...))
	}
	press := func(button string) {
		d.t.Helper()
		do(chromedp.Click(chromedp.CSS("body:not([inert]):not(.unread) "+button), chromedp.NodeVisible))
	}
	do(chromedp.Navigate(start[1] + "?key=" + start[2]))
	press("[data-action=start]")
	for _, digit := range "1234" {
		press(fmt.Sprintf("[data-digit='%c']", digit))
	}
	press("[data-enter]")
	press("[data-action=first]") // the holder has no ID yet
	do(chromedp.WaitReady(chromedp.CSS(`main[data-screen="result"] h1`)))
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string](`document.querySelector("main").innerText`))
	require.NoError(d.t, err)
	d.panel(found[len(found)-1][1], url.Values{"do": {"remove"}}, "/")
	_, err = mykey.Parse(shownID.FindString(text))
	require.NoError(d.t, err, text)
}

// panel presses a button of the panel for the cards.
func (d *debian) panel(address string, form url.Values, path string) {
	d.t.Helper()
	request, err := http.NewRequestWithContext(d.t.Context(), http.MethodPost, address+path, strings.NewReader(form.Encode()))
	require.NoError(d.t, err)
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Origin", address)
	response, err := http.DefaultClient.Do(request)
	require.NoError(d.t, err)
	defer response.Body.Close()
	require.Equal(d.t, http.StatusOK, response.StatusCode)
}
