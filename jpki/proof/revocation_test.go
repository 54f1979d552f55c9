package proof_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/prooftest"
	"github.com/mykeykit/mykeykit/internal/revocationtest"
	"github.com/mykeykit/mykeykit/jpki/proof"
	"github.com/mykeykit/mykeykit/jpki/revocation"
	"github.com/mykeykit/mykeykit/jpki/trust"
)

// platformVerifier is a verifier that asks a simulated platform about revocation.
type platformVerifier struct {
	*proof.Verifier
	platform *revocationtest.Platform
	time     time.Time
	card     prooftest.Card

	mu   sync.Mutex
	used map[proof.Challenge]bool
}

func newPlatformVerifier(t *testing.T) *platformVerifier {
	s := &platformVerifier{time: time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC), used: map[proof.Challenge]bool{}}
	s.card = prooftest.Card{Kind: "revocation", NotAfter: s.time.AddDate(2, 0, 0), Name: "SYNTHETIC HOLDER"}
	s.platform = revocationtest.NewPlatform(func() time.Time { return s.time })
	s.platform.Set(s.card.Certificate(), revocationtest.Record{User: "user-1"})
	server := httptest.NewServer(s.platform)
	t.Cleanup(server.Close)
	s.Verifier = prooftest.Verifier(s.time)
	s.Now = func() time.Time { return s.time }
	s.CheckUnused = func(_ context.Context, c proof.Challenge) error {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.used[c] {
			return proof.ErrUsed
		}
		return nil
	}
	s.Once = func(ctx context.Context, c proof.Challenge) error {
		err := s.CheckUnused(ctx, c)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.used[c] = true
		return err
	}
	s.Revocation = &revocation.Policy{Checker: &revocationtest.Client{URL: server.URL, HTTP: server.Client(), Name: "simulated platform"}}
	return s
}

// evidence returns the card's answer to a new challenge.
func (s *platformVerifier) evidence(t *testing.T) proof.Evidence {
	c, err := proof.NewChallenge(s.Audience, s.Purpose, s.time, rand.Reader)
	require.NoError(t, err)
	return s.card.Answer(c)
}

// A holder says what was asked about revocation, and no more than that.
func TestHoldersRevocation(t *testing.T) {
	s := newPlatformVerifier(t)
	holder, err := s.Verify(t.Context(), s.evidence(t))
	require.NoError(t, err)
	answer := holder.Revocation()
	assert.Equal(t, revocation.Good, answer.Status)
	assert.Equal(t, revocation.OCSP, answer.Method)
	assert.Equal(t, s.time, answer.AsOf)
	assert.Equal(t, "verification-1", answer.Reference)
	platform, user := answer.Subject.Reveal()
	assert.Equal(t, []string{"simulated platform", "user-1"}, []string{platform, user})
	assert.Equal(t, "[holder: certificate valid, issuer caller, revocation good by ocsp of 2026-11-02T09:00:00Z]", holder.String())

	s.Revocation = nil
	holder, err = s.Verify(t.Context(), s.evidence(t))
	require.NoError(t, err)
	assert.Equal(t, revocation.Unknown, holder.Revocation().Status)
	assert.False(t, holder.Revocation().Subject.Known())
	assert.Contains(t, holder.String(), "revocation not checked]")
	assert.Equal(t, 1, s.platform.Requests())
	assert.Equal(t, revocation.Unknown, (*proof.Holder)(nil).Revocation().Status)
	assert.Equal(t, revocation.Unknown, new(proof.Holder).Revocation().Status)
}

// The checker gets the parts of one evidence, and can't change the evidence.
func TestRevocationQuestion(t *testing.T) {
	s := newPlatformVerifier(t)
	e := s.evidence(t)
	signature := bytes.Clone(e.Signature)
	var asked revocation.Question
	s.Revocation = &revocation.Policy{Checker: revocation.CheckerFunc(func(_ context.Context, q revocation.Question) (revocation.Answer, error) {
		asked = q
		clear(q.Signature)
		return revocation.Answer{}, errors.New("no answer")
	})}
	_, err := s.Verify(t.Context(), e)
	require.ErrorIs(t, err, revocation.ErrUnknown)
	h := asked.Hash.New()
	h.Write(e.Challenge.Message())
	assert.Equal(t, h.Sum(nil), asked.Digest)
	assert.Equal(t, e.Certificate, asked.Certificate.Raw)
	assert.Equal(t, prooftest.CA().Raw, asked.CACertificate.Raw, "the CA that the verifier trusts")
	assert.Equal(t, signature, e.Signature)
}

// A revoked certificate is rejected with the time and the reason. The platform is not asked
// again for the same card.
func TestRevokedCertificate(t *testing.T) {
	s := newPlatformVerifier(t)
	at := s.time.AddDate(0, 0, -3)
	s.platform.Set(s.card.Certificate(), revocationtest.Record{User: "user-1", RevokedAt: at, Reason: "CRL_REASON_KEY_COMPROMISE"})
	for range 3 {
		holder, err := s.Verify(t.Context(), s.evidence(t))
		var revoked *revocation.RevokedError
		require.ErrorAs(t, err, &revoked)
		require.ErrorIs(t, err, revocation.ErrRevoked)
		assert.Equal(t, revocation.RevokedError{Time: at, Reason: revocation.KeyCompromise}, *revoked)
		assert.Nil(t, holder)
	}
	assert.Equal(t, 1, s.platform.Requests())
	assert.Empty(t, s.used)
}

// Each fault of a platform is rejected as unknown. It leaves the challenge unused, so that the
// same evidence is accepted once the platform has recovered. What the platform sent is not in
// the error.
func TestFaultsOfAPlatform(t *testing.T) {
	for _, fault := range revocationtest.Faults {
		t.Run(string(fault), func(t *testing.T) {
			s := newPlatformVerifier(t)
			e := s.evidence(t)
			s.platform.Fail(fault)
			if fault == revocationtest.Slow {
				s.Revocation.Timeout = 50 * time.Millisecond
			}
			holder, err := s.Verify(t.Context(), e)
			require.ErrorIs(t, err, revocation.ErrUnknown)
			require.NotErrorIs(t, err, revocation.ErrRevoked)
			assert.Nil(t, holder)
			assert.NotContains(t, err.Error(), "user-1")
			assert.NotContains(t, err.Error(), "SYNTHETIC")
			assert.Equal(t, 1, s.platform.Requests(), "not asked twice for one evidence, nor at another address")

			s.platform.Fail(revocationtest.None)
			s.Revocation.Timeout = 0
			holder, err = s.Verify(t.Context(), e)
			require.NoError(t, err)
			assert.Equal(t, revocation.Good, holder.Revocation().Status)
		})
	}
}

// A certificate that the platform does not know is not good.
func TestCertificateThatAPlatformDoesNotKnow(t *testing.T) {
	s := newPlatformVerifier(t)
	s.card.Number = 7
	_, err := s.Verify(t.Context(), s.evidence(t))
	require.ErrorIs(t, err, revocation.ErrUnknown)
}

// No platform is asked about evidence that is rejected for another reason, replays among it.
func TestRejectedEvidenceCausesNoQuery(t *testing.T) {
	for name, tt := range map[string]struct {
		want   error
		change func(s *platformVerifier, e *proof.Evidence)
	}{
		"another audience": {proof.ErrAudience, func(_ *platformVerifier, e *proof.Evidence) { e.Challenge.Audience = "https://other.example.jp" }},
		"too old":          {proof.ErrAge, func(s *platformVerifier, _ *proof.Evidence) { s.time = s.time.Add(time.Hour) }},
		"no signature":     {proof.ErrSignature, func(_ *platformVerifier, e *proof.Evidence) { clear(e.Signature) }},
		"unknown issuer":   {trust.ErrUnknownIssuer, func(s *platformVerifier, _ *proof.Evidence) { s.Trust = trust.Policy{} }},
		"expired": {trust.ErrExpired, func(s *platformVerifier, e *proof.Evidence) {
			s.card.NotAfter = s.time.Add(-time.Second)
			*e = s.card.Answer(e.Challenge)
		}},
		"expired, which is allowed": {revocation.ErrUnknown, func(s *platformVerifier, e *proof.Evidence) {
			s.AllowExpired, s.card.NotAfter = true, s.time.Add(-time.Second)
			*e = s.card.Answer(e.Challenge)
		}},
		"unknown issuer, which is allowed": {revocation.ErrUnknown, func(s *platformVerifier, _ *proof.Evidence) { s.Trust, s.AllowUnknownIssuer = trust.Policy{}, true }},
		"replayed":                         {proof.ErrUsed, func(s *platformVerifier, e *proof.Evidence) { s.used[e.Challenge] = true }},
		"no record":                        {proof.ErrUsed, func(s *platformVerifier, _ *proof.Evidence) { s.Once = nil }},
		"no record to ask first":           {proof.ErrUsed, func(s *platformVerifier, _ *proof.Evidence) { s.CheckUnused = nil }},
		"the record fails":                 {context.DeadlineExceeded, func(s *platformVerifier, _ *proof.Evidence) { s.CheckUnused = failing(context.DeadlineExceeded) }},
		"no checker":                       {revocation.ErrUnknown, func(s *platformVerifier, _ *proof.Evidence) { s.Revocation = new(revocation.Policy) }},
	} {
		t.Run(name, func(t *testing.T) {
			s := newPlatformVerifier(t)
			e := s.evidence(t)
			tt.change(s, &e)
			holder, err := s.Verify(t.Context(), e)
			require.ErrorIs(t, err, tt.want)
			assert.Nil(t, holder)
			assert.Zero(t, s.platform.Requests())
		})
	}
}

func failing(err error) func(context.Context, proof.Challenge) error {
	return func(context.Context, proof.Challenge) error { return fmt.Errorf("record: %w", err) }
}

// Once decides last: evidence that was used while the platform was asked is rejected.
func TestUsedDuringTheQuery(t *testing.T) {
	s := newPlatformVerifier(t)
	e := s.evidence(t)
	ask := s.Revocation.Checker
	s.Revocation.Checker = revocation.CheckerFunc(func(ctx context.Context, q revocation.Question) (revocation.Answer, error) {
		require.NoError(t, s.Once(ctx, e.Challenge))
		return ask.Check(ctx, q)
	})
	_, err := s.Verify(t.Context(), e)
	require.ErrorIs(t, err, proof.ErrUsed)
}

// Evidence that got too old while the platform was asked is rejected, because the record of its
// use may be forgotten.
func TestTooOldAfterTheQuery(t *testing.T) {
	s := newPlatformVerifier(t)
	e := s.evidence(t)
	ask := s.Revocation.Checker
	s.Revocation.Checker = revocation.CheckerFunc(func(ctx context.Context, q revocation.Question) (revocation.Answer, error) {
		s.time = s.time.Add(proof.DefaultMaxAge + time.Second)
		return ask.Check(ctx, q)
	})
	_, err := s.Verify(t.Context(), e)
	require.ErrorIs(t, err, proof.ErrAge)
	assert.Empty(t, s.used)
}

// A server whose record accepts the same evidence again during a visit asks the platform once.
func TestVisitWithSeveralRequests(t *testing.T) {
	s := newPlatformVerifier(t)
	e := s.evidence(t)
	same := func(context.Context, proof.Challenge) error { return nil }
	s.CheckUnused, s.Once = same, same
	for range 5 {
		holder, err := s.Verify(t.Context(), e)
		require.NoError(t, err)
		assert.Equal(t, "verification-1", holder.Revocation().Reference)
	}
	assert.Equal(t, 1, s.platform.Requests())
}

// A holder's certificates have the same subject before and after a renewal, and other holders'
// have another.
func TestSubjectOutlivesARenewal(t *testing.T) {
	s := newPlatformVerifier(t)
	subject := func(number int, user string) [2]string {
		s.card.Number = number
		s.platform.Set(s.card.Certificate(), revocationtest.Record{User: user})
		holder, err := s.Verify(t.Context(), s.evidence(t))
		require.NoError(t, err)
		platform, identifier := holder.Revocation().Subject.Reveal()
		return [2]string{platform, identifier}
	}
	old := subject(1, "user-1")
	assert.Equal(t, old, subject(2, "user-1"))
	assert.NotEqual(t, old, subject(3, "user-3"))
}

// A platform's answers to concurrent requests are not exchanged.
func TestConcurrentQueries(t *testing.T) {
	s := newPlatformVerifier(t)
	var all sync.WaitGroup
	for number := range 20 {
		card := s.card
		card.Number = number
		record := revocationtest.Record{User: fmt.Sprint("user-", number)}
		if number%3 == 0 {
			record.RevokedAt = s.time
		}
		s.platform.Set(card.Certificate(), record)
		c, err := proof.NewChallenge(s.Audience, s.Purpose, s.time, rand.Reader)
		require.NoError(t, err)
		all.Go(func() {
			holder, err := s.Verify(t.Context(), card.Answer(c))
			if number%3 == 0 {
				assert.ErrorIs(t, err, revocation.ErrRevoked)
				return
			}
			if assert.NoError(t, err) {
				_, user := holder.Revocation().Subject.Reveal()
				assert.Equal(t, fmt.Sprint("user-", number), user)
			}
		})
	}
	all.Wait()
}
