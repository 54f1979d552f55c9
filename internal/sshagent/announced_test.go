//go:build linux || darwin

package sshagent_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"github.com/mykeykit/mykeykit/internal/cardtest"
	"github.com/mykeykit/mykeykit/internal/sshagent"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// The card announced for 2028, as the simulator invents it, logs in with ecdsa-sha2-nistp384.
func TestTheAgentSignsLoginsWithTheAnnouncedCard(t *testing.T) {
	d := newDesk(t)
	card := cardtest.NewCard(t, simulator.Announced2028)
	d.Insert(t, card)
	client := d.client(t)
	key := key(t, client)
	assert.Equal(t, ssh.KeyAlgoECDSA384, key.Format)

	data := ssh.Marshal(loginWith(key, ssh.KeyAlgoECDSA384))
	signature, err := client.SignWithFlags(key, data, 0)
	require.NoError(t, err)
	assert.Equal(t, ssh.KeyAlgoECDSA384, signature.Format)
	require.NoError(t, key.Verify(data, signature))
	assert.False(t, card.State().AuthVerified)

	_, err = client.SignWithFlags(key, data, agent.SignatureFlagRsaSha256)
	require.Error(t, err)
	require.ErrorIs(t, d.refused(t), sshagent.ErrAlgorithm)
	assert.Equal(t, 1, d.Secrets())
}
