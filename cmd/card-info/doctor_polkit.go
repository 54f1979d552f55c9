package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf16"
)

// polkitRules is the path of the file for the rule.
const polkitRules = "/etc/polkit-1/rules.d/50-card-reader.rules"

// polkitRule returns a polkit rule that allows one user, and nobody else, to use readers
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

// scriptString returns s as an ASCII string literal of JavaScript, escaped so that it
// can't end the literal or control a terminal.
func scriptString(s string) string {
	shellQuote, err := json.Marshal(s)
	if err != nil {
		panic(err) // strings can be marshaled
	}
	var b strings.Builder
	for _, r := range string(shellQuote) {
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

// polkitRemedy returns what staff can do if polkit refuses this user. It returns false if
// the user has no name: a rule without one would allow everybody.
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
