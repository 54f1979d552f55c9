//go:build linux || darwin

package sshagent_test

import (
	"context"
	"net"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"github.com/mykeykit/mykeykit/internal/cardtest"
	"github.com/mykeykit/mykeykit/internal/sshagent"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// desk has a card, an agent that serves it, and the card's holder.
type desk struct {
	*cardtest.Holder
	agent  *sshagent.Agent
	socket string
	end    func() // ends the agent, and waits for that

	mu       sync.Mutex
	opened   int
	asked    []sshagent.Request // for each PIN
	reported []error
}

// newDesk has a card in its reader, and an agent that serves it.
func newDesk(t *testing.T, options ...jpki.SignerOption) *desk {
	t.Helper()
	d := &desk{Holder: cardtest.NewHolder(t, simulator.Contact)}
	d.agent = sshagent.New(func(ctx context.Context) (sshagent.Key, error) {
		d.mu.Lock()
		d.opened++
		d.mu.Unlock()
		signer, err := jpki.NewSigner(ctx, d.Connect, d.Reader, d.ask, options...)
		if err != nil {
			return nil, err
		}
		return signer, nil
	}, "comment", func(err error) {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.reported = append(d.reported, err)
	})
	d.socket = filepath.Join(t.TempDir(), "folder", "socket")
	listener, err := sshagent.Listen(d.socket)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	var serving sync.WaitGroup
	serving.Go(func() { assert.NoError(t, d.agent.Serve(ctx, listener)) })
	d.end = func() {
		cancel()
		serving.Wait()
	}
	t.Cleanup(func() {
		d.end()
		assert.NoFileExists(t, d.socket)
	})
	return d
}

func (d *desk) ask(ctx context.Context, ready jpki.Readiness) (jpki.PIN, error) {
	d.mu.Lock()
	d.asked = append(d.asked, sshagent.RequestOf(ctx))
	d.mu.Unlock()
	return d.AskPIN(ctx, ready)
}

// refused is the last error that was reported, which is not reported again. A client may hear
// of it before.
func (d *desk) refused(t *testing.T) error {
	t.Helper()
	require.Eventually(t, func() bool {
		d.mu.Lock()
		defer d.mu.Unlock()
		return len(d.reported) > 0
	}, 20*time.Second, time.Millisecond)
	d.mu.Lock()
	defer d.mu.Unlock()
	last := d.reported[len(d.reported)-1]
	d.reported = nil
	return last
}

func (d *desk) dial(t *testing.T) net.Conn {
	t.Helper()
	conn, err := net.Dial("unix", d.socket)
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	return conn
}

func (d *desk) client(t *testing.T) agent.ExtendedAgent {
	t.Helper()
	return agent.NewClient(d.dial(t))
}

// key is the only key that the agent shows.
func key(t *testing.T, client agent.Agent) *agent.Key {
	t.Helper()
	keys, err := client.List()
	require.NoError(t, err)
	require.Len(t, keys, 1)
	return keys[0]
}

// request is what an SSH client has signed to log in: RFC 4252 §7.
type request struct {
	Session               []byte
	Message               byte
	User, Service, Method string
	Signed                bool
	Algorithm             string
	Key                   []byte
	Rest                  []byte `ssh:"rest"`
}

func loginWith(key ssh.PublicKey, algorithm string) request {
	return request{make([]byte, 32), 50, "somebody", "ssh-connection", "publickey", true, algorithm, key.Marshal(), nil}
}
