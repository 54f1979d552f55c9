package sshagent

import (
	"bytes"
	"errors"
	"fmt"

	"golang.org/x/crypto/ssh"
)

// sessionBind is the extension by which OpenSSH's clients, since 8.9, announce which
// SSH session a connection to the agent is for, and whether another machine uses it
// there: OpenSSH's PROTOCOL.agent, §1. Older clients announce nothing.
const sessionBind = "session-bind@openssh.com"

// maxSessions bounds the sessions of one connection: a request that is forwarded from
// machine to machine is of one for each.
const maxSessions = 16

// bindings are what was announced on a connection.
type bindings struct {
	forwarded bool              // another machine has the connection
	final     bool              // it is for a login, and no other session is taken
	refusal   error             // of something that was announced
	hosts     map[string][]byte // the servers' keys by session identifiers
}

// bind takes an announcement. The server's signature over the session identifier
// shows that the server takes part in that session. That the connection is forwarded
// is believed in any case.
func (b *bindings) bind(contents []byte) error {
	var m struct {
		HostKey, SessionID, Signature []byte
		Forwarding                    bool
	}
	if err := ssh.Unmarshal(contents, &m); err != nil {
		return b.refuse(err)
	}
	b.forwarded = b.forwarded || m.Forwarding
	key, err := ssh.ParsePublicKey(m.HostKey)
	if err != nil {
		// A kind of key that is not known here: as from a client that announces nothing.
		return err
	}
	if err := b.add(key, m.HostKey, m.SessionID, m.Signature); err != nil {
		return b.refuse(err)
	}
	b.final = !m.Forwarding
	return nil
}

func (b *bindings) refuse(err error) error {
	b.refusal = fmt.Errorf("%w: %w", ErrSession, err)
	return b.refusal
}

func (b *bindings) add(key ssh.PublicKey, host, session, signed []byte) error {
	known, again := b.hosts[string(session)]
	switch {
	case b.final:
		return errors.New("a session after that of a login")
	case !sessionID(session):
		return fmt.Errorf("session identifier of %d bytes", len(session))
	case again && !bytes.Equal(known, host):
		return errors.New("a session of two servers")
	case !again && len(b.hosts) == maxSessions:
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

// refused tells why nothing is shown or signed on the connection.
func (b *bindings) refused() error {
	if b.forwarded {
		return ErrForwarded
	}
	return b.refusal
}

// announced refuses a login of another session than those that were announced, if any
// was.
func (b *bindings) announced(what signable) error {
	if what.Kind != Login || len(b.hosts) == 0 {
		return nil
	}
	host, known := b.hosts[string(what.session)]
	if !known || what.host != nil && !bytes.Equal(what.host, host) {
		return ErrSession
	}
	return nil
}
