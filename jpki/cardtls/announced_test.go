package cardtls_test

import (
	"context"
	"crypto/tls"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/jpki/cardtls"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// The card announced for 2028, as the simulator invents it, has ECDSA keys, which every version
// of TLS takes.
func TestAnnouncedCardHandshakes(t *testing.T) {
	card, err := simulator.NewCard("announced-2028", simulator.WithInsecureSeed("cardtls"))
	require.NoError(t, err)
	driver := simulator.New()
	require.NoError(t, driver.AddReader("Reader").Insert(card))
	signer, err := jpki.NewSigner(t.Context(), driver.Connect, "Reader", func(context.Context, jpki.Readiness) (jpki.PIN, error) {
		return jpki.ParsePIN([]byte(simulator.PIN))
	})
	require.NoError(t, err)
	defer signer.Close()
	for _, version := range []uint16{tls.VersionTLS13, tls.VersionTLS12} {
		address := serve(t, card.CACertificate(), func(c *tls.Config) { c.MaxVersion = version })
		config, err := cardtls.Config(t.Context(), base(), signer)
		require.NoError(t, err)
		said, state, err := dial(t.Context(), config, address)
		require.NoError(t, err)
		assert.Equal(t, version, state.Version)
		assert.Equal(t, signer.Certificate().SerialNumber.String(), said)
	}
	assert.False(t, card.State().AuthVerified)
}
