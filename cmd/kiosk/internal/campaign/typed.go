package campaign

import (
	"bytes"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// longestTyped bounds what is typed, in bytes; the registry takes no more.
const longestTyped = 128

// Parse takes what a resident typed: normalised (NFKC), without spaces around it and,
// where only that gives the form, without spaces and hyphens within it and in
// capitals. ok is false if it doesn't have the form. The text is the caller's to wipe;
// of ASCII and full-width characters no other copy remains.
func (f Form) Parse(typed []byte) (text []byte, ok bool) {
	if !f.Asked() {
		return nil, len(typed) == 0
	}
	if len(typed) > longestTyped {
		return nil, false
	}
	whole := normalize(typed)
	joined := withoutSeparators(whole)
	text = bytes.TrimSpace(whole)
	for range 2 { // as it is, and in capitals
		if f.has(text) {
			clear(joined)
			return text, true
		}
		if f.has(joined) {
			clear(whole)
			return joined, true
		}
		capitals(text)
		capitals(joined)
	}
	clear(whole)
	clear(joined)
	return nil, false
}

func (f Form) has(text []byte) bool { return len(text) <= longestTyped && f.expression.Match(text) }

// normalize returns the NFKC form, in one buffer if all of it is ASCII then.
func normalize(typed []byte) []byte {
	text := make([]byte, 0, len(typed)) // ASCII is never longer
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

// withoutSeparators leaves out what people type between groups of digits: spaces, and
// hyphens as keyboards and input methods have them.
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

func capitals(text []byte) {
	for i, c := range text {
		if 'a' <= c && c <= 'z' {
			text[i] = c - 'a' + 'A'
		}
	}
}
