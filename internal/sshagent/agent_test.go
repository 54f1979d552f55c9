//go:build linux || darwin

package sshagent_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"io"
	"net"
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
	"github.com/mykeykit/mykeykit/jpki/credential"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

var flags = map[string]agent.SignatureFlags{
	ssh.KeyAlgoRSA:       0,
	ssh.KeyAlgoRSASHA256: agent.SignatureFlagRsaSha256,
	ssh.KeyAlgoRSASHA512: agent.SignatureFlagRsaSha512,
}

func TestTheAgentSignsLogins(t *testing.T) {
	d := newDesk(t)
	client := d.client(t)
	key := key(t, client)
	assert.Equal(t, "ssh-rsa", key.Format)
	assert.Equal(t, "comment", key.Comment)
	assert.Zero(t, d.Secrets(), "to show the key needs no PIN")

	for n, algorithm := range []string{ssh.KeyAlgoRSASHA256, ssh.KeyAlgoRSASHA512} {
		data := ssh.Marshal(loginWith(key, algorithm))
		signature, err := client.SignWithFlags(key, data, flags[algorithm])
		require.NoError(t, err)
		assert.Equal(t, algorithm, signature.Format)
		assert.NoError(t, key.Verify(data, signature))
		assert.Equal(t, n+1, d.Secrets(), "a PIN for each signature")
		assert.False(t, d.Card.State().AuthVerified)
	}
	assert.Empty(t, d.reported)

	data := ssh.Marshal(loginWith(key, ssh.KeyAlgoRSA))
	_, err := client.Sign(key, data)
	require.Error(t, err, "SHA-1")
	require.ErrorIs(t, d.refused(t), sshagent.ErrAlgorithm)
	assert.Equal(t, 2, d.Secrets())
}

// Go's SSH client logs in at Go's SSH server with the agent's key.
func TestALoginByTheAgent(t *testing.T) {
	d := newDesk(t)
	client := d.client(t)
	allowed := key(t, client).Marshal()
	_, hostKey, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	host, err := ssh.NewSignerFromKey(hostKey)
	require.NoError(t, err)
	server := &ssh.ServerConfig{PublicKeyCallback: func(_ ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
		if string(key.Marshal()) != string(allowed) {
			return nil, errors.New("another key")
		}
		return nil, nil
	}}
	server.AddHostKey(host)
	// Not a pipe: both sides begin by writing.
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	var serving sync.WaitGroup
	serving.Go(func() {
		conn, err := listener.Accept()
		if assert.NoError(t, err) {
			defer conn.Close()
			_, _, _, err = ssh.NewServerConn(conn, server)
			assert.NoError(t, err)
		}
	})
	conn, err := ssh.Dial("tcp", listener.Addr().String(), &ssh.ClientConfig{
		User: "somebody", Auth: []ssh.AuthMethod{ssh.PublicKeysCallback(client.Signers)}, HostKeyCallback: ssh.FixedHostKey(host.PublicKey()),
	})
	require.NoError(t, err)
	conn.Close()
	serving.Wait()
	assert.Equal(t, 1, d.Secrets())
}

// sshsig is what ssh-keygen -Y has signed.
func sshsig(namespace, hash string, digest int) []byte {
	return append([]byte("SSHSIG"), ssh.Marshal(struct {
		Namespace, Reserved, Hash string
		Digest                    []byte
	}{namespace, "", hash, make([]byte, digest)})...)
}

// The agent signs logins and SSH signatures only. For anything else no PIN is sent.
func TestTheAgentRejectsOtherData(t *testing.T) {
	d := newDesk(t)
	client := d.client(t)
	key := key(t, client)
	other, err := ssh.NewPublicKey(cardtest.NewHolder(t, simulator.Contact, simulator.WithInsecureSeed("another")).Signer(t).Public())
	require.NoError(t, err)
	hostBound := func(rest []byte) []byte {
		r := loginWith(key, ssh.KeyAlgoRSASHA256)
		r.Method, r.Rest = "publickey-hostbound-v00@openssh.com", rest
		return ssh.Marshal(r)
	}
	change := func(change func(*request)) []byte {
		r := loginWith(key, ssh.KeyAlgoRSASHA256)
		change(&r)
		return ssh.Marshal(r)
	}
	for _, tt := range []struct {
		name string
		key  ssh.PublicKey
		data []byte
		err  error // nil: signed
	}{
		{"a login", key, change(func(*request) {}), nil},
		{"a login that names the host", key, hostBound(ssh.Marshal(struct{ Key []byte }{[]byte("host key")})), nil},
		{"a file's signature", key, sshsig("file", "sha512", 64), nil},
		{"nothing", key, nil, sshagent.ErrData},
		{"bytes of somebody's making", key, []byte("please sign this"), sshagent.ErrData},
		{"a digest", key, make([]byte, 32), sshagent.ErrData},
		{"a long text", key, make([]byte, 100_000), sshagent.ErrData},
		{"another service", key, change(func(r *request) { r.Service = "ssh-userauth" }), sshagent.ErrData},
		{"another method", key, change(func(r *request) { r.Method = "hostbased" }), sshagent.ErrData},
		{"no signature wanted", key, change(func(r *request) { r.Signed = false }), sshagent.ErrData},
		{"another message", key, change(func(r *request) { r.Message = 51 }), sshagent.ErrData},
		{"a short session", key, change(func(r *request) { r.Session = make([]byte, 19) }), sshagent.ErrData},
		{"a long session", key, change(func(r *request) { r.Session = make([]byte, 65) }), sshagent.ErrData},
		{"another algorithm", key, change(func(r *request) { r.Algorithm = ssh.KeyAlgoRSASHA512 }), sshagent.ErrData},
		{"another key's login", key, change(func(r *request) { r.Key = other.Marshal() }), sshagent.ErrData},
		{"something after it", key, change(func(r *request) { r.Rest = []byte{0} }), sshagent.ErrData},
		{"a host's key that is empty", key, hostBound(ssh.Marshal(struct{ Key []byte }{nil})), sshagent.ErrData},
		{"a host's key that is none", key, hostBound([]byte{1}), sshagent.ErrData},
		{"a signature without a namespace", key, sshsig("", "sha512", 64), sshagent.ErrData},
		{"a signature of an odd length", key, sshsig("file", "sha512", 32), sshagent.ErrData},
		{"a signature of another hash", key, sshsig("file", "sha1", 20), sshagent.ErrData},
		{"another key", other, ssh.Marshal(loginWith(other, ssh.KeyAlgoRSASHA256)), sshagent.ErrOtherKey},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := d.Secrets()
			signature, err := client.SignWithFlags(tt.key, tt.data, agent.SignatureFlagRsaSha256)
			if tt.err == nil {
				require.NoError(t, err)
				assert.NoError(t, key.Verify(tt.data, signature))
				return
			}
			require.Error(t, err)
			require.ErrorIs(t, d.refused(t), tt.err)
			assert.Equal(t, before, d.Secrets())
		})
	}
	_, err = client.SignWithFlags(key, change(func(*request) {}), agent.SignatureFlagRsaSha256|agent.SignatureFlagRsaSha512)
	require.Error(t, err)
	require.ErrorIs(t, d.refused(t), sshagent.ErrAlgorithm)

	// What older programs ask for without flags is refused for what it is.
	_, err = client.Sign(key, []byte("please sign this"))
	require.Error(t, err)
	require.ErrorIs(t, d.refused(t), sshagent.ErrData)
}

func TestTheAgentsKeysDoNotChange(t *testing.T) {
	d := newDesk(t)
	client := d.client(t)
	key := key(t, client)
	_, private, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	for name, change := range map[string]func() error{
		"add":                  func() error { return client.Add(agent.AddedKey{PrivateKey: private}) },
		"add for a time":       func() error { return client.Add(agent.AddedKey{PrivateKey: private, LifetimeSecs: 1}) },
		"remove":               func() error { return client.Remove(key) },
		"remove all":           client.RemoveAll,
		"lock":                 func() error { return client.Lock([]byte("passphrase")) },
		"unlock":               func() error { return client.Unlock([]byte("passphrase")) },
		"a card by its module": func() error { return exchange(d.dial(t), []byte{20, 0, 0, 0, 0, 0, 0, 0, 0}) },
	} {
		require.Error(t, change(), name)
		require.ErrorIs(t, d.refused(t), sshagent.ErrReadOnly, name)
	}
	for _, name := range []string{"", "query", "session-bind", "restrict-destination-v00@openssh.com"} {
		_, err = client.Extension(name, nil)
		require.ErrorIs(t, err, agent.ErrExtensionUnsupported, name)
	}
	assert.Empty(t, d.reported, "clients send them at each login")
	keys, err := client.List()
	require.NoError(t, err)
	assert.Equal(t, []*agent.Key{key}, keys)
}

// exchange sends a message, and fails unless the answer is a success.
func exchange(conn net.Conn, message []byte) error {
	if err := write(conn, message); err != nil {
		return err
	}
	answer := make([]byte, 5)
	if _, err := io.ReadFull(conn, answer); err != nil {
		return err
	}
	if answer[4] == 5 {
		return errors.New("failure")
	}
	return nil
}

func write(conn net.Conn, message []byte) error {
	_, err := conn.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(message))), message...))
	return err
}

func TestAWrongPINForTheAgent(t *testing.T) {
	d := newDesk(t)
	d.Types = "9999"
	client := d.client(t)
	key := key(t, client)
	data := ssh.Marshal(loginWith(key, ssh.KeyAlgoRSASHA256))
	_, err := client.SignWithFlags(key, data, agent.SignatureFlagRsaSha256)
	require.Error(t, err)
	var pin *credential.Error
	require.ErrorAs(t, d.refused(t), &pin)
	assert.Equal(t, 2, pin.Remaining)
	assert.Equal(t, 2, d.Card.State().AuthAttempts)
	assert.Equal(t, 1, d.Secrets())

	d.Types = "12345"
	_, err = client.SignWithFlags(key, data, agent.SignatureFlagRsaSha256)
	require.Error(t, err)
	require.ErrorIs(t, d.refused(t), jpki.ErrPINFormat)
	assert.Equal(t, 2, d.Card.State().AuthAttempts)
}

// One PIN is enough for several signatures, and the card is logged out at the end.
func TestTheAgentKeepsTheCardUnlocked(t *testing.T) {
	d := newDesk(t, jpki.KeepUnlocked(time.Hour))
	client := d.client(t)
	key := key(t, client)
	data := ssh.Marshal(loginWith(key, ssh.KeyAlgoRSASHA256))
	for range 3 {
		_, err := client.SignWithFlags(key, data, agent.SignatureFlagRsaSha256)
		require.NoError(t, err)
	}
	assert.Equal(t, 1, d.Secrets())
	assert.True(t, d.Card.State().AuthVerified)
	d.end()
	assert.False(t, d.Card.State().AuthVerified)
}

// The agent stops asking for the PIN when the client or the agent ends.
func TestTheEndOfAClientEndsAsking(t *testing.T) {
	for name, end := range map[string]func(d *desk, conn net.Conn){
		"the client goes away": func(_ *desk, conn net.Conn) { conn.Close() },
		"the agent ends":       func(d *desk, _ net.Conn) { d.end() },
		"the card is another's": func(d *desk, _ net.Conn) {
			d.agent.Forget()
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			asking, ended := make(chan struct{}), make(chan struct{})
			d.Typing = func(ctx context.Context) error {
				close(asking)
				<-ctx.Done()
				close(ended)
				return ctx.Err()
			}
			conn := d.dial(t)
			key := key(t, d.client(t))
			require.NoError(t, write(conn, ssh.Marshal(struct {
				Key, Data []byte `sshtype:"13"`
				Flags     uint32
			}{key.Blob, ssh.Marshal(loginWith(key, ssh.KeyAlgoRSASHA256)), uint32(agent.SignatureFlagRsaSha256)})))
			<-asking
			end(d, conn)
			<-ended
			assert.Zero(t, d.Secrets())
		})
	}
}

// Messages that are too long, and clients that send nothing, do not affect other clients.
func TestClientsThatMisbehave(t *testing.T) {
	d := newDesk(t)
	for _, length := range []uint32{0, 256<<10 + 1, 1<<32 - 1} {
		conn := d.dial(t)
		_, err := conn.Write(binary.BigEndian.AppendUint32(nil, length))
		require.NoError(t, err)
		requireClosed(t, conn)
	}
	for _, message := range [][]byte{{0}, {2}, {13}, {13, 0xFF, 0xFF, 0xFF, 0xFF}, {27}, {27, 0}, {255}} {
		require.Error(t, exchange(d.dial(t), message), message)
	}
	key(t, d.client(t))
}

func requireClosed(t *testing.T, conn net.Conn) {
	t.Helper()
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(time.Minute)))
	_, err := conn.Read(make([]byte, 1))
	require.ErrorIs(t, err, io.EOF)
}

// A message of the maximum length is answered.
func TestTheLongestMessage(t *testing.T) {
	d := newDesk(t)
	message := make([]byte, 256<<10)
	message[0] = 255
	conn := d.dial(t)
	require.NoError(t, write(conn, message))
	answer := make([]byte, 5)
	_, err := io.ReadFull(conn, answer)
	require.NoError(t, err)
	assert.Equal(t, []byte{0, 0, 0, 1, 5}, answer)
}
