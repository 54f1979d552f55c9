package web

import (
	"regexp"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/assert"

	"github.com/mykeykit/mykeykit/cmd/kiosk/internal/terminal"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/jpki/credential"
	"github.com/mykeykit/mykeykit/jpki/trust"
	"github.com/mykeykit/mykeykit/mykey"
	"github.com/mykeykit/mykeykit/mykey/message"
	"github.com/mykeykit/mykeykit/mykey/registry"
	"github.com/mykeykit/mykeykit/reader"
)

// Every word with kanji in a resident's message has a reading. Sentences for the staff
// need none.
//
// Faults: F121.
func TestEveryWordHasAReading(t *testing.T) {
	failures := []error{
		reader.ErrNoService, reader.ErrNoReader, reader.ErrNoCard, reader.ErrRemoved, reader.ErrChanged, reader.ErrBusy, reader.ErrTransport,
		&reader.AmbiguousError{Readers: []string{"A", "B"}}, jpki.ErrNoApplication, jpki.ErrStillUnlocked, jpki.ErrFullResponse, jpki.ErrNoCertificate,
		jpki.ErrNoPossession, jpki.ErrPINRequired, jpki.ErrPINFormat, credential.ErrUsed, credential.ErrCounterUnknown,
		trust.ErrMalformed, trust.ErrWrongKind, trust.ErrExpired, trust.ErrNotYetValid, trust.ErrIssuerExpired, trust.ErrUnknownIssuer, trust.ErrUnsupportedKey,
		mykey.ErrKey, assert.AnError,
		registry.ErrUnavailable, registry.ErrTerminalTaken, registry.ErrSuperseded, registry.ErrHolderReserved, registry.ErrNoIdentifier, registry.ErrApplied,
		registry.ErrProof, registry.ErrNoOperator, registry.ErrAccount, registry.ErrAccountUsed, registry.ErrRecovery, registry.ErrNotFound, registry.ErrWithdrawn,
		registry.ErrOperation,
	}
	for _, reason := range []error{credential.ErrWrong, credential.ErrLocked, credential.ErrLastAttempt, credential.ErrAttemptsChanged, credential.ErrOtherCard, credential.ErrOutcomeUnknown} {
		failures = append(failures, &credential.Error{Reason: reason, Remaining: 1, Known: true}, &credential.Error{Reason: reason})
	}
	texts := []string{}
	for _, err := range failures {
		m := terminal.MessageFor(err)
		texts = append(append(texts, paragraphs(m.What, message.Japanese)...), paragraphs(m.Next, message.Japanese)...)
	}
	for _, name := range stepNames {
		texts = append(texts, name.JA)
	}
	annotated := regexp.MustCompile(`<ruby>.*?</ruby>`)
	for _, text := range texts {
		text, _, _ = strings.Cut(text, "担当者の方へ")
		rest := annotated.ReplaceAllString(string(read(text, message.Japanese)), "")
		assert.False(t, strings.ContainsFunc(rest, func(r rune) bool { return unicode.Is(unicode.Han, r) }), "%s: %s", text, rest)
	}
}
