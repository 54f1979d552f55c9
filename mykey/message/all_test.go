package message_test

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/apdu"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/jpki/credential"
	"github.com/mykeykit/mykeykit/mykey/message"
	"github.com/mykeykit/mykeykit/reader"
)

// All has every code that the source declares, each once.
//
// Faults: F85.
func TestAllHasEveryCodeOnce(t *testing.T) {
	var all []message.Code
	for m := range message.All() {
		all = append(all, m.Code)
		found, ok := message.Lookup(m.Code)
		assert.True(t, ok)
		assert.Equal(t, m, found)
		assert.Nil(t, m.Remaining)
	}
	slices.Sort(all)
	assert.Equal(t, slices.Compact(slices.Clone(all)), all, "unique")
	assert.Equal(t, declaredCodes(t), all)

	_, ok := message.Lookup("NO_SUCH_CODE")
	assert.False(t, ok)
}

// declaredCodes returns the constants of type Code in this package's source.
func declaredCodes(t *testing.T) (codes []message.Code) {
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		require.NoError(t, err)
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok {
				return true
			}
			if kind, ok := spec.Type.(*ast.Ident); ok && kind.Name == "Code" {
				value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
				require.NoError(t, err)
				codes = append(codes, message.Code(value))
			}
			return true
		})
	}
	slices.Sort(codes)
	return codes
}

// The texts are every program's, and residents read them: they name no command and no
// option of this module's programs.
//
// Faults: F85.
func TestTextsNameNoCommandOrOption(t *testing.T) {
	messages := slices.Collect(message.All())
	for _, tt := range failures {
		messages = append(messages, message.For(tt.err))
	}
	for _, m := range messages {
		for _, text := range []string{m.What.JA, m.What.EN, m.Next.JA, m.Next.EN} {
			assert.NotRegexp(t, `(^|[^-])--[a-z]|card-info|\bkeygen\b|\b(cert|id|doctor) command`, text, m.Code)
		}
	}
}

// Where a failure may have used up an attempt, the texts say so, and that the attempts left
// are to be checked first.
func TestUnknownAttemptsAreSaid(t *testing.T) {
	messages := slices.Collect(message.All())
	for _, tt := range failures {
		messages = append(messages, message.For(tt.err))
	}
	messages = append(messages, message.For(apdu.Status(0x63C2)), message.For(apdu.StatusAuthenticationBlocked))
	for _, m := range messages {
		if m.Attempt != message.AttemptUnknown || m.Remaining != nil {
			continue
		}
		requireWhole(t, m)
		assert.Contains(t, m.What.JA, "残りの回数が減ったかどうかは、わかりません。", m.Code)
		assert.Contains(t, m.Next.JA, "残りの回数を確かめてから", m.Code)
		assert.Regexp(t, "attempt was used is not known", m.What.EN, m.Code)
		assert.Contains(t, m.Next.EN, "check the attempts left before you try again", m.Code)
	}
}

// Group and attempt of the failures for which they are easily wrong.
func TestGroupAndAttempt(t *testing.T) {
	sent := func(e credential.Error) error { e.Cause = apdu.Status(0x63C0); return &e }
	wrong, lost := credential.ErrWrong, credential.ErrOutcomeUnknown
	for _, kind := range []credential.Kind{credential.AuthPIN, credential.SignaturePassword} {
		left := func(n int) credential.Counter { return credential.Counter{Remaining: n, Max: 5} }
		for _, tt := range []struct {
			err     error
			group   message.Group
			attempt message.Attempt
		}{
			{sent(credential.Error{Kind: kind, Reason: wrong, Remaining: 2, Known: true}), message.Holder, message.AttemptUsed},
			{sent(credential.Error{Kind: kind, Reason: wrong}), message.Holder, message.AttemptUsed},
			{sent(credential.Error{Kind: kind, Reason: wrong, Known: true}), message.Clerk, message.AttemptUsed},
			{sent(credential.Error{Kind: kind, Reason: credential.ErrLocked}), message.Clerk, message.AttemptUsed},
			{sent(credential.Error{Kind: kind, Reason: credential.ErrLocked, Known: true}), message.Clerk, message.AttemptUsed},
			{sent(credential.Error{Kind: kind, Reason: lost, Known: true}), message.Clerk, message.AttemptUsed},
			{sent(credential.Error{Kind: kind, Reason: lost, Remaining: 2, Known: true}), message.Holder, message.AttemptUnknown},
			{sent(credential.Error{Kind: kind, Reason: lost}), message.Holder, message.AttemptUnknown},
			{kind.NotSent(credential.ErrLocked, left(0)), message.Clerk, message.AttemptNotUsed},
			{kind.NotSent(credential.ErrLastAttempt, left(1)), message.Holder, message.AttemptNotUsed},
			{kind.NotSent(credential.ErrAttemptsChanged, left(2)), message.Holder, message.AttemptNotUsed},
			{kind.NotSent(credential.ErrOtherCard, left(2)), message.Holder, message.AttemptNotUsed},
		} {
			m := message.For(tt.err)
			assert.Equal(t, tt.group, m.Group, tt.err)
			assert.Equal(t, tt.attempt, m.Attempt, tt.err)
			requireWhole(t, m)
		}
	}
	for _, tt := range []struct {
		err     error
		group   message.Group
		attempt message.Attempt
	}{
		{nil, message.Operator, message.AttemptUnknown},
		{errors.New("another program's"), message.Operator, message.AttemptUnknown},
		{credential.ErrLocked, message.Clerk, message.AttemptNotUsed},
		{credential.ErrWrong, message.Holder, message.AttemptUsed},
		{credential.ErrOutcomeUnknown, message.Holder, message.AttemptUnknown},
		{reader.ErrRemoved, message.Holder, message.AttemptNone},
		{reader.ErrDenied, message.Operator, message.AttemptNone},
		{jpki.ErrNoPossession, message.Clerk, message.AttemptNotUsed},
		{jpki.ErrStillUnlocked, message.Holder, message.AttemptNotUsed},
		{fmt.Errorf("%w: %w", jpki.ErrStillUnlocked, reader.ErrRemoved), message.Holder, message.AttemptNotUsed},
		{apdu.StatusFileNotFound, message.Holder, message.AttemptNone},
		{apdu.Status(0x63C2), message.Holder, message.AttemptUnknown},
		{apdu.StatusVerificationFailedUncounted, message.Holder, message.AttemptUnknown},
		{apdu.StatusAuthenticationBlocked, message.Holder, message.AttemptUnknown},
		{apdu.StatusReferenceDataUnusable, message.Holder, message.AttemptUnknown},
		{apdu.ErrCommand, message.Programmer, message.AttemptNone},
	} {
		m := message.For(tt.err)
		assert.Equal(t, tt.group, m.Group, tt.err)
		assert.Equal(t, tt.attempt, m.Attempt, tt.err)
	}
}
