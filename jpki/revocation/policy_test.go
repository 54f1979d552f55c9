package revocation_test

import (
	"context"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
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
		Status: revocation.Good, Method: revocation.OCSP, Source: now.Add(-10 * time.Minute),
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
		{"of the maximum age", accepted, good, func(a *revocation.Answer) { a.Source = now.Add(-time.Hour) }},
		{"of a clock that is ahead", accepted, good, func(a *revocation.Answer) { a.Source = now.Add(time.Minute) }},

		{"older than the maximum", "too old", good, func(a *revocation.Answer) { a.Source = now.Add(-time.Hour - time.Second) }},
		{"of an unknown time", "age of the source's information is not known", good, func(a *revocation.Answer) { a.Source = time.Time{} }},
		{"from the future", "from the future", good, func(a *revocation.Answer) { a.Source = now.Add(time.Minute + time.Second) }},
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
		{"revoked, by old information", rejected, revoked, func(a *revocation.Answer) { a.Source = now.AddDate(-1, 0, 0) }},
		{"revoked, by information of an unknown time", rejected, revoked, func(a *revocation.Answer) { a.Source = time.Time{} }},
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
				assert.Equal(t, []any{given.Source, given.Reference, given.Digest}, []any{answer.Source, answer.Reference, answer.Digest})
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
		a.Source = now.Add(-30 * time.Hour)
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

// A definite answer is used again for as long as it would be accepted if it came now.
func TestAnswersUsedAgain(t *testing.T) {
	certificateEnd := question(1).Certificate.NotAfter
	for _, tt := range []struct {
		name         string
		answer       func(revocation.Question) revocation.Answer
		maxAge       time.Duration
		again, asked time.Time // when the answer is used again, and when not
	}{
		{"good", good, 0, now.Add(50 * time.Minute), now.Add(50*time.Minute + time.Second)},
		{"good, with a long maximum", good, 1e6 * time.Hour, certificateEnd, time.Time{}},
		{"good, before it was known", good, 0, now.Add(-11 * time.Minute), now.Add(-11*time.Minute - time.Second)},
		{"revoked", revoked, 0, now.Add(24 * time.Hour), now.Add(24*time.Hour + time.Second)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			checker := always(tt.answer)
			policy := &revocation.Policy{Checker: checker, MaxAge: tt.maxAge}
			first, want := policy.Check(t.Context(), question(1), at(now))
			again, err := policy.Check(t.Context(), question(1), at(tt.again))
			assert.Equal(t, want, err)
			assert.Equal(t, first.Reference, again.Reference)
			assert.EqualValues(t, 1, checker.asked.Load())
			other := question(1) // another evidence of the same certificate
			other.Digest, other.Signature = question(2).Digest, []byte("other")
			_, err = policy.Check(t.Context(), other, at(tt.again))
			assert.Equal(t, want, err)
			assert.EqualValues(t, 1, checker.asked.Load())
			if !tt.asked.IsZero() {
				_, _ = policy.Check(t.Context(), question(1), at(tt.asked))
				assert.EqualValues(t, 2, checker.asked.Load())
			}
		})
	}
}

// An answer is about one certificate of one CA.
func TestAnswersOfOtherCertificatesAreNotUsed(t *testing.T) {
	checker := always(revoked)
	policy := &revocation.Policy{Checker: checker}
	_, err := policy.Check(t.Context(), question(1), at(now))
	require.ErrorIs(t, err, revocation.ErrRevoked)
	checker.check = func(_ context.Context, q revocation.Question) (revocation.Answer, error) { return good(q), nil }
	_, err = policy.Check(t.Context(), question(2), at(now))
	require.NoError(t, err)
	otherCA := question(1)
	otherCA.CACertificate = &x509.Certificate{Raw: []byte("another")}
	_, err = policy.Check(t.Context(), otherCA, at(now))
	require.NoError(t, err)
	_, err = policy.Check(t.Context(), question(1), at(now))
	require.ErrorIs(t, err, revocation.ErrRevoked)
	assert.EqualValues(t, 3, checker.asked.Load())
}

// A caller waits neither longer than the policy allows nor longer than its context, also for
// a checker that does not stop.
func TestDeadlines(t *testing.T) {
	for _, tt := range []struct {
		name             string
		timeout, context time.Duration
		stops            bool
		want             time.Duration
	}{
		{"the policy's", 3 * time.Second, time.Hour, true, 3 * time.Second},
		{"the policy's, and a checker that does not stop", 3 * time.Second, time.Hour, false, 3 * time.Second},
		{"the default", 0, time.Hour, false, revocation.DefaultTimeout},
		{"the context's", time.Minute, 2 * time.Second, true, 2 * time.Second},
		{"the context's, and a checker that does not stop", time.Minute, 2 * time.Second, false, 2 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				release, stopped := make(chan struct{}), time.Duration(0)
				start := time.Now()
				checker := &counting{check: func(ctx context.Context, q revocation.Question) (revocation.Answer, error) {
					<-ctx.Done()
					stopped = time.Since(start)
					if !tt.stops {
						<-release
					}
					return revocation.Answer{}, ctx.Err()
				}}
				policy := &revocation.Policy{Checker: checker, Timeout: tt.timeout}
				ctx, cancel := context.WithTimeout(t.Context(), tt.context)
				defer cancel()
				_, err := policy.Check(ctx, question(1), at(now))
				requireUnknown(t, err, "")
				assert.True(t, errors.Is(err, context.DeadlineExceeded), err)
				assert.Equal(t, tt.want, time.Since(start))
				synctest.Wait()
				assert.Equal(t, tt.want, stopped, "the checker's context ended")

				checker.check = func(_ context.Context, q revocation.Question) (revocation.Answer, error) { return good(q), nil }
				_, err = policy.Check(t.Context(), question(1), at(now))
				require.NoError(t, err, "a query that does not end does not stop the next one")
				close(release)
			})
		})
	}
}

// Callers at the same time share a query. It ends when the last of them leaves.
func TestCallersShareAQuery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answers, ended := make(chan revocation.Answer), false
		checker := &counting{check: func(ctx context.Context, q revocation.Question) (revocation.Answer, error) {
			select {
			case a := <-answers:
				return a, nil
			case <-ctx.Done():
				ended = true
				return revocation.Answer{}, ctx.Err()
			}
		}}
		policy := &revocation.Policy{Checker: checker}
		first, leave := context.WithCancel(t.Context())
		second, leaveToo := context.WithCancel(t.Context())
		var results []error
		ask := func(ctx context.Context) {
			_, err := policy.Check(ctx, question(1), at(now))
			results = append(results, err)
		}
		go ask(first)
		synctest.Wait()
		go ask(second)
		synctest.Wait()
		leave()
		synctest.Wait()
		require.Len(t, results, 1)
		requireUnknown(t, results[0], "canceled")
		assert.False(t, ended, "another caller waits")
		answers <- good(question(1))
		synctest.Wait()
		require.Len(t, results, 2)
		require.NoError(t, results[1])
		assert.EqualValues(t, 1, checker.asked.Load())

		policy = &revocation.Policy{Checker: checker}
		go ask(second)
		synctest.Wait()
		leaveToo()
		synctest.Wait()
		assert.True(t, ended, "nobody waits")
	})
}

// An answer that says good and comes late does not undo a revocation that was learned in the
// meantime, in either order of the two answers.
func TestContradictingAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		late := make(chan struct{})
		checker := &counting{check: func(_ context.Context, q revocation.Question) (revocation.Answer, error) {
			<-late // and does not stop
			return good(q), nil
		}}
		policy := &revocation.Policy{Checker: checker, Timeout: time.Second}
		_, err := policy.Check(t.Context(), question(1), at(now))
		requireUnknown(t, err, "no answer in time")
		synctest.Wait()
		checker.check = func(_ context.Context, q revocation.Question) (revocation.Answer, error) { return revoked(q), nil }
		_, err = policy.Check(t.Context(), question(1), at(now))
		require.ErrorIs(t, err, revocation.ErrRevoked)
		close(late)
		synctest.Wait()
		_, err = policy.Check(t.Context(), question(1), at(now))
		require.ErrorIs(t, err, revocation.ErrRevoked)
	})
	synctest.Test(t, func(t *testing.T) {
		late := make(chan struct{})
		checker := &counting{check: func(_ context.Context, q revocation.Question) (revocation.Answer, error) {
			<-late
			return revoked(q), nil
		}}
		policy := &revocation.Policy{Checker: checker, Timeout: time.Second}
		_, err := policy.Check(t.Context(), question(1), at(now))
		requireUnknown(t, err, "no answer in time")
		synctest.Wait()
		checker.check = func(_ context.Context, q revocation.Question) (revocation.Answer, error) { return good(q), nil }
		_, err = policy.Check(t.Context(), question(1), at(now))
		require.NoError(t, err)
		close(late)
		synctest.Wait()
		_, err = policy.Check(t.Context(), question(1), at(now))
		require.ErrorIs(t, err, revocation.ErrRevoked)
	})
}

// A checker that never returns can't start any number of goroutines.
func TestQueriesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		checker := &counting{check: func(context.Context, revocation.Question) (revocation.Answer, error) {
			<-release
			return revocation.Answer{}, nil
		}}
		policy := &revocation.Policy{Checker: checker, Timeout: time.Second}
		q := question(1)
		for range revocation.MaxQueries {
			_, err := policy.Check(t.Context(), q, at(now))
			requireUnknown(t, err, "no answer in time")
		}
		_, err := policy.Check(t.Context(), q, at(now))
		requireUnknown(t, err, "too many queries")
		assert.EqualValues(t, revocation.MaxQueries, checker.asked.Load())
		close(release)
		synctest.Wait()
		checker.check = func(_ context.Context, q revocation.Question) (revocation.Answer, error) { return good(q), nil }
		_, err = policy.Check(t.Context(), q, at(now))
		require.NoError(t, err)
	})
}

// Of too many answers, the one with the oldest information is dropped, after those that
// can't be used.
func TestAnswersAreBounded(t *testing.T) {
	var source time.Time
	checker := &counting{check: func(_ context.Context, q revocation.Question) (revocation.Answer, error) {
		a := good(q)
		a.Source = source
		return a, nil
	}}
	policy := &revocation.Policy{Checker: checker}
	q := question(1)
	ask := func(number int, clock time.Time) (asked bool) {
		before := checker.asked.Load()
		q.CACertificate = &x509.Certificate{Raw: []byte{byte(number), byte(number >> 8)}}
		_, err := policy.Check(t.Context(), q, at(clock))
		require.NoError(t, err)
		return checker.asked.Load() != before
	}
	for i := range revocation.MaxAnswers {
		source = now.Add(time.Duration(i) * time.Millisecond)
		if i == 7 {
			source = now.Add(-time.Minute)
		}
		require.True(t, ask(i, now))
	}
	require.Equal(t, revocation.MaxAnswers, policy.Answers())
	source = now.Add(time.Minute)
	require.True(t, ask(revocation.MaxAnswers, now))
	assert.Equal(t, revocation.MaxAnswers, policy.Answers())
	assert.False(t, ask(0, now))
	assert.False(t, ask(8, now))
	assert.True(t, ask(7, now), "the oldest was dropped")

	source = now.Add(2 * time.Hour)
	require.True(t, ask(1, now.Add(2*time.Hour)))
	assert.Equal(t, 1, policy.Answers(), "what can't be used any more is dropped")
}
