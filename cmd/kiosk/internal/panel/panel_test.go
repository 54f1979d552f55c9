package panel_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/cmd/kiosk/internal/panel"
	"github.com/mykeykit/mykeykit/mykey/message"
	"github.com/mykeykit/mykeykit/reader"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

const host = "127.0.0.1:1"

// Every button works and is shown only if its action is possible.
func TestPanel(t *testing.T) {
	driver := simulator.New()
	p := panel.New(host, driver, message.English, func(profile simulator.Profile) (*simulator.Card, error) {
		return simulator.NewCard(profile, simulator.WithInsecureSeed("panel"))
	})
	page := func() string {
		w := httptest.NewRecorder()
		p.ServeHTTP(w, httptest.NewRequest("GET", "http://"+host+"/", nil))
		require.Equal(t, http.StatusOK, w.Code)
		return w.Body.String()
	}
	press := func(query string, form url.Values, origin string) int {
		w := httptest.NewRecorder()
		r := httptest.NewRequest("POST", "http://"+host+"/"+query, strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", origin)
		p.ServeHTTP(w, r)
		return w.Code
	}
	do := func(what string) {
		t.Helper()
		require.Contains(t, page(), `value="`+what+`"`)
		require.Equal(t, http.StatusSeeOther, press("", url.Values{"do": {what}}, "http://"+host))
	}
	readers := func() ([]reader.Reader, error) { return driver.Readers(t.Context()) }

	assert.Contains(t, page(), "not part of the terminal")
	for _, profile := range simulator.Profiles() {
		require.Equal(t, http.StatusSeeOther, press("?do=insert", url.Values{"card": {string(profile)}}, "http://"+host), profile)
		assert.Contains(t, page(), "A card is in the reader")
	}
	do("remove")
	assert.Contains(t, page(), "The reader is empty")
	do("second")
	list, err := readers()
	require.NoError(t, err)
	assert.Len(t, list, 2)
	do("no-second")
	do("unplug")
	list, err = readers()
	require.NoError(t, err)
	assert.Empty(t, list)
	do("plug")
	do("stop")
	_, err = readers()
	require.ErrorIs(t, err, reader.ErrNoService)
	do("run")
	_, err = readers()
	require.NoError(t, err)

	do("language")
	assert.Contains(t, page(), `<html lang="ja">`)
	japanese := page()
	for _, text := range []string{"端末の画面ではありません", "暗証番号がロックされたカード", "リーダーを外す"} {
		assert.Contains(t, japanese, text)
	}
	assert.NotRegexp(t, `>(contact|locked|Unplug|Insert)`, japanese)
	do("language")
	assert.Contains(t, page(), "Unplug the reader")
	assert.NotRegexp(t, `<button[^>]*></button>`, page(), "no button without text")

	for _, origin := range []string{"", "null", "http://evil.example", "http://localhost:1"} {
		assert.Equal(t, http.StatusForbidden, press("?do=insert", url.Values{"card": {"contact"}}, origin), origin)
	}
	assert.Equal(t, http.StatusBadRequest, press("?do=insert", url.Values{"card": {"<b>"}}, "http://"+host))
	assert.Contains(t, page(), "The reader is empty")
	w := httptest.NewRecorder()
	p.ServeHTTP(w, httptest.NewRequest("GET", "http://evil.example/", nil))
	assert.Equal(t, http.StatusNotFound, w.Code)
}
