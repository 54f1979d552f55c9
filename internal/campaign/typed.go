package campaign

import (
	"bytes"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// maxTyped is the maximum length of typed text in bytes. The registry has the same limit.
const maxTyped = 128

// Parse normalizes typed text (NFKC) and trims spaces. If the pattern requires it, Parse
// also removes inner spaces and hyphens and converts letters to upper case. It returns
// false if the text does not match the pattern. The caller wipes the result; no other
// copy of ASCII or full-width characters remains.
func (f Form) Parse(typed []byte) (text []byte, ok bool) {
	if !f.Asked() {
		return nil, len(typed) == 0
	}
	if len(typed) > maxTyped {
		return nil, false
	}
	whole := normalize(typed)
	joined := withoutSeparators(whole)
	text = bytes.TrimSpace(whole)
	for range 2 { // as typed, then in upper case
		if f.matches(text) {
			clear(joined)
			return text, true
		}
		if f.matches(joined) {
			clear(whole)
			return joined, true
		}
		toUpper(text)
		toUpper(joined)
	}
	clear(whole)
	clear(joined)
	return nil, false
}

func (f Form) matches(text []byte) bool { return len(text) <= maxTyped && f.expression.Match(text) }

// normalize returns the NFKC form. It uses one buffer if the result is ASCII.
func normalize(typed []byte) []byte {
	text := make([]byte, 0, len(typed)) // the ASCII form is never longer
	for rest := typed; len(rest) > 0; {
		properties := norm.NFKC.Properties(rest)
		size := max(properties.Size(), 1)
		from := properties.Decomposition()
		if from == nil {
			from = rest[:size]
		}
		if len(from) != 1 || from[0] >= utf8.RuneSelf {
			clear(text)
			return norm.NFKC.Bytes(typed)
		}
		text, rest = append(text, from[0]), rest[size:]
	}
	return text
}

// withoutSeparators removes spaces and all kinds of hyphens that keyboards and input
// methods produce.
func withoutSeparators(text []byte) []byte {
	joined := make([]byte, 0, len(text))
	for rest := text; len(rest) > 0; {
		r, size := utf8.DecodeRune(rest)
		switch r {
		case ' ', '-', '‐', '‑', '–', '—', '―', '−', 'ー':
		default:
			joined = append(joined, rest[:size]...)
		}
		rest = rest[size:]
	}
	return bytes.TrimSpace(joined)
}

func toUpper(text []byte) {
	for i, c := range text {
		if 'a' <= c && c <= 'z' {
			text[i] = c - 'a' + 'A'
		}
	}
}
