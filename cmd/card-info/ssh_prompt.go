package main

import (
	"context"
	"crypto"
	"fmt"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"github.com/mykeykit/mykeykit/internal/sshagent"
	"github.com/mykeykit/mykeykit/internal/termtext"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/mykey/message"
)

const codeSSHSigned message.Code = "SSH_SIGNED"

// cardKey is the card's key, as ssh-agent uses it: a signature for which nobody was
// asked for the PIN is announced.
type cardKey struct {
	*jpki.Signer
	program *program
}

func (k cardKey) SignContext(ctx context.Context, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	var asked bool
	signature, err := k.Signer.SignContext(context.WithValue(ctx, askedKey{}, &asked), digest, opts)
	if err == nil && !asked {
		k.program.Warn(codeSSHSigned, with(textSSHSigned, aboutRequest(sshagent.RequestOf(ctx))))
	}
	return signature, err
}

// askedKey is of a context for a signature that keeps whether the PIN was asked for, a
// *bool.
type askedKey struct{}

func noteAsked(ctx context.Context) {
	if asked, ok := ctx.Value(askedKey{}).(*bool); ok {
		*asked = true
	}
}

// promptForSSH says what a client wants, and which one it is.
func promptForSSH(request sshagent.Request) Text {
	return with(textSSHWants()[request.Kind], aboutRequest(request), textSSHNotYou)
}

func with(t Text, more ...Text) Text {
	for _, m := range more {
		t.JA += "\n" + m.JA
		t.EN += "\n" + m.EN
	}
	return t
}

// aboutRequest is a line for each thing that is known of a request.
func aboutRequest(request sshagent.Request) Text {
	process := textSSHUnknown
	if n := request.Process.PID; n > 0 {
		process = filled(textSSHProcess, n, textSSHUnknown)
		if name := request.Process.Executable; name != "" {
			process = filled(textSSHProcess, n, same(brief(name)))
		}
	}
	from := filled(textSSHAskedBy, process)
	switch request.Kind {
	case sshagent.Login:
		return with(filled(textSSHUser, same(brief(request.User))), from)
	case sshagent.Signature:
		return with(filled(textSSHNamespace, same(brief(request.Namespace))), from)
	}
	return from
}

func same(s string) Text { return Text{JA: s, EN: s} }

// filled is a format with values; those that are a Text are said in its language.
func filled(format Text, values ...any) Text {
	in := func(l message.Language) []any {
		var said []any
		for _, v := range values {
			if t, ok := v.(Text); ok {
				v = t.In(l)
			}
			said = append(said, v)
		}
		return said
	}
	return Text{JA: fmt.Sprintf(format.JA, in(message.Japanese)...), EN: fmt.Sprintf(format.EN, in(message.English)...)}
}

// briefColumns is how much of what a client says has room in a line of 80 columns.
const briefColumns = 44

// brief is a client's word for a line of its own at a prompt: with nothing that a
// terminal acts upon or does not show, no marks stacked on a letter, and what is too
// long cut in its middle.
func brief(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsMark(r) || unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r) || r == brailleBlank {
			return '?'
		}
		return r
	}, termtext.Printable(norm.NFC.String(s)))
	if termtext.Columns(s) <= briefColumns {
		return s
	}
	const gap = "..."
	const half = (briefColumns - len(gap)) / 2
	runes := []rune(s)
	start, end := 0, len(runes)
	for termtext.Columns(string(runes[:start+1])) <= half {
		start++
	}
	for termtext.Columns(string(runes[end-1:])) <= half {
		end--
	}
	return string(runes[:start]) + gap + string(runes[end:])
}

// brailleBlank is printable, and shows nothing.
const brailleBlank = '\u2800'
