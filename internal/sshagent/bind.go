package sshagent

import (
	"bytes"
	"errors"
	"fmt"

	"golang.org/x/crypto/ssh"
)

// sessionBind is the extension with which OpenSSH clients since 8.9 announce the SSH
// session of a connection to the agent, and whether it is forwarded to another machine:
// OpenSSH's PROTOCOL.agent, §1. Older clients announce nothing.
const sessionBind = "session-bind@openssh.com"

// maxSessions limits the sessions of one connection. A request that is forwarded through
// several machines has one session for each.
const maxSessions = 16

// bindings holds the sessions that were announced on a connection.
type bindings struct {
	forwarded  bool              // the connection is forwarded to another machine
	loginBound bool              // a login's session was announced: no more are accepted
	rejected   error             // why an announcement was rejected
	hosts      map[string][]byte // the servers' keys by session identifier
}

// bind processes an announcement. The server's signature over the session identifier
// proves that the server takes part in that session. The forwarding flag is honored even
// if the announcement is rejected.
func (b *bindings) bind(contents []byte) error {
	var m struct {
		HostKey, SessionID, Signature []byte
		Forwarding                    bool
	}
	if err := ssh.Unmarshal(contents, &m); err != nil {
		return b.reject(err)
	}
	b.forwarded = b.forwarded || m.Forwarding
	key, err := ssh.ParsePublicKey(m.HostKey)
	if err != nil {
		return err // an unknown kind of key: treated as if nothing was announced
	}
	if err := b.add(key, m.HostKey, m.SessionID, m.Signature); err != nil {
		return b.reject(err)
	}
	b.loginBound = !m.Forwarding
	return nil
}

// reject makes every later request on the connection fail with ErrSession.
func (b *bindings) reject(err error) error {
	b.rejected = fmt.Errorf("%w: %w", ErrSession, err)
	return b.rejected
}

// add verifies an announced session and adds it.
func (b *bindings) add(key ssh.PublicKey, host, session, signed []byte) error {
	knownHost, known := b.hosts[string(session)]
	switch {
	case b.loginBound:
		return errors.New("a session after a login's")
	case !validSessionID(session):
		return fmt.Errorf("session identifier of %d bytes", len(session))
	case known && !bytes.Equal(knownHost, host):
		return errors.New("one session of two servers")
	case !known && len(b.hosts) == maxSessions:
		return fmt.Errorf("more than %d sessions", maxSessions)
	}
	var signature ssh.Signature
	if err := ssh.Unmarshal(signed, &signature); err != nil {
		return err
	}
	if err := key.Verify(session, &signature); err != nil {
		return err
	}
	if b.hosts == nil {
		b.hosts = map[string][]byte{}
	}
	b.hosts[string(session)] = host
	return nil
}

// check returns the reason why the agent lists and signs nothing on the connection, or
// nil.
func (b *bindings) check() error {
	if b.forwarded {
		return ErrForwarded
	}
	return b.rejected
}

// checkLogin returns ErrSession for a login that belongs to none of the announced sessions.
// If nothing was announced, it accepts every login.
func (b *bindings) checkLogin(s signable) error {
	if s.Kind != Login || len(b.hosts) == 0 {
		return nil
	}
	host, known := b.hosts[string(s.session)]
	if !known || s.host != nil && !bytes.Equal(s.host, host) {
		return ErrSession
	}
	return nil
}
