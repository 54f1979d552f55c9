//go:build linux || darwin

package sshagent_test

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"github.com/mykeykit/mykeykit/internal/sshagent"
)

// When all connections are in use, a new one replaces the connection that was idle longest,
// and never one with a request under way. That is reported once.
//
// Faults: F81.
func TestIdleConnectionsMakeRoom(t *testing.T) {
	d := newDesk(t)
	asking, goOn := make(chan struct{}), make(chan struct{})
	d.Typing = func(context.Context) error {
		close(asking)
		<-goOn
		return nil
	}
	busy := d.client(t) // the first that came
	shown := key(t, busy)
	signed := make(chan error, 1)
	go func() {
		_, err := busy.SignWithFlags(shown, ssh.Marshal(loginWith(shown, ssh.KeyAlgoRSASHA256)), agent.SignatureFlagRsaSha256)
		signed <- err
	}()
	<-asking

	var idle []net.Conn
	for range sshagent.MaxClients - 1 {
		idle = append(idle, d.dial(t))
	}
	for n := range 10 {
		key(t, d.client(t))
		requireClosed(t, idle[n])
	}
	assert.Equal(t, []error{sshagent.ErrIdleClosed}, d.reported)

	close(goOn)
	require.NoError(t, <-signed)
	key(t, busy)
	key(t, agent.NewClient(idle[10]))
}

// If every connection has a request under way, new connections are refused until one has
// its answer. That is reported once.
//
// Faults: F81.
func TestTooManyRequests(t *testing.T) {
	d := newDesk(t)
	client := d.client(t)
	shown := key(t, client)
	goOn := make(chan struct{})
	d.Typing = func(context.Context) error {
		<-goOn
		return nil
	}
	var signed sync.WaitGroup
	for n := range sshagent.MaxClients {
		if n > 0 {
			client = d.client(t)
		}
		asking := client
		signed.Go(func() {
			_, err := asking.SignWithFlags(shown, ssh.Marshal(loginWith(shown, ssh.KeyAlgoRSASHA256)), agent.SignatureFlagRsaSha256)
			assert.NoError(t, err)
		})
	}
	require.Eventually(t, func() bool { return d.agent.Busy() == sshagent.MaxClients }, time.Minute, time.Millisecond)
	for range 3 {
		requireClosed(t, d.dial(t))
	}
	require.ErrorIs(t, d.refused(t), sshagent.ErrAllBusy)
	assert.Empty(t, d.reported)
	close(goOn)
	signed.Wait()
	key(t, d.client(t))
}

// The connection without a request for the longest time is closed first.
//
// Faults: F81.
func TestWhoMakesRoom(t *testing.T) {
	var here sshagent.Clients
	var all []*sshagent.Client
	for range sshagent.MaxClients {
		c := &sshagent.Client{}
		closed, admitted := here.Admit(c)
		require.Nil(t, closed)
		require.True(t, admitted)
		all = append(all, c)
	}
	for _, c := range all {
		require.True(t, here.Begin(c))
	}
	_, admitted := here.Admit(&sshagent.Client{})
	assert.False(t, admitted, "nobody is idle")

	here.End(all[7])
	here.End(all[3])
	require.True(t, here.Begin(all[5])) // a second request, sent ahead of the first's answer
	here.End(all[5])
	for _, want := range []*sshagent.Client{all[7], all[3]} {
		c := &sshagent.Client{}
		closed, admitted := here.Admit(c)
		require.True(t, admitted)
		assert.Same(t, want, closed)
		assert.False(t, here.Begin(closed), "no request of it any more")
		require.True(t, here.Begin(c))
	}
	_, admitted = here.Admit(&sshagent.Client{})
	assert.False(t, admitted)
	here.Remove(all[0])
	_, admitted = here.Admit(&sshagent.Client{})
	assert.True(t, admitted)
}
