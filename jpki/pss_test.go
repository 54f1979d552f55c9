package jpki_test

import (
	"context"
	"crypto"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/apdu"
	"github.com/mykeykit/mykeykit/internal/cardtest"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// If the probe for PSS fails, its error is returned. The holder is not asked for a PIN.
func TestPSSProbesThatFail(t *testing.T) {
	h := cardtest.NewHolder(t, simulator.Contact)
	s := h.Signer(t)
	h.Slot.AddFault(simulator.Fault{INS: apdu.InsPerformSecurityOperation, Do: simulator.FailBefore(errNotTransacted)})
	_, err := s.PSS(context.Background())
	require.ErrorIs(t, err, errNotTransacted)
	_, err = s.Sign(nil, digestOf(crypto.SHA256), pssOptions)
	require.ErrorIs(t, err, errNotTransacted)
	require.NotErrorIs(t, err, jpki.ErrNoPSS)
	assert.Zero(t, h.Asked())

	h.Slot.ClearFaults()
	has, err := s.PSS(context.Background())
	require.NoError(t, err)
	assert.True(t, has)
}
