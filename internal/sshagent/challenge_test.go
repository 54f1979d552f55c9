//go:build linux || darwin

package sshagent_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh"

	"github.com/mykeykit/mykeykit/internal/sshagent"
	"github.com/mykeykit/mykeykit/jpki/proof"
)

// The agent does not sign a challenge of package proof, whatever is in it: a client can't get
// evidence from the agent.
//
// Faults: F57.
func TestTheAgentSignsNoChallenge(t *testing.T) {
	d := newDesk(t)
	client := d.client(t)
	key := key(t, client)
	login := string(ssh.Marshal(loginWith(key, ssh.KeyAlgoRSASHA256)))
	for _, chosen := range []string{"https://verifier.example.jp", "SSHSIG", login, strings.Repeat("\x00", 64)} {
		c := proof.Challenge{Audience: chosen, Purpose: chosen, Time: time.Unix(1780315200, 0)}
		copy(c.Nonce[:], login)
		for _, algorithm := range []string{ssh.KeyAlgoRSASHA256, ssh.KeyAlgoRSASHA512} {
			_, err := client.SignWithFlags(key, c.Message(), flags[algorithm])
			require.Error(t, err)
			require.ErrorIs(t, d.refused(t), sshagent.ErrData)
		}
	}
	// The control: what it does sign is no challenge.
	_, err := client.SignWithFlags(key, []byte(login), flags[ssh.KeyAlgoRSASHA256])
	require.NoError(t, err)
	assert.Equal(t, 1, d.Secrets())
	assert.False(t, bytes.HasPrefix([]byte(login), []byte("mykeykit")))
}
