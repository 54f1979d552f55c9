package sshagent

import (
	"bytes"
	"crypto"
	"fmt"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

// algorithmFor returns the signature algorithm that a client asks for. For an RSA key the
// flags select it (RFC 8332); without a flag it is ssh-rsa with SHA-1, which is rejected. An
// ECDSA key has one algorithm (RFC 5656).
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

// signable is data that the agent may sign.
type signable struct {
	Request
	algorithm string // of a login
	session   []byte // of a login: the session identifier
	host      []byte // of a host-bound login: the server's key
}

// parseSignable parses data to sign. It returns ErrData unless data is an SSH login with the
// key and the algorithm that it names, or an SSHSIG signature (ssh-keygen -Y).
//
// The same key logs in to government services and opens TLS connections, so the agent must
// not sign a message of another protocol or an arbitrary challenge. Both accepted forms
// begin with bytes that no other form has: the length of a session identifier, or a magic
// string.
func parseSignable(data, key []byte) (signable, error) {
	if bytes.HasPrefix(data, []byte(sshsigMagic)) {
		return sshsig(data)
	}
	return login(data, key)
}

// The fields of a login with a public key: RFC 4252 §7, and OpenSSH's host-bound form that
// contains the server's key (PROTOCOL, "publickey-hostbound-v00@openssh.com").
const (
	msgUserauthRequest = 50
	connectionService  = "ssh-connection"
	methodPublicKey    = "publickey"
	methodHostBound    = "publickey-hostbound-v00@openssh.com"
)

// A session identifier is the hash of a key exchange (RFC 4253 §7.2): 20 bytes (SHA-1) to 64
// bytes (SHA-512).
const (
	minSessionID = 20
	maxSessionID = 64
)

func validSessionID(id []byte) bool { return len(id) >= minSessionID && len(id) <= maxSessionID }

// login parses a login with the key.
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
		return signable{}, ErrData // the parser's error names internal fields
	}
	switch {
	case !validSessionID(m.SessionID), m.Message != msgUserauthRequest, m.Service != connectionService, m.Signed != 1:
		return signable{}, ErrData
	case !bytes.Equal(m.Key, key):
		return signable{}, fmt.Errorf("%w: a login with another key", ErrData)
	}
	parsed := signable{Request: Request{Kind: Login, User: m.User}, algorithm: m.Algorithm, session: m.SessionID}
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
		parsed.host = host.Key
	default:
		return signable{}, ErrData
	}
	return parsed, nil
}

// sshsigMagic is the prefix of data that ssh-keygen -Y signs: OpenSSH's PROTOCOL.sshsig, §3.
const sshsigMagic = "SSHSIG"

// sshsig parses the data of an SSHSIG signature.
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
