package redacttest

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// Canary is something that must not be printed, in the forms in which it would be
// recognised.
type Canary struct {
	forms    []string
	patterns []*regexp.Regexp // of what an address could contain by chance
}

// Text is a canary of characters or bytes.
func Text(text string) Canary {
	list := fmt.Sprint([]byte(text))
	goSyntax := fmt.Sprintf("%#v", []byte(text))
	c := Canary{forms: []string{
		hex.EncodeToString([]byte(text)), strings.ToUpper(hex.EncodeToString([]byte(text))),
		fmt.Sprintf("% x", text),
		strings.Trim(list, "[]"), strings.ReplaceAll(strings.Trim(list, "[]"), " ", ","),
		goSyntax[strings.Index(goSyntax, "{")+1 : len(goSyntax)-1],
	}}
	for offset := range 3 { // base64 of what begins there in a group of three bytes
		encoded := base64.StdEncoding.EncodeToString(append(make([]byte, offset), text...))
		c.forms = append(c.forms, strings.TrimRight(encoded, "=")[offset+min(offset, 1):(offset+len(text))*8/6])
	}
	if len(text) < 8 {
		c.patterns = append(c.patterns, word(text))
	} else {
		c.forms = append(c.forms, text)
	}
	if quoted := strings.Trim(strconv.QuoteToASCII(text), `"`); quoted != text {
		c.forms = append(c.forms, quoted)
	}
	return c
}

// Number is a canary that is a number.
func Number(n int) Canary {
	return Canary{patterns: []*regexp.Regexp{word(strconv.Itoa(n)), word(fmt.Sprintf("(0[xX])?(%x|%X)", n, n))}}
}

// word finds text that stands alone, which parts of an address do not.
func word(text string) *regexp.Regexp { return regexp.MustCompile(`\b` + text + `\b`) }

func (c Canary) absent(t *testing.T, printed way) {
	t.Helper()
	for _, form := range c.forms {
		assert.NotContains(t, printed.text, form, printed.name)
	}
	for _, pattern := range c.patterns {
		assert.NotRegexp(t, pattern, printed.text, printed.name)
	}
}
