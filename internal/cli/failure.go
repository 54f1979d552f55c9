package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/mykeykit/mykeykit/internal/termtext"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/mykey/message"
)

// The codes of commands, in addition to those of package message.
const (
	CodeUsage         message.Code = "USAGE"
	CodeOutput        message.Code = "OUTPUT"
	CodeKeyExists     message.Code = "KEY_EXISTS"
	CodeKeyReadable   message.Code = "KEY_READABLE"
	CodeCACertificate message.Code = "AUTHORITY_FILE"
	CodeAuthorityKey  message.Code = "AUTHORITY_KEY"
	CodeNoTerminal    message.Code = "NO_TERMINAL"
)

// entry returns the message with a code, whose texts a command replaces. Whoever runs a
// command can act on the commands' own codes; none is about a PIN, except that a PIN
// could not be asked for, or was accepted before the output failed.
func entry(code message.Code) message.Message {
	if m, ok := message.Lookup(code); ok {
		return m
	}
	m := message.Message{Code: code, Group: message.Operator, Attempt: message.AttemptNone}
	if code == CodeOutput || code == CodeNoTerminal {
		m.Attempt = message.AttemptNotUsed
	}
	return m
}

// Failure is an error with a message of its own.
type Failure struct {
	Message message.Message
	Err     error
}

func (f *Failure) Error() string { return f.Err.Error() }
func (f *Failure) Unwrap() error { return f.Err }

// Because gives an error texts of its own. Group and attempt are those of the code.
func Because(err error, code message.Code, what, next Text) error {
	m := entry(code)
	m.What, m.Next = what, next
	return &Failure{Err: err, Message: m}
}

// WrongUsage returns err as a wrong use of the command.
func (c *Console) WrongUsage(err error) error { return c.Misuse(textWrongUsage, err) }

// Misuse returns err as a wrong use of the command that what describes.
func (c *Console) Misuse(what Text, err error) error {
	help := c.Command + " help"
	if c.running != nil && c.running.Name() != "help" {
		help += strings.TrimPrefix(c.running.CommandPath(), c.Command)
	}
	next := Text{JA: "使い方は " + help + " で見られます。", EN: "See " + help + "."}
	var name misspelled
	if errors.As(err, &name) && len(name.similar) > 0 {
		next = Text{
			JA: "もしかして: " + strings.Join(name.similar, "、") + "\n" + next.JA,
			EN: "Did you mean " + strings.Join(name.similar, " or ") + "?\n" + next.EN,
		}
	}
	return Because(err, CodeUsage, what, next)
}

// MessageOf returns an error's own message, or the one that of finds, with the names of
// the commands' options in it.
func MessageOf(err error, of func(error) message.Message) message.Message {
	var own *Failure
	if errors.As(err, &own) {
		return own.Message
	}
	m := of(err)
	if m.Code == message.Failed && IsUnwritable(err) {
		m = entry(CodeOutput)
		m.What, m.Next = textUnwritable, textUnwritableNext
		return m
	}
	if table, _ := message.Lookup(m.Code); m.Next == table.Next {
		m.Next = nextOf(m)
	}
	return m
}

// also is a second message of a failure: that the card may still be unlocked.
type also struct {
	Code    message.Code `json:"code"`
	Message Text         `json:"message"`
	Next    Text         `json:"next"`
}

func alsoOf(err error, reported message.Code) (list []also) {
	if errors.Is(err, jpki.ErrStillUnlocked) && reported != message.CardStillUnlocked {
		m := message.For(jpki.ErrStillUnlocked)
		list = append(list, also{m.Code, m.What, m.Next})
	}
	return list
}

// Fail reports a failure on standard error, as text or as one JSON object. It reports
// nothing if the failure is that the reader of standard output has closed the pipe.
func (c *Console) Fail(m message.Message, exit int, err error) {
	detail := termtext.Printable(strings.ReplaceAll(err.Error(), "\n", "; ")) // several errors: one per line
	more := alsoOf(err, m.Code)
	if m.Code == CodeOutput && isClosedPipe(err) && !errors.As(err, new(*Failure)) && len(more) == 0 {
		return
	}
	if c.JSON {
		_ = WriteJSON(c.Stderr, map[string]any{"error": struct {
			Code      message.Code    `json:"code"`
			Exit      int             `json:"exit"`
			Group     message.Group   `json:"group"`
			Attempt   message.Attempt `json:"attempt"`
			Remaining *int            `json:"remaining,omitempty"`
			Message   Text            `json:"message"`
			Next      Text            `json:"next"`
			Detail    string          `json:"detail"`
			Also      []also          `json:"also,omitempty"`
		}{m.Code, exit, m.Group, m.Attempt, m.Remaining, m.What, m.Next, detail, more}})
		return
	}
	c.tell(m.What, m.Next)
	fmt.Fprintf(c.Stderr, "  [%s] %s\n", m.Code, detail)
	for _, m := range more {
		c.tell(m.Message, m.Next)
		fmt.Fprintf(c.Stderr, "  [%s]\n", m.Code)
	}
}

func (c *Console) tell(what, next Text) {
	fmt.Fprintf(c.Stderr, "%s: %s\n", c.Command, Indented(c.Say(what)))
	if next := c.Say(next); next != "" {
		fmt.Fprintf(c.Stderr, "  %s\n", Indented(next))
	}
}

// Warn writes a warning to standard error. The command goes on.
func (c *Console) Warn(code message.Code, what Text) {
	if c.JSON {
		_ = WriteJSON(c.Stderr, map[string]any{"warning": map[string]any{"code": code, "message": what}})
		return
	}
	fmt.Fprintf(c.Stderr, "%s: %s\n", c.Command, Indented(c.Say(what)))
}

// Indented indents every line except the first.
func Indented(text string) string { return strings.ReplaceAll(text, "\n", "\n  ") }

// Formatted fills in the verbs of a text, as in package fmt.
func Formatted(t Text, values ...any) Text {
	return Text{JA: fmt.Sprintf(t.JA, values...), EN: fmt.Sprintf(t.EN, values...)}
}

// TextKeyExposed warns about a key file that other users can read or change.
var TextKeyExposed = Text{
	JA: "注意: ほかのユーザーが、鍵ファイルの読み取りまたは変更ができます。\nchmod 600 で、自分だけが使えるようにしてください。",
	EN: "Warning: other users can read or change the key file.\nRestrict it to yourself with chmod 600.",
}
