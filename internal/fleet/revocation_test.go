package fleet_test

import (
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/fleet"
	"github.com/mykeykit/mykeykit/internal/prooftest"
	"github.com/mykeykit/mykeykit/internal/revocationtest"
	"github.com/mykeykit/mykeykit/jpki/proof"
	"github.com/mykeykit/mykeykit/jpki/revocation"
	"github.com/mykeykit/mykeykit/mykey/message"
	"github.com/mykeykit/mykeykit/mykey/registry"
)

// A server that requires a platform's answer asks once in a visit and not at all for a replay.
// After an outage, the same evidence starts the visit.
func TestServerThatChecksRevocation(t *testing.T) {
	platform := revocationtest.NewPlatform(time.Now)
	web := httptest.NewServer(platform)
	t.Cleanup(web.Close)
	policy := &revocation.Policy{Checker: &revocationtest.Client{URL: web.URL, HTTP: web.Client(), Name: "platform"}}
	s := newSite(t, func(v *proof.Verifier) { v.Revocation = policy })
	terminal := s.client(t, "t1", nil)
	resident := card(1)
	platform.Set(resident.Certificate(), revocationtest.Record{User: "user-1"})
	challenge, err := terminal.Challenge(t.Context())
	require.NoError(t, err)
	evidence := resident.Answer(challenge)

	platform.Fail(revocationtest.Broken)
	_, err = terminal.Identify(t.Context(), evidence)
	require.ErrorIs(t, err, revocation.ErrUnknown)
	assert.Equal(t, message.RevocationUnknown, message.For(err).Code)
	platform.Fail(revocationtest.None)
	asked := platform.Requests()
	visit, err := terminal.Identify(t.Context(), evidence)
	require.NoError(t, err)
	_, err = visit.Reserve(t.Context(), registry.NewOperation(), registry.NewRecoveryCode())
	require.NoError(t, err)
	_, err = visit.Find(t.Context())
	require.NoError(t, err)
	assert.Equal(t, asked+1, platform.Requests())

	// Another card answers the used challenge, about which the platform was not asked.
	_, err = terminal.Identify(t.Context(), card(2).Answer(challenge))
	require.ErrorIs(t, err, proof.ErrUsed)
	assert.Equal(t, asked+1, platform.Requests())

	lost := card(3)
	platform.Set(lost.Certificate(), revocationtest.Record{RevokedAt: time.Now().AddDate(0, 0, -1), Reason: "CRL_REASON_KEY_COMPROMISE"})
	challenge, err = terminal.Challenge(t.Context())
	require.NoError(t, err)
	_, err = terminal.Identify(t.Context(), lost.Answer(challenge))
	require.ErrorIs(t, err, revocation.ErrRevoked)
	assert.Equal(t, message.CertRevoked, message.For(err).Code)
	require.NotErrorIs(t, err, fleet.ErrNotEnrolled)
}

// A server that checks revocation checks the earlier card too, so that a lost card proves no
// renewal. It can't know about a certificate that has expired.
func TestOldCardAtAServerThatChecksRevocation(t *testing.T) {
	platform := revocationtest.NewPlatform(time.Now)
	web := httptest.NewServer(platform)
	t.Cleanup(web.Close)
	policy := &revocation.Policy{Checker: &revocationtest.Client{URL: web.URL, HTTP: web.Client(), Name: "platform"}}
	s := newSite(t, func(v *proof.Verifier) { v.Revocation = policy })
	c := s.client(t, "t1", nil)
	old, lost, expired := card(1), card(2), card(3)
	platform.Set(old.Certificate(), revocationtest.Record{User: "user-1"})
	reserved(t, c, old)
	platform.Set(card(5).Certificate(), revocationtest.Record{User: "user-5"})
	platform.Set(lost.Certificate(), revocationtest.Record{RevokedAt: time.Now().AddDate(0, 0, -1), Reason: "CRL_REASON_KEY_COMPROMISE"})
	expired.NotAfter = time.Now().AddDate(0, -1, 0)
	v := identifyAtDesk(t, c, card(5))
	for _, test := range []struct {
		old  prooftest.Card
		want error
	}{{lost, revocation.ErrRevoked}, {expired, revocation.ErrUnknown}, {old, nil}} {
		_, err := v.RenewByOldCard(t.Context(), registry.NewOperation(), evidence(t, c, test.old), registry.NewRecoveryCode())
		require.ErrorIs(t, err, test.want)
	}
}

// A server links the cards of a holder whom the platform knows: the terminal that asks for the
// reservation of a renewed card gets that of the earlier one.
func TestRenewedCardAtAServerThatChecksRevocation(t *testing.T) {
	platform := revocationtest.NewPlatform(time.Now)
	web := httptest.NewServer(platform)
	t.Cleanup(web.Close)
	policy := &revocation.Policy{Checker: &revocationtest.Client{URL: web.URL, HTTP: web.Client(), Name: "platform"}}
	s := newSite(t, func(v *proof.Verifier) { v.Revocation = policy })
	c := s.client(t, "t1", nil)
	for n, user := range []string{"user-1", "user-1", "user-2"} {
		platform.Set(card(n).Certificate(), revocationtest.Record{User: user})
	}
	first := reserved(t, c, card(0))
	found, err := identify(t, c, card(1)).Find(t.Context())
	require.NoError(t, err)
	assert.Equal(t, first.ID, found.ID)
	assert.Equal(t, first.ID, reserved(t, c, card(1)).ID)
	assert.NotEqual(t, first.ID, reserved(t, c, card(2)).ID)
	_, err = identify(t, c, card(0)).Find(t.Context())
	require.ErrorIs(t, err, registry.ErrSuperseded)
}
