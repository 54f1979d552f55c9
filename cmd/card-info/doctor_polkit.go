package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf16"
)

// polkitRules is the file that staff add the rule to.
const polkitRules = "/etc/polkit-1/rules.d/50-card-reader.rules"

// polkitRule returns the rule that lets one user, and nobody else, use readers
// and cards through pcscd.
func polkitRule(user string) string {
	return `polkit.addRule(function(action, subject) {
    if ((action.id == "org.debian.pcsc-lite.access_pcsc" ||
         action.id == "org.debian.pcsc-lite.access_card") &&
        subject.user == ` + scriptString(user) + `) {
        return polkit.Result.YES;
    }
});`
}

// scriptString returns s as a string literal of JavaScript in ASCII: nothing in
// it ends the literal, and nothing moves a terminal's cursor.
func scriptString(s string) string {
	quoted, err := json.Marshal(s)
	if err != nil {
		panic(err) // strings can be marshaled
	}
	var b strings.Builder
	for _, r := range string(quoted) {
		if r < 0x7F {
			b.WriteRune(r)
			continue
		}
		for _, unit := range utf16.Encode([]rune{r}) {
			fmt.Fprintf(&b, `\u%04x`, unit)
		}
	}
	return b.String()
}

// polkitRemedy returns what staff do where polkit refuses this user, or false if
// the user has no name: a rule without one would let everybody in.
func (s system) polkitRemedy() (Text, bool) {
	if s.os != "linux" || s.user == nil {
		return Text{}, false
	}
	name := s.user()
	if name == "" {
		return Text{}, false
	}
	rule := polkitRule(name)
	return Text{
		JA: fmt.Sprintf(textPolkitNext.JA, polkitRules, rule),
		EN: fmt.Sprintf(textPolkitNext.EN, polkitRules, rule),
	}, true
}
