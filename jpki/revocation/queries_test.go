package revocation_test

import (
	"context"
	"crypto/x509"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/jpki/revocation"
)

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
		a.AsOf = source
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
