package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/mykeykit/mykeykit/internal/message"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/reader"
)

// The program's exit codes.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2 // nothing was sent
	exitNoReader    = 3
	exitNoCard      = 4
	exitOtherCard   = 5
	exitPIN         = 6
	exitLocked      = 7
	exitCertificate = 8
)

var exits = map[message.Code]int{
	codeUsage:                exitUsage,
	message.PINFormat:        exitUsage,
	message.SeveralCards:     exitUsage,
	message.NamespaceKey:     exitUsage,
	message.NamespaceName:    exitUsage,
	message.PCSCUnavailable:  exitNoReader,
	message.PCSCUnsupported:  exitNoReader,
	message.ReaderNotFound:   exitNoReader,
	message.CardAbsent:       exitNoCard,
	message.CardRemoved:      exitNoCard,
	message.CardChanged:      exitNoCard,
	message.NotMyNumberCard:  exitOtherCard,
	message.PINWrong:         exitPIN,
	message.PINLastTry:       exitPIN,
	message.PINLocked:        exitLocked,
	message.NoAuthCert:       exitCertificate,
	message.CertMalformed:    exitCertificate,
	message.CertExpired:      exitCertificate,
	message.CertNotYetValid:  exitCertificate,
	message.KeyUnsupported:   exitCertificate,
	message.PossessionFailed: exitCertificate,
}

// exitOf finds the exit code. A card that was taken away is one, whatever it
// was taken away from.
func exitOf(code message.Code, err error) int {
	gone := errors.Is(err, reader.ErrRemoved) || errors.Is(err, reader.ErrChanged)
	if gone && (code == message.PINOutcomeUnknown || code == message.PossessionFailed) {
		return exitNoCard
	}
	if exit, ok := exits[code]; ok {
		return exit
	}
	return exitFailed
}

// codeUsage is the code of wrong usage.
const codeUsage message.Code = "USAGE"

// usageError is a wrong use of the program.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

// messageFor adds the program's own failures to those of package message.
func messageFor(err error) message.Message {
	var usage *usageError
	if errors.As(err, &usage) {
		m := message.For(usage.err)
		if m.Code != message.Failed {
			return m
		}
		return message.Message{
			Code: codeUsage,
			What: Text{JA: "コマンドの書き方に誤りがあります。", EN: "The command is not written correctly."},
			Next: Text{JA: "使い方は card-info help で見られます。", EN: "See card-info help."},
		}
	}
	m := message.For(err)
	// A card that is gone during the proof is gone, not a cheat.
	if m.Code == message.PossessionFailed && !errors.Is(err, jpki.ErrPINRequired) {
		switch {
		case errors.Is(err, reader.ErrRemoved):
			return message.For(reader.ErrRemoved)
		case errors.Is(err, reader.ErrChanged):
			return message.For(reader.ErrChanged)
		}
	}
	return m
}

// fail tells the failure on standard error, as text or as one JSON object, and
// returns the exit code.
func (p *program) fail(err error) int {
	m := messageFor(err)
	exit := exitOf(m.Code, err)
	detail := message.Printable(err.Error())
	if p.json {
		_ = json.NewEncoder(p.stderr).Encode(map[string]any{"error": struct {
			Code      message.Code `json:"code"`
			Exit      int          `json:"exit"`
			Remaining *int         `json:"remaining,omitempty"`
			Message   Text         `json:"message"`
			Next      Text         `json:"next"`
			Detail    string       `json:"detail"`
		}{m.Code, exit, m.Remaining, m.What, m.Next, detail}})
		return exit
	}
	fmt.Fprintf(p.stderr, "card-info: %s\n", indented(p.say(m.What)))
	if next := p.say(m.Next); next != "" {
		fmt.Fprintf(p.stderr, "  %s\n", indented(next))
	}
	fmt.Fprintf(p.stderr, "  [%s] %s\n", m.Code, detail)
	return exit
}

func indented(text string) string { return strings.ReplaceAll(text, "\n", "\n  ") }
