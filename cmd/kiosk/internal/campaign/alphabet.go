package campaign

import (
	"regexp/syntax"
	"slices"
	"strings"
)

// typeable are the characters that a terminal's keyboard can have, in its order.
const typeable = "1234567890ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_.@+"

// Alphabet returns the characters that the form's pattern names, in the order in
// which a keyboard shows them; every one that can be typed where the pattern takes
// anything.
func (f Form) Alphabet() string {
	expression, err := syntax.Parse(f.Pattern, syntax.Perl)
	if err != nil { // not one that Parse let pass
		return typeable
	}
	var named strings.Builder
	for _, c := range typeable {
		if names(expression, c) {
			named.WriteRune(c)
		}
	}
	return named.String()
}

// names tells whether an expression has a part that is the character.
func names(expression *syntax.Regexp, c rune) bool {
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
	return slices.ContainsFunc(expression.Sub, func(part *syntax.Regexp) bool { return names(part, c) })
}
