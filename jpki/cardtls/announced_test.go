package cardtls_test

import (
	"crypto/tls"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/cardtest"
	"github.com/mykeykit/mykeykit/jpki/cardtls"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// The card announced for 2028, as the simulator invents it, has ECDSA keys, which every version
// of TLS takes.
func TestAnnouncedCardHandshakes(t *testing.T) {
	h := cardtest.NewHolder(t, simulator.Announced2028)
	signer := h.Signer(t)
	for _, version := range []uint16{tls.VersionTLS13, tls.VersionTLS12} {
		address := serve(t, h.Card.CACertificate(), func(c *tls.Config) { c.MaxVersion = version })
		config, err := cardtls.Config(t.Context(), base(), signer)
		require.NoError(t, err)
		said, state, err := dial(t.Context(), config, address)
		require.NoError(t, err)
		assert.Equal(t, version, state.Version)
		assert.Equal(t, signer.Certificate().SerialNumber.String(), said)
	}
}
