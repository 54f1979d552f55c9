package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/mykeykit/mykeykit/internal/termtext"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/mykey/message"
)

// The codes that commands have beside those of package message.
const (
	CodeUsage       message.Code = "USAGE"
	CodeOutput      message.Code = "OUTPUT"
	CodeKeyExists   message.Code = "KEY_EXISTS"
	CodeKeyReadable message.Code = "KEY_READABLE"
	CodeAuthority   message.Code = "AUTHORITY_FILE"
	CodeNoTerminal  message.Code = "NO_TERMINAL"
)

// Failure is an error with a message of its own.
type Failure struct {
	Message message.Message
	Err     error
}

func (f *Failure) Error() string { return f.Err.Error() }
func (f *Failure) Unwrap() error { return f.Err }

// Because gives an error a message of its own.
func Because(err error, code message.Code, what, next Text) error {
	return &Failure{Err: err, Message: message.Message{Code: code, What: what, Next: next}}
}

// WrongUsage is a wrong use of the command, told by err.
func (c *Console) WrongUsage(err error) error { return c.Misuse(textWrongUsage, err) }

// Misuse is a wrong use of the command with words of its own.
func (c *Console) Misuse(what Text, err error) error {
	return Because(err, CodeUsage, what, Text{JA: "使い方は " + c.Command + " help で見られます。", EN: "See " + c.Command + " help."})
}

// MessageOf is what is said of an error: its own message, or the one that of finds.
func MessageOf(err error, of func(error) message.Message) message.Message {
	var own *Failure
	if errors.As(err, &own) {
		return own.Message
	}
	m := of(err)
	if m.Code == message.Failed && IsUnwritable(err) {
		return message.Message{Code: CodeOutput, What: textUnwritable, Next: textUnwritableNext}
	}
	return m
}

// also is what is told beside a failure's own message, as that the card may still be
// unlocked.
type also struct {
	Code    message.Code `json:"code"`
	Message Text         `json:"message"`
	Next    Text         `json:"next"`
}

func alsoOf(err error, told message.Code) (list []also) {
	if errors.Is(err, jpki.ErrStillUnlocked) && told != message.CardStillVerified {
		m := message.For(jpki.ErrStillUnlocked)
		list = append(list, also{m.Code, m.What, m.Next})
	}
	return list
}

// Fail tells a failure on standard error, as text or as one JSON object. One of a
// standard output that nobody reads any more is not told.
func (c *Console) Fail(m message.Message, exit int, err error) {
	detail := termtext.Printable(err.Error())
	more := alsoOf(err, m.Code)
	if m.Code == CodeOutput && isClosedPipe(err) && !errors.As(err, new(*Failure)) && len(more) == 0 {
		return
	}
	if c.JSON {
		_ = WriteJSON(c.Stderr, map[string]any{"error": struct {
			Code      message.Code `json:"code"`
			Exit      int          `json:"exit"`
			Remaining *int         `json:"remaining,omitempty"`
			Message   Text         `json:"message"`
			Next      Text         `json:"next"`
			Detail    string       `json:"detail"`
			Also      []also       `json:"also,omitempty"`
		}{m.Code, exit, m.Remaining, m.What, m.Next, detail, more}})
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

// Warn tells on standard error what does not stop the command.
func (c *Console) Warn(code message.Code, what Text) {
	if c.JSON {
		_ = WriteJSON(c.Stderr, map[string]any{"warning": map[string]any{"code": code, "message": what}})
		return
	}
	fmt.Fprintf(c.Stderr, "%s: %s\n", c.Command, Indented(c.Say(what)))
}

// Indented indents all lines but the first.
func Indented(text string) string { return strings.ReplaceAll(text, "\n", "\n  ") }

// Formatted fills in a text.
func Formatted(t Text, values ...any) Text {
	return Text{JA: fmt.Sprintf(t.JA, values...), EN: fmt.Sprintf(t.EN, values...)}
}

// TextKeyExposed warns about a key file that other users can read or change.
var TextKeyExposed = Text{
	JA: "注意: 鍵ファイルを、ほかの利用者も読み書きできます。\nchmod 600 で、自分だけが使えるようにしてください。",
	EN: "Warning: other users can read or change the key file.\nRestrict it to yourself with chmod 600.",
}
