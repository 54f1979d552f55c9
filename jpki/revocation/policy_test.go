package revocation_test

import (
	"context"
	"crypto"
	"crypto/sha256"
	"errors"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/prooftest"
	"github.com/mykeykit/mykeykit/jpki/revocation"
)

var now = time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)

func at(t time.Time) func() time.Time { return func() time.Time { return t } }

// question is about the card with a number. Its certificate is valid for two years.
func question(number int) revocation.Question {
	card := prooftest.Card{Kind: "revocation", Number: number, NotAfter: now.AddDate(2, 0, 0), Name: "SYNTHETIC HOLDER"}
	digest := sha256.Sum256([]byte{byte(number)})
	return revocation.Question{Certificate: card.Certificate(), CACertificate: prooftest.CA(), Hash: crypto.SHA256, Digest: digest[:], Signature: []byte("signature")}
}

func good(q revocation.Question) revocation.Answer {
	return revocation.Answer{
		Status: revocation.Good, Method: revocation.OCSP, AsOf: now.Add(-10 * time.Minute),
		Subject: revocation.NewSubject("platform", "user-1"), Reference: "query-1", Digest: q.Digest,
	}
}

func revoked(q revocation.Question) revocation.Answer {
	a := good(q)
	a.Status, a.RevokedAt, a.Reason = revocation.Revoked, now.AddDate(0, 0, -3), revocation.KeyCompromise
	return a
}

// counting counts how often a checker is asked.
type counting struct {
	asked atomic.Int32
	check revocation.CheckerFunc
}

func (c *counting) Check(ctx context.Context, q revocation.Question) (revocation.Answer, error) {
	c.asked.Add(1)
	return c.check(ctx, q)
}

func always(answer func(revocation.Question) revocation.Answer) *counting {
	return &counting{check: func(_ context.Context, q revocation.Question) (revocation.Answer, error) { return answer(q), nil }}
}

func TestAnswers(t *testing.T) {
	accepted, rejected := "", "certificate is revoked"
	for _, tt := range []struct {
		name, want string
		answer     func(revocation.Question) revocation.Answer
		change     func(*revocation.Answer)
	}{
		{"good", accepted, good, func(*revocation.Answer) {}},
		{"good without a subject or a reference", accepted, good, func(a *revocation.Answer) { a.Subject, a.Reference = revocation.Subject{}, "" }},
		{"of the maximum age", accepted, good, func(a *revocation.Answer) { a.AsOf = now.Add(-time.Hour) }},
		{"of a clock that is ahead", accepted, good, func(a *revocation.Answer) { a.AsOf = now.Add(time.Minute) }},

		{"older than the maximum", "too old", good, func(a *revocation.Answer) { a.AsOf = now.Add(-time.Hour - time.Second) }},
		{"of an unknown time", "age of the source's information is not known", good, func(a *revocation.Answer) { a.AsOf = time.Time{} }},
		{"from the future", "from the future", good, func(a *revocation.Answer) { a.AsOf = now.Add(time.Minute + time.Second) }},
		{"the zero answer", "does not know", good, func(a *revocation.Answer) { *a = revocation.Answer{} }},
		{"unknown", "does not know", good, func(a *revocation.Answer) { a.Status = revocation.Unknown }},
		{"another status", "does not know", good, func(a *revocation.Answer) { a.Status = 3 }},
		{"the largest status", "does not know", good, func(a *revocation.Answer) { a.Status = 255 }},
		{"about another digest", "another question", good, func(a *revocation.Answer) { a.Digest = question(2).Digest }},
		{"about no digest", "another question", good, func(a *revocation.Answer) { a.Digest = nil }},
		{"good, and revoked at a time", "contradicts", good, func(a *revocation.Answer) { a.RevokedAt = now }},
		{"good, and revoked for a reason", "contradicts", good, func(a *revocation.Answer) { a.Reason = revocation.Superseded }},
		{"without a method", "no valid method", good, func(a *revocation.Answer) { a.Method = "" }},
		{"with a method in capitals", "no valid method", good, func(a *revocation.Answer) { a.Method = "OCSP" }},
		{"with a control character in the method", "no valid method", good, func(a *revocation.Answer) { a.Method = "ocsp\n" }},
		{"with a long method", "no valid method", good, func(a *revocation.Answer) { a.Method = revocation.Method(strings.Repeat("a", 33)) }},
		{"with a control character in the reference", "invalid text", good, func(a *revocation.Answer) { a.Reference = "a\x1b[2J" }},
		{"with a long reference", "invalid text", good, func(a *revocation.Answer) { a.Reference = strings.Repeat("a", 256) }},
		{"with a long subject", "invalid text", good, func(a *revocation.Answer) { a.Subject = revocation.NewSubject("p", strings.Repeat("a", 256)) }},
		{"with a subject of other bytes", "invalid text", good, func(a *revocation.Answer) { a.Subject = revocation.NewSubject("p", "\xff") }},

		{"revoked", rejected, revoked, func(*revocation.Answer) {}},
		{"revoked, by old information", rejected, revoked, func(a *revocation.Answer) { a.AsOf = now.AddDate(-1, 0, 0) }},
		{"revoked, by information of an unknown time", rejected, revoked, func(a *revocation.Answer) { a.AsOf = time.Time{} }},
		{"revoked, without time and reason", rejected, revoked, func(a *revocation.Answer) { a.RevokedAt, a.Reason = time.Time{}, "" }},
		{"revoked from tomorrow", rejected, revoked, func(a *revocation.Answer) { a.RevokedAt = now.AddDate(0, 0, 1) }},
		{"revoked, about another digest", "another question", revoked, func(a *revocation.Answer) { a.Digest = question(2).Digest }},
		{"revoked, with an invalid reason", "invalid reason", revoked, func(a *revocation.Answer) { a.Reason = "She died." }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			q := question(1)
			given := tt.answer(q)
			tt.change(&given)
			policy := &revocation.Policy{Checker: always(func(revocation.Question) revocation.Answer { return given })}
			answer, err := policy.Check(t.Context(), q, at(now))
			switch tt.want {
			case accepted:
				require.NoError(t, err)
				given.Digest = nil
				assert.Equal(t, given.String(), answer.String())
				assert.Equal(t, []any{given.AsOf, given.Reference, given.Digest}, []any{answer.AsOf, answer.Reference, answer.Digest})
				_, identifier := answer.Subject.Reveal()
				_, want := given.Subject.Reveal()
				assert.Equal(t, want, identifier)
				return
			case rejected:
				require.ErrorIs(t, err, revocation.ErrRevoked)
				require.NotErrorIs(t, err, revocation.ErrUnknown)
				var reported *revocation.RevokedError
				require.ErrorAs(t, err, &reported)
				assert.Equal(t, revocation.RevokedError{Time: given.RevokedAt, Reason: given.Reason}, *reported)
				assert.EqualError(t, err, rejected)
			default:
				requireUnknown(t, err, tt.want)
			}
			assert.Equal(t, revocation.Unknown, answer.Status)
		})
	}
}

func requireUnknown(t testing.TB, err error, cause string) {
	t.Helper()
	require.ErrorIs(t, err, revocation.ErrUnknown)
	require.NotErrorIs(t, err, revocation.ErrRevoked)
	require.ErrorContains(t, err, cause)
}

// A list that is made daily needs another maximum.
func TestMaxAge(t *testing.T) {
	q := question(1)
	old := func(q revocation.Question) revocation.Answer {
		a := good(q)
		a.AsOf = now.Add(-30 * time.Hour)
		return a
	}
	_, err := (&revocation.Policy{Checker: always(old), MaxAge: 36 * time.Hour}).Check(t.Context(), q, at(now))
	require.NoError(t, err)
	_, err = (&revocation.Policy{Checker: always(good), MaxAge: time.Minute}).Check(t.Context(), q, at(now))
	requireUnknown(t, err, "too old")
}

// Whatever a checker does, and whatever is missing, no certificate passes as good.
func TestCheckersThatFail(t *testing.T) {
	broken := errors.New("status 500")
	for name, tt := range map[string]struct {
		cause string
		is    error
		check revocation.CheckerFunc
	}{
		"an error": {"status 500", broken, func(context.Context, revocation.Question) (revocation.Answer, error) {
			return revocation.Answer{}, broken
		}},
		"an error with a good answer": {"status 500", broken, func(_ context.Context, q revocation.Question) (revocation.Answer, error) { return good(q), broken }},
		"a panic": {"panicked with string", nil, func(_ context.Context, q revocation.Question) (revocation.Answer, error) {
			panic(q.Certificate.Subject.CommonName)
		}},
		"a panic with nil": {"panicked", nil, func(context.Context, revocation.Question) (revocation.Answer, error) { panic(error(nil)) }},
		"a panic of Go's": {"index out of range", nil, func(_ context.Context, q revocation.Question) (revocation.Answer, error) {
			return good(q), []error{}[len(q.Digest)]
		}},
		"the end of its goroutine": {"did not return", nil, func(context.Context, revocation.Question) (revocation.Answer, error) {
			runtime.Goexit()
			panic("not reached")
		}},
	} {
		t.Run(name, func(t *testing.T) {
			checker := &counting{check: tt.check}
			policy := &revocation.Policy{Checker: checker}
			for asked := range 2 {
				_, err := policy.Check(t.Context(), question(1), at(now))
				requireUnknown(t, err, tt.cause)
				if tt.is != nil {
					require.ErrorIs(t, err, tt.is)
				}
				assert.NotContains(t, err.Error(), "SYNTHETIC")
				assert.EqualValues(t, asked+1, checker.asked.Load(), "a failure is not kept")
			}
		})
	}
}

func TestNotAsked(t *testing.T) {
	for name, tt := range map[string]struct {
		cause  string
		change func(*revocation.Policy, *revocation.Question) (now time.Time)
	}{
		"no checker":        {"no checker", func(p *revocation.Policy, _ *revocation.Question) time.Time { p.Checker = nil; return now }},
		"no certificate":    {"issuing CA", func(_ *revocation.Policy, q *revocation.Question) time.Time { q.Certificate = nil; return now }},
		"an unknown issuer": {"issuing CA", func(_ *revocation.Policy, q *revocation.Question) time.Time { q.CACertificate = nil; return now }},
		"a certificate expired": {"expired", func(_ *revocation.Policy, q *revocation.Question) time.Time {
			return q.Certificate.NotAfter.Add(time.Second)
		}},
	} {
		checker, q := always(good), question(1)
		policy := &revocation.Policy{Checker: checker}
		_, err := policy.Check(t.Context(), q, at(tt.change(policy, &q)))
		requireUnknown(t, err, tt.cause)
		assert.Zero(t, checker.asked.Load(), name)
	}
	synctest.Test(t, func(t *testing.T) {
		checker := always(good)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := (&revocation.Policy{Checker: checker}).Check(ctx, question(1), at(now))
		requireUnknown(t, err, "canceled")
		require.ErrorIs(t, err, context.Canceled)
		synctest.Wait()
		assert.Zero(t, checker.asked.Load())
	})
}
