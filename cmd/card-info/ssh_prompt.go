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

// cardKey is the card's key in ssh-agent. It reports each signature that was made without
// asking for the PIN.
type cardKey struct {
	*jpki.Signer
	program *program
}

func (k cardKey) SignContext(ctx context.Context, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	var asked bool
	signature, err := k.Signer.SignContext(context.WithValue(ctx, askedKey{}, &asked), digest, opts)
	if err == nil && !asked {
		k.program.Warn(codeSSHSigned, joinLines(textSSHSigned, describeRequest(sshagent.RequestOf(ctx))))
	}
	return signature, err
}

// askedKey is the context key of a *bool that records whether the PIN was asked for.
type askedKey struct{}

func markAsked(ctx context.Context) {
	if asked, ok := ctx.Value(askedKey{}).(*bool); ok {
		*asked = true
	}
}

// promptForSSH describes a client's request and the client, for the PIN prompt.
func promptForSSH(request sshagent.Request) Text {
	return joinLines(textSSHRequest()[request.Kind], describeRequest(request), textSSHUnexpected)
}

// joinLines joins texts by line feeds.
func joinLines(t Text, more ...Text) Text {
	for _, m := range more {
		t.JA += "\n" + m.JA
		t.EN += "\n" + m.EN
	}
	return t
}

// describeRequest returns one line for each known detail of a request.
func describeRequest(request sshagent.Request) Text {
	process := textSSHUnknown
	if n := request.Process.PID; n > 0 {
		process = fillText(textSSHProcess, n, textSSHUnknown)
		if name := request.Process.Executable; name != "" {
			process = fillText(textSSHProcess, n, sameText(shorten(name)))
		}
	}
	from := fillText(textSSHClient, process)
	switch request.Kind {
	case sshagent.Login:
		return joinLines(fillText(textSSHUser, sameText(shorten(request.User))), from)
	case sshagent.Signature:
		return joinLines(fillText(textSSHNamespace, sameText(shorten(request.Namespace))), from)
	}
	return from
}

// sameText returns a text that is the same in both languages.
func sameText(s string) Text { return Text{JA: s, EN: s} }

// fillText formats a text in both languages. Values of type Text are used in the
// respective language.
func fillText(format Text, values ...any) Text {
	in := func(l message.Language) []any {
		var list []any
		for _, v := range values {
			if t, ok := v.(Text); ok {
				v = t.In(l)
			}
			list = append(list, v)
		}
		return list
	}
	return Text{JA: fmt.Sprintf(format.JA, in(message.Japanese)...), EN: fmt.Sprintf(format.EN, in(message.English)...)}
}

// maxClientColumns is the width of a client's string that fits into a line of 80 columns.
const maxClientColumns = 44

// shorten makes a client's string safe to show in one line of a prompt: it replaces
// control characters, invisible characters and combining marks, and cuts the middle out
// of a long string.
func shorten(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsMark(r) || unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r) || r == brailleBlank {
			return '?'
		}
		return r
	}, termtext.Printable(norm.NFC.String(s)))
	if termtext.Columns(s) <= maxClientColumns {
		return s
	}
	const gap = "..."
	const half = (maxClientColumns - len(gap)) / 2
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

// brailleBlank counts as printable but is blank.
const brailleBlank = '\u2800'
