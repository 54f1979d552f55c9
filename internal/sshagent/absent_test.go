//go:build linux || darwin

package sshagent_test

import (
	"io"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"github.com/mykeykit/mykeykit/internal/cardtest"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/jpki/credential"
	"github.com/mykeykit/mykeykit/reader"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// Without a usable card the list of keys is empty, which is reported once. A signature
// fails, and works again when the card is there.
//
// Faults: F80.
func TestTheAgentWithoutACard(t *testing.T) {
	d := newDesk(t)
	d.Slot.Remove()
	empty := func(client agent.Agent) {
		t.Helper()
		keys, err := client.List()
		require.NoError(t, err)
		assert.Empty(t, keys)
	}
	for range 2 {
		empty(d.client(t))
		require.ErrorIs(t, d.refused(t), reader.ErrNoCard)
		for range 3 {
			empty(d.client(t))
		}
		assert.Empty(t, d.reported, "the same cause")

		d.Slot.AddFault(simulator.Fault{Nth: 1, Do: simulator.FailBefore(reader.ErrTransport)})
		require.NoError(t, d.Slot.Insert(d.Card))
		empty(d.client(t))
		require.ErrorIs(t, d.refused(t), reader.ErrTransport)
		d.Slot.ClearFaults()

		key(t, d.client(t))
		d.Slot.Remove()
		d.agent.Forget()
	}

	require.NoError(t, d.Slot.Insert(d.Card))
	client := d.client(t)
	key := key(t, client)
	data := ssh.Marshal(loginWith(key, ssh.KeyAlgoRSASHA256))
	d.Slot.Remove()
	for range 2 {
		_, err := client.SignWithFlags(key, data, agent.SignatureFlagRsaSha256)
		require.Error(t, err)
		require.ErrorIs(t, d.refused(t), reader.ErrNoCard)
	}
	require.NoError(t, d.Slot.Insert(d.Card))
	_, err := client.SignWithFlags(key, data, agent.SignatureFlagRsaSha256)
	require.NoError(t, err)
}

// If a card is locked while the agent knows its key, the agent reads it again.
//
// Faults: F80.
func TestALockedCardIsReadAgain(t *testing.T) {
	d := newDesk(t, jpki.AllowLastAttempt())
	client := d.client(t)
	key := key(t, client)
	d.Types = "9999"
	for range 3 {
		_, err := client.SignWithFlags(key, ssh.Marshal(loginWith(key, ssh.KeyAlgoRSASHA256)), agent.SignatureFlagRsaSha256)
		require.Error(t, err)
		require.ErrorIs(t, d.refused(t), credential.ErrWrong)
	}
	opened := d.opened
	_, err := client.List()
	require.NoError(t, err)
	assert.Equal(t, opened+1, d.opened)
}

// Clients that ask for the keys of SSH 1 as well, as OpenSSH's did, get an empty list.
//
// Faults: F80.
func TestKeysOfSSH1(t *testing.T) {
	d := newDesk(t)
	conn := d.dial(t)
	require.NoError(t, write(conn, []byte{1}))
	answer := make([]byte, 9)
	_, err := io.ReadFull(conn, answer)
	require.NoError(t, err)
	assert.Equal(t, []byte{0, 0, 0, 5, 2, 0, 0, 0, 0}, answer)
	assert.Empty(t, d.reported)
}

// Another card has another key. The agent shows it after the first request that found the
// other card, or after Forget.
//
// Faults: F25.
func TestTheAgentWithAnotherCard(t *testing.T) {
	d := newDesk(t)
	client := d.client(t)
	first := key(t, client)
	d.Insert(t, cardtest.AnotherCard(t, simulator.Contact))
	_, err := client.SignWithFlags(first, ssh.Marshal(loginWith(first, ssh.KeyAlgoRSASHA256)), agent.SignatureFlagRsaSha256)
	require.Error(t, err)
	require.ErrorIs(t, d.refused(t), credential.ErrOtherCard)
	assert.Zero(t, d.Secrets())
	second := key(t, client)
	assert.NotEqual(t, first.Blob, second.Blob)

	d.Insert(t, d.Card)
	d.agent.Forget()
	assert.Equal(t, first.Blob, key(t, client).Blob)
}
