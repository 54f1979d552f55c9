package main

import (
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
	codeUsage:               exitUsage,
	codeNoTerminal:          exitUsage,
	codeAuthorityFile:       exitUsage,
	codeSocket:              exitUsage,
	codeSSHRefused:          exitUsage,
	codeSSHClients:          exitUsage,
	message.PINFormat:       exitUsage,
	message.SeveralCards:    exitUsage,
	message.SeveralReaders:  exitUsage,
	message.NamespaceKey:    exitUsage,
	message.NamespaceName:   exitUsage,
	message.PCSCUnavailable: exitNoReader,
	message.PCSCDenied:      exitNoReader,
	message.PCSCUnsupported: exitNoReader,
	message.ReaderNotFound:  exitNoReader,
	message.CardAbsent:      exitNoCard,
	message.CardRemoved:     exitNoCard,
	message.CardChanged:     exitNoCard,
	message.NotMyNumberCard: exitOtherCard,
	message.PINWrong:        exitPIN,
	message.PINLastTry:      exitPIN,
	message.PINLocked:       exitLocked,

	message.PasswordFormat:      exitUsage,
	message.PasswordWrong:       exitPIN,
	message.PasswordLastAttempt: exitPIN,
	message.PasswordLocked:      exitLocked,

	message.NoAuthCert:       exitCertificate,
	message.CertMalformed:    exitCertificate,
	message.CertWrongKind:    exitCertificate,
	message.CertExpired:      exitCertificate,
	message.CertNotYetValid:  exitCertificate,
	message.KeyUnsupported:   exitCertificate,
	message.ChainUnknown:     exitCertificate,
	message.CACertificate:    exitUsage,
	message.IssuerExpired:    exitCertificate,
	message.PossessionFailed: exitCertificate,
}

// exitOf finds the exit code. Where the outcome of a PIN is unknown it is what
// cut the answer off: the card or the service that is gone.
func exitOf(code message.Code, err error) int {
	if code == message.PINOutcomeUnknown || code == message.PasswordOutcomeUnknown {
		switch cause := message.Cause(err); {
		case errors.Is(cause, reader.ErrRemoved), errors.Is(cause, reader.ErrChanged):
			return exitNoCard
		case errors.Is(cause, reader.ErrNoService), errors.Is(cause, reader.ErrNoReader):
			return exitNoReader
		}
	}
	if exit, ok := exits[code]; ok {
		return exit
	}
	return exitFailed
}

// The program's own failures, beside those of package message.
const (
	codeUsage         message.Code = "USAGE"
	codeNoTerminal    message.Code = "NO_TERMINAL"
	codeKeyExists     message.Code = "KEY_EXISTS"
	codeAuthorityFile message.Code = "AUTHORITY_FILE"
	codeOutput        message.Code = "OUTPUT"
)

// failure is a failure with a message of its own.
type failure struct {
	message message.Message
	err     error
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

// wrongUsage is a wrong use of the program, told by err.
func wrongUsage(err error) error {
	return misuse(Text{JA: "コマンドの書き方に誤りがあります。", EN: "The command is not written correctly."}, err)
}

// misuse is a wrong use of the program with words of its own.
func misuse(what Text, err error) error {
	return &failure{err: err, message: message.Message{
		Code: codeUsage, What: what,
		Next: Text{JA: "使い方は card-info help で見られます。", EN: "See card-info help."},
	}}
}

// more is what is told beside a failure's own message, as that the card may still be
// unlocked.
type more struct {
	Code    message.Code `json:"code"`
	Message Text         `json:"message"`
	Next    Text         `json:"next"`
}

func moreOf(err error, told message.Code) (list []more) {
	if errors.Is(err, jpki.ErrStillVerified) && told != message.CardStillVerified {
		m := message.For(jpki.ErrStillVerified)
		list = append(list, more{m.Code, m.What, m.Next})
	}
	return list
}

func messageFor(err error) message.Message {
	var own *failure
	if errors.As(err, &own) {
		return own.message
	}
	m := message.For(err)
	if m.Code == message.Failed && errors.As(err, new(unwritable)) {
		return message.Message{Code: codeOutput, What: textUnwritable, Next: textUnwritableNext}
	}
	return m
}

// fail tells the failure on standard error, as text or as one JSON object, and
// returns the exit code.
func (p *program) fail(err error) int {
	m := messageFor(err)
	exit := exitOf(m.Code, err)
	detail := message.Printable(err.Error())
	also := moreOf(err, m.Code)
	if m.Code == codeOutput && isClosedPipe(err) && !errors.As(err, new(*failure)) && len(also) == 0 {
		return exit // who closed it wants no more
	}
	if p.json {
		_ = writeJSON(p.stderr, map[string]any{"error": struct {
			Code      message.Code `json:"code"`
			Exit      int          `json:"exit"`
			Remaining *int         `json:"remaining,omitempty"`
			Message   Text         `json:"message"`
			Next      Text         `json:"next"`
			Detail    string       `json:"detail"`
			Also      []more       `json:"also,omitempty"`
		}{m.Code, exit, m.Remaining, m.What, m.Next, detail, also}})
		return exit
	}
	if errors.As(err, new(diagnosed)) {
		return exit
	}
	fmt.Fprintf(p.stderr, "card-info: %s\n", indented(p.say(m.What)))
	if next := p.say(m.Next); next != "" {
		fmt.Fprintf(p.stderr, "  %s\n", indented(next))
	}
	fmt.Fprintf(p.stderr, "  [%s] %s\n", m.Code, detail)
	for _, m := range also {
		fmt.Fprintf(p.stderr, "card-info: %s\n  %s\n  [%s]\n", indented(p.say(m.Message)), indented(p.say(m.Next)), m.Code)
	}
	return exit
}

const codeKeyReadable message.Code = "KEY_READABLE"

// warn tells on standard error what does not stop the program.
func (p *program) warn(code message.Code, what Text) {
	if p.json {
		_ = writeJSON(p.stderr, map[string]any{"warning": map[string]any{"code": code, "message": what}})
		return
	}
	fmt.Fprintf(p.stderr, "card-info: %s\n", indented(p.say(what)))
}

func indented(text string) string { return strings.ReplaceAll(text, "\n", "\n  ") }
