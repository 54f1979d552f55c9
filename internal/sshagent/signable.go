package sshagent

import (
	"bytes"
	"crypto"
	"fmt"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

// algorithmFor returns the signature algorithm that a client asks for. For an RSA key the
// flags say it (RFC 8332); without a flag that is ssh-rsa, which signs SHA-1. An ECDSA key
// has one algorithm (RFC 5656).
func algorithmFor(key ssh.PublicKey, flags agent.SignatureFlags) (string, error) {
	switch {
	case key.Type() != ssh.KeyAlgoRSA && flags == 0:
		return key.Type(), nil
	case key.Type() != ssh.KeyAlgoRSA:
		return "", fmt.Errorf("%w: flags %#x for %s", ErrAlgorithm, uint32(flags), key.Type())
	}
	switch flags {
	case agent.SignatureFlagRsaSha256:
		return ssh.KeyAlgoRSASHA256, nil
	case agent.SignatureFlagRsaSha512:
		return ssh.KeyAlgoRSASHA512, nil
	case 0:
		return "", fmt.Errorf("%w: %s", ErrAlgorithm, ssh.KeyAlgoRSA)
	default:
		return "", fmt.Errorf("%w: flags %#x", ErrAlgorithm, uint32(flags))
	}
}

// signable is what may be signed.
type signable struct {
	Request
	algorithm string // of a login
	session   []byte // that a login is for
	host      []byte // the server's key, in a login that names it
}

// parseSignable tells what data is, and refuses what may not be signed with a key.
// The key is the one that also logs in to the state's services and opens TLS
// connections, so nothing is signed that could be a message of another protocol, nor a
// challenge that somebody made up: only what an SSH login signs, for this key and the
// algorithm that it names, and what ssh-keygen -Y signs. Both begin with what no other
// form can (a session identifier's length, a magic word), so that neither is mistaken
// for something else.
func parseSignable(data, key []byte) (signable, error) {
	if bytes.HasPrefix(data, []byte(sshsigMagic)) {
		return sshsig(data)
	}
	return login(data, key)
}

// A login with a public key: RFC 4252 §7, and OpenSSH's form of it that names
// the server's key as well (PROTOCOL, "publickey-hostbound-v00@openssh.com").
const (
	msgUserauthRequest = 50
	service            = "ssh-connection"
	methodPublicKey    = "publickey"
	methodHostBound    = "publickey-hostbound-v00@openssh.com"
)

// Session identifiers are the hash of a key exchange (RFC 4253 §7.2): those in
// use have 20 (SHA-1) to 64 (SHA-512) bytes.
const (
	minSessionID = 20
	maxSessionID = 64
)

func sessionID(id []byte) bool { return len(id) >= minSessionID && len(id) <= maxSessionID }

func login(data, key []byte) (signable, error) {
	var m struct {
		SessionID             []byte
		Message               byte
		User, Service, Method string
		Signed                byte
		Algorithm             string
		Key                   []byte
		HostKey               []byte `ssh:"rest"`
	}
	if err := ssh.Unmarshal(data, &m); err != nil {
		return signable{}, ErrData // the parser's words are about fields nobody here knows
	}
	switch {
	case !sessionID(m.SessionID), m.Message != msgUserauthRequest, m.Service != service, m.Signed != 1:
		return signable{}, ErrData
	case !bytes.Equal(m.Key, key):
		return signable{}, fmt.Errorf("%w: a login with another key", ErrData)
	}
	what := signable{Request: Request{Kind: Login, User: m.User}, algorithm: m.Algorithm, session: m.SessionID}
	switch m.Method {
	case methodPublicKey:
		if len(m.HostKey) > 0 {
			return signable{}, ErrData
		}
	case methodHostBound:
		var host struct{ Key []byte }
		if ssh.Unmarshal(m.HostKey, &host) != nil || len(host.Key) == 0 {
			return signable{}, ErrData
		}
		what.host = host.Key
	default:
		return signable{}, ErrData
	}
	return what, nil
}

// sshsigMagic begins what ssh-keygen -Y signs: OpenSSH's PROTOCOL.sshsig, §3.
const sshsigMagic = "SSHSIG"

func sshsig(data []byte) (signable, error) {
	var m struct {
		Magic                     [len(sshsigMagic)]byte
		Namespace, Reserved, Hash string
		Digest                    []byte
	}
	if err := ssh.Unmarshal(data, &m); err != nil {
		return signable{}, ErrData
	}
	sizes := map[string]int{"sha256": crypto.SHA256.Size(), "sha512": crypto.SHA512.Size()}
	if size, known := sizes[m.Hash]; !known || len(m.Digest) != size || m.Namespace == "" || m.Reserved != "" {
		return signable{}, ErrData
	}
	return signable{Request: Request{Kind: Signature, Namespace: m.Namespace}}, nil
}
