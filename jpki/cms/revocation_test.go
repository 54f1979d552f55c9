package cms_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/cardtest"
	"github.com/mykeykit/mykeykit/internal/signtest"
	"github.com/mykeykit/mykeykit/jpki/cms"
	"github.com/mykeykit/mykeykit/jpki/revocation"
	"github.com/mykeykit/mykeykit/jpki/trust"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// A checker gets a digest and a signature that it can verify, in the form that package revocation documents.
func TestQuestionsHaveAVerifiableSignature(t *testing.T) {
	for _, profile := range []simulator.Profile{simulator.Contact, simulator.Announced2028} {
		t.Run(string(profile), func(t *testing.T) {
			h := cardtest.NewHolder(t, profile)
			h.Types = simulator.Password
			der := signs(t, h.SignatureSigner(t), cms.Options{})
			ca, err := h.Card.SignatureCACertificate()
			require.NoError(t, err)
			v := cms.Verifier{Trust: trust.Policy{SimulatorCAs: []*x509.Certificate{ca}}}
			v.Revocation = &revocation.Policy{Checker: revocation.CheckerFunc(func(_ context.Context, q revocation.Question) (revocation.Answer, error) {
				switch key := q.Certificate.PublicKey.(type) {
				case *rsa.PublicKey:
					require.NoError(t, rsa.VerifyPKCS1v15(key, q.Hash, q.Digest, q.Signature))
				case *ecdsa.PublicKey:
					require.Len(t, q.Signature, 96)
					r, s := new(big.Int).SetBytes(q.Signature[:48]), new(big.Int).SetBytes(q.Signature[48:])
					require.True(t, ecdsa.Verify(key, q.Digest, r, s))
				default:
					require.Fail(t, "unexpected key", "%T", key)
				}
				return revocation.Answer{Status: revocation.Good, Method: revocation.OCSP, AsOf: time.Now(), Digest: q.Digest}, nil
			})}
			_, err = v.Verify(t.Context(), der, strings.NewReader(text))
			require.NoError(t, err)
		})
	}
}

// A policy for revocation is asked about the certificate, and its answer decides.
func TestRevocationIsAskedOnlyWithAPolicy(t *testing.T) {
	der := signs(t, signtest.New(t, nil), cms.Options{})
	v := verifier(t)
	status := revocation.Good
	v.Revocation = &revocation.Policy{Checker: revocation.CheckerFunc(func(_ context.Context, q revocation.Question) (revocation.Answer, error) {
		assert.Equal(t, signtest.CA(t).Certificate.Raw[:20], q.CACertificate.Raw[:20])
		return revocation.Answer{Status: status, Method: revocation.OCSP, AsOf: time.Now(), Digest: q.Digest}, nil
	})}
	signatures, err := v.Verify(t.Context(), der, strings.NewReader(text))
	require.NoError(t, err)
	assert.Equal(t, revocation.Good, signatures[0].Revocation.Status)
	status = revocation.Revoked
	v.Revocation = &revocation.Policy{Checker: v.Revocation.Checker}
	_, err = v.Verify(t.Context(), der, strings.NewReader(text))
	require.ErrorIs(t, err, revocation.ErrRevoked)
}
