package main

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/clitest"
	"github.com/mykeykit/mykeykit/internal/termtext"
)

// The moving pictures in the READMEs show what a terminal shows, except for dates.
func TestPicturesOfSessions(t *testing.T) {
	for _, language := range []string{"en", "ja"} {
		t.Run(language, func(t *testing.T) {
			path, err := filepath.Abs(filepath.Join("..", "..", "docs", "images", "card-info-"+language+".svg"))
			require.NoError(t, err)
			t.Chdir(t.TempDir())
			t.Setenv("LANGUAGE", language)
			key := strings.Repeat("0123456789abcdef", 4) + "\n"
			require.NoError(t, os.WriteFile("library.key", []byte(key), 0o600))
			session := shownAtTerminal(t, "card-info --simulator contact", "") +
				shownAtTerminal(t, "card-info id --namespace library.example --namespace-key library.key --simulator contact", "1234")
			assert.NotContains(t, session, "1234")

			if *clitest.Update {
				require.NoError(t, os.WriteFile(path, drawSession(session), 0o644))
			}
			picture, err := os.ReadFile(path)
			require.NoError(t, err)
			var drawn struct {
				Session string `xml:"desc"`
			}
			require.NoError(t, xml.Unmarshal(picture, &drawn))
			assert.Equal(t, dates.ReplaceAllString(session, "…"), dates.ReplaceAllString(drawn.Session, "…"))
			assert.Equal(t, string(drawSession(drawn.Session)), string(picture))
		})
	}
}

var dates = regexp.MustCompile(`(\d{1,2} )?[A-Z][a-z]+ \d{4}|\d+年\d+月(\d+日)?`)

// shownAtTerminal returns what a terminal shows: the command after a prompt, and its output. entry is typed at the command's
// prompt, unless it is empty.
func shownAtTerminal(t *testing.T, command, entry string) string {
	t.Helper()
	p, c := startAtTerminal(t, strings.Fields(command)[1:]...)
	if entry != "" {
		p.waitForQuestion(t)
		p.types(t, entry+"\n")
	}
	require.NoError(t, c.Wait(), p.text())
	return prompt + command + "\n" + p.everything(t)
}

const prompt = "$ "

// Sizes in a picture, in pixels, and times in seconds.
const (
	columnWidth, lineHeight, margin = 8.0, 20.0, 16.0
	perWord, perLine, pause         = 0.12, 0.06, 1.0
)

// drawSession returns an SVG picture in which the words of the commands and the lines of their output appear one after
// the other. Without animations, or where readers prefer none, it shows the whole session.
func drawSession(session string) []byte {
	var body bytes.Buffer
	at, row, columns := 0.5, 0, 0
	draw := func(class, text string, column int) int {
		for _, part := range sameWidth(text) {
			width := termtext.Columns(part)
			fmt.Fprintf(&body, `<text class="%s" style="animation-delay:%.2fs" x="%g" y="%g" textLength="%g">%s</text>`+"\n",
				class, at, margin+columnWidth*float64(column), margin+lineHeight*(float64(row)+0.75), columnWidth*float64(width), escaped(part))
			column += width
		}
		columns = max(columns, column)
		return column
	}
	for line := range strings.Lines(session) {
		line = strings.TrimSuffix(line, "\n")
		if command, ok := strings.CutPrefix(line, prompt); ok {
			at += pause
			column := draw("p", prompt, 0)
			for _, word := range strings.Fields(command) {
				at += perWord
				column = draw("c", word, column) + 1
			}
			at += pause
		} else {
			draw("o", line, 0)
			at += perLine
		}
		if strings.HasSuffix(line, ": ") {
			at += pause // while the PIN is typed
		}
		row++
	}
	width, height := 2*margin+columnWidth*float64(columns), 2*margin+lineHeight*float64(row)
	return fmt.Appendf(nil, `<svg xmlns="http://www.w3.org/2000/svg" width="%[1]g" height="%[2]g" viewBox="0 0 %[1]g %[2]g">
<desc>%[4]s</desc>
<style>
text { font: 14px ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", "Noto Sans Mono CJK JP", monospace; fill: #d8dee9; white-space: pre; animation: appear 1ms step-end backwards }
.p { fill: #8fbc8f } .c { fill: #ffffff }
@keyframes appear { from { visibility: hidden } }
@media (prefers-reduced-motion: reduce) { text { animation: none } }
</style>
<rect width="100%%" height="100%%" rx="8" fill="#1e2430"/>
%[3]s</svg>
`, width, height, body.String(), escaped(session))
}

func escaped(text string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text)) // a Builder returns no error
	return b.String()
}

// sameWidth splits a line into runs of characters of one column and of two columns: the fonts of both may have other
// widths than a terminal's.
func sameWidth(line string) (runs []string) {
	start, last := 0, 0
	for i, r := range line {
		width := termtext.Columns(string(r))
		if i > 0 && width != last {
			runs = append(runs, line[start:i])
			start = i
		}
		last = width
	}
	if line != "" {
		runs = append(runs, line[start:])
	}
	return runs
}
