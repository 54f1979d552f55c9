package campaign

import (
	"regexp/syntax"
	"slices"
	"strings"
)

// keyboardKeys are the characters of the on-screen keyboard, in order.
const keyboardKeys = "1234567890ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_.@+"

// Alphabet returns the on-screen keyboard's characters that can match the form's
// pattern.
func (f Form) Alphabet() string {
	expression, err := syntax.Parse(f.Pattern, syntax.Perl)
	if err != nil { // Parse would have rejected it
		return keyboardKeys
	}
	var alphabet strings.Builder
	for _, c := range keyboardKeys {
		if mentions(expression, c) {
			alphabet.WriteRune(c)
		}
	}
	return alphabet.String()
}

// mentions reports whether a part of an expression matches the character.
func mentions(expression *syntax.Regexp, c rune) bool {
	switch expression.Op {
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return true
	case syntax.OpLiteral:
		return slices.Contains(expression.Rune, c)
	case syntax.OpCharClass:
		for i := 0; i < len(expression.Rune); i += 2 {
			if expression.Rune[i] <= c && c <= expression.Rune[i+1] {
				return true
			}
		}
	}
	return slices.ContainsFunc(expression.Sub, func(part *syntax.Regexp) bool { return mentions(part, c) })
}
