//go:build linux || darwin

package sshagent_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"github.com/mykeykit/mykeykit/internal/sshagent"
)

// announcement is what OpenSSH's clients tell of an SSH session: PROTOCOL.agent, §1.
type announcement struct {
	HostKey, Session, Signature []byte
	Forwarding                  bool
}

func newHost(t *testing.T) ssh.Signer {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	host, err := ssh.NewSignerFromKey(key)
	require.NoError(t, err)
	return host
}

// session announces a session with a host, whose identifier is a byte again and again.
func session(t *testing.T, host ssh.Signer, id byte, forwarding bool) announcement {
	t.Helper()
	identifier := bytes.Repeat([]byte{id}, 32)
	signature, err := host.Sign(rand.Reader, identifier)
	require.NoError(t, err)
	return announcement{host.PublicKey().Marshal(), identifier, ssh.Marshal(signature), forwarding}
}

func bind(client agent.ExtendedAgent, a announcement) error {
	_, err := client.Extension("session-bind@openssh.com", ssh.Marshal(a))
	return err
}

// The sessions that are announced on a connection decide what is signed on it and whether
// the key is shown: logins of the announced session, and nothing for a forwarded agent.
//
// Faults: F83.
func TestAnnouncedSessions(t *testing.T) {
	host, other := newHost(t), newHost(t)
	changed := func(change func(*announcement)) announcement {
		a := session(t, host, 1, false)
		change(&a)
		return a
	}
	unknown := changed(func(a *announcement) { a.HostKey = ssh.Marshal(struct{ Type, Key string }{"ssh-future", "key"}) })
	forwardedUnknown := unknown
	forwardedUnknown.Forwarding = true
	certificate := &ssh.Certificate{Key: host.PublicKey(), CertType: ssh.HostCert, ValidBefore: ssh.CertTimeInfinity}
	require.NoError(t, certificate.SignCert(rand.Reader, other))
	long := bytes.Repeat([]byte{1}, 65)
	for _, tt := range []struct {
		name      string
		announced []announcement
		taken     bool // the last of them
		session   byte // the login's
		named     ssh.PublicKey
		err       error // nil: signed
	}{
		{"nothing", nil, true, 1, nil, nil},
		{"the login's", []announcement{session(t, host, 1, false)}, true, 1, nil, nil},
		{"the login's, which names the host", []announcement{session(t, host, 1, false)}, true, 1, host.PublicKey(), nil},
		{"with a host's certificate", []announcement{changed(func(a *announcement) { a.HostKey = certificate.Marshal() })}, true, 1, certificate, nil},
		{"another host than the login names", []announcement{session(t, host, 1, false)}, true, 1, other.PublicKey(), sshagent.ErrSession},
		{"another than the login's", []announcement{session(t, host, 1, false)}, true, 2, nil, sshagent.ErrSession},
		{"forwarded", []announcement{session(t, host, 1, true)}, true, 1, nil, sshagent.ErrForwarded},
		{"forwarded, and a login from there", []announcement{session(t, host, 1, true), session(t, other, 2, false)}, true, 2, nil, sshagent.ErrForwarded},
		{"forwarded twice", []announcement{session(t, host, 1, true), session(t, other, 2, true)}, true, 2, nil, sshagent.ErrForwarded},
		{"forwarded, said again", []announcement{session(t, host, 1, true), session(t, host, 1, true)}, true, 1, nil, sshagent.ErrForwarded},
		{"forwarded, one session of two hosts", []announcement{session(t, host, 1, true), session(t, other, 1, false)}, false, 1, nil, sshagent.ErrForwarded},
		{"forwarded, with a wrong signature", []announcement{changed(func(a *announcement) {
			a.Forwarding, a.Signature[len(a.Signature)-1] = true, a.Signature[len(a.Signature)-1]^1
		})}, false, 1, nil, sshagent.ErrForwarded},
		{"forwarded, with a key of a kind that is not known", []announcement{forwardedUnknown}, false, 1, nil, sshagent.ErrForwarded},
		{"forwarded after a login's", []announcement{session(t, host, 1, false), session(t, other, 2, true)}, false, 1, nil, sshagent.ErrForwarded},
		{"a key of a kind that is not known", []announcement{unknown}, false, 1, nil, nil},
		{"a second login's", []announcement{session(t, host, 1, false), session(t, other, 2, false)}, false, 1, nil, sshagent.ErrSession},
		{"the same login's again", []announcement{session(t, host, 1, false), session(t, host, 1, false)}, false, 1, nil, sshagent.ErrSession},
		{"a wrong signature", []announcement{changed(func(a *announcement) { a.Signature[len(a.Signature)-1] ^= 1 })}, false, 1, nil, sshagent.ErrSession},
		{"another host's signature", []announcement{changed(func(a *announcement) { a.HostKey = other.PublicKey().Marshal() })}, false, 1, nil, sshagent.ErrSession},
		{"a signature of another session", []announcement{changed(func(a *announcement) { a.Session = bytes.Repeat([]byte{2}, 32) })}, false, 2, nil, sshagent.ErrSession},
		{"no signature", []announcement{changed(func(a *announcement) { a.Signature = nil })}, false, 1, nil, sshagent.ErrSession},
		{"a long session", []announcement{changed(func(a *announcement) { a.Session = long })}, false, 1, nil, sshagent.ErrSession},
		{"no session", []announcement{changed(func(a *announcement) { a.Session = nil })}, false, 1, nil, sshagent.ErrSession},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := newDesk(t)
			shown := key(t, d.client(t))
			client := d.client(t)
			for n, a := range tt.announced {
				err := bind(client, a)
				if n < len(tt.announced)-1 || tt.taken {
					require.NoError(t, err)
				} else {
					require.Error(t, err)
					require.NotErrorIs(t, err, agent.ErrExtensionUnsupported)
				}
			}
			assert.Empty(t, d.reported, "at each login")

			r := loginWith(shown, ssh.KeyAlgoRSASHA256)
			r.Session = bytes.Repeat([]byte{tt.session}, 32)
			if tt.named != nil {
				r.Method, r.Rest = "publickey-hostbound-v00@openssh.com", ssh.Marshal(struct{ Key []byte }{tt.named.Marshal()})
			}
			_, err := client.SignWithFlags(shown, ssh.Marshal(r), agent.SignatureFlagRsaSha256)
			if tt.err != nil {
				require.Error(t, err)
				require.ErrorIs(t, d.refused(t), tt.err)
				assert.Empty(t, d.asked)
			} else {
				require.NoError(t, err)
			}

			keys, err := client.List()
			require.NoError(t, err)
			refused := tt.err != nil && (errors.Is(tt.err, sshagent.ErrForwarded) || !tt.taken)
			assert.Equal(t, refused, len(keys) == 0, "the key is its holder's, and shown to nobody elsewhere")
		})
	}
}

// A malformed announcement is rejected, and so is everything after it. The number of
// announcements is limited.
//
// Faults: F83.
func TestMalformedAnnouncements(t *testing.T) {
	d := newDesk(t)
	shown := key(t, d.client(t))
	whole := ssh.Marshal(session(t, newHost(t), 1, false))
	for n := range whole {
		client := d.client(t)
		_, err := client.Extension("session-bind@openssh.com", whole[:n])
		require.Error(t, err)
		require.NotErrorIs(t, err, agent.ErrExtensionUnsupported)
		_, err = client.SignWithFlags(shown, ssh.Marshal(loginWith(shown, ssh.KeyAlgoRSASHA256)), agent.SignatureFlagRsaSha256)
		require.Error(t, err, n)
		require.ErrorIs(t, d.refused(t), sshagent.ErrSession)
	}
	client := d.client(t)
	for n := range 16 {
		require.NoError(t, bind(client, session(t, newHost(t), byte(n), true)))
	}
	require.Error(t, bind(client, session(t, newHost(t), 16, true)))
	assert.Empty(t, d.asked)
}

// The agent reports once that it shows no key to a forwarded agent.
//
// Faults: F80, F83.
func TestForwardedListsAreReportedOnce(t *testing.T) {
	d := newDesk(t)
	for range 3 {
		client := d.client(t)
		require.NoError(t, bind(client, session(t, newHost(t), 1, true)))
		keys, err := client.List()
		require.NoError(t, err)
		assert.Empty(t, keys)
	}
	require.ErrorIs(t, d.refused(t), sshagent.ErrForwarded)
	assert.Empty(t, d.reported)
}

// The request for the PIN says what it is for, and which process asked.
//
// Faults: F83.
func TestWhatThePINIsFor(t *testing.T) {
	d := newDesk(t)
	client := d.client(t)
	shown := key(t, client)
	executable, err := os.Executable()
	require.NoError(t, err)
	self := sshagent.Process{PID: os.Getpid(), Executable: executable}
	for _, data := range [][]byte{ssh.Marshal(loginWith(shown, ssh.KeyAlgoRSASHA256)), sshsig("git", "sha512", 64)} {
		_, err := client.SignWithFlags(shown, data, agent.SignatureFlagRsaSha256)
		require.NoError(t, err)
	}
	for n := range d.asked {
		assert.Equal(t, os.Getpid(), d.asked[n].Process.PID)
		assert.Contains(t, executable, d.asked[n].Process.Executable, "a path, or its last part")
		d.asked[n].Process = self
	}
	assert.Equal(t, []sshagent.Request{
		{Kind: sshagent.Login, User: "somebody", Process: self},
		{Kind: sshagent.Signature, Namespace: "git", Process: self},
	}, d.asked)

	_, err = client.SignWithFlags(shown, []byte("something else"), agent.SignatureFlagRsaSha256)
	require.Error(t, err)
	assert.Contains(t, d.refused(t).Error(), fmt.Sprintf("(asked by process %d, ", self.PID))
}
