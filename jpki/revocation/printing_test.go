package revocation_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/jpki/revocation"
)

// Nothing that is printed or encoded has personal data, also as a part of another value.
func TestNothingPersonalIsPrinted(t *testing.T) {
	q := question(1)
	q.Signature = []byte("SIGNATURE-BYTES")
	a := revoked(q)
	a.Subject, a.Reference = revocation.NewSubject("PLATFORM", "SUBJECT-IDENTIFIER"), "QUERY-REFERENCE"
	whole := struct {
		Q    revocation.Question
		A    revocation.Answer
		S    revocation.Subject
		L    []revocation.Answer
		P    *revocation.Answer
		sub  revocation.Subject
		Each map[string]revocation.Subject
	}{q, a, a.Subject, []revocation.Answer{a}, &a, a.Subject, map[string]revocation.Subject{"a": a.Subject}}
	var printed bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
		for _, value := range []any{q, &q, a, &a, a.Subject, &a.Subject, whole, &whole} {
			fmt.Fprintf(&printed, verb+"\n", value)
		}
	}
	encoded, err := json.Marshal(whole)
	require.NoError(t, err)
	printed.Write(encoded)
	slog.New(slog.NewJSONHandler(&printed, nil)).Info("message", "q", q, "a", a, "s", a.Subject, "whole", whole)
	slog.New(slog.NewTextHandler(&printed, nil)).Info("message", "q", q, "a", a, "s", a.Subject, "whole", whole)
	for _, secret := range []string{"PLATFORM", "SUBJECT-IDENTIFIER", "QUERY-REFERENCE", "SIGNATURE-BYTES", "SYNTHETIC HOLDER", "key-compromise", "2026-10-30", "2028"} {
		for _, form := range []string{secret, fmt.Sprintf("%x", secret), fmt.Sprintf("%X", secret), fmt.Sprint([]byte(secret))} {
			assert.NotContains(t, printed.String(), form)
		}
	}
	assert.Equal(t, "revoked by ocsp of 2026-11-02T08:50:00Z", a.String())
	assert.Equal(t, "unknown", revocation.Answer{Subject: a.Subject}.String())
	assert.Equal(t, "[hidden]", a.Subject.String())
}

func TestSubject(t *testing.T) {
	for _, unknown := range []revocation.Subject{{}, revocation.NewSubject("", ""), revocation.NewSubject("p", ""), revocation.NewSubject("", "i")} {
		assert.False(t, unknown.Known())
		platform, identifier := unknown.Reveal()
		assert.Empty(t, platform+identifier)
	}
	s := revocation.NewSubject("p", "i")
	assert.True(t, s.Known())
	platform, identifier := s.Reveal()
	assert.Equal(t, []string{"p", "i"}, []string{platform, identifier})
}

// The zero values claim nothing, and every value has a name.
func TestStatus(t *testing.T) {
	var zero revocation.Answer
	assert.Equal(t, revocation.Unknown, zero.Status)
	for status, want := range map[revocation.Status]string{revocation.Unknown: "unknown", revocation.Good: "good", revocation.Revoked: "revoked", 3: "unknown"} {
		assert.Equal(t, want, status.String())
	}
	assert.False(t, errors.Is(revocation.ErrRevoked, revocation.ErrUnknown))
}
