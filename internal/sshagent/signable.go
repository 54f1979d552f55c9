package sshagent

import (
	"bytes"
	"crypto"
	_ "crypto/sha256" // the hashes that clients may ask for
	_ "crypto/sha512"
	"fmt"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

// algorithmOf is the signature that flags ask for (RFC 8332). Without a flag that
// is ssh-rsa, which signs SHA-1.
func algorithmOf(flags agent.SignatureFlags) (name string, hash crypto.Hash, err error) {
	switch flags {
	case agent.SignatureFlagRsaSha256:
		return ssh.KeyAlgoRSASHA256, crypto.SHA256, nil
	case agent.SignatureFlagRsaSha512:
		return ssh.KeyAlgoRSASHA512, crypto.SHA512, nil
	case 0:
		return "", 0, fmt.Errorf("%w: %s", ErrAlgorithm, ssh.KeyAlgoRSA)
	default:
		return "", 0, fmt.Errorf("%w: flags %#x", ErrAlgorithm, uint32(flags))
	}
}

// signable tells whether data may be signed with a key. The key is the one that
// also logs in to the state's services and opens TLS connections, so nothing is
// signed that could be a message of another protocol, nor a challenge that
// somebody made up: only what an SSH login signs, for this key and this
// algorithm, and what ssh-keygen -Y signs. Both begin with what no other form
// can (a session identifier's length, a magic word), so that neither is mistaken
// for something else.
func signable(data, key []byte, algorithm string) error {
	if bytes.HasPrefix(data, []byte(sshsigMagic)) {
		return sshsig(data)
	}
	return login(data, key, algorithm)
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

func login(data, key []byte, algorithm string) error {
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
		return ErrData // the parser's words are about fields nobody here knows
	}
	switch {
	case len(m.SessionID) < minSessionID, len(m.SessionID) > maxSessionID,
		m.Message != msgUserauthRequest, m.Service != service, m.Signed != 1:
		return ErrData
	case !bytes.Equal(m.Key, key):
		return fmt.Errorf("%w: a login with another key", ErrData)
	case m.Algorithm != algorithm:
		return fmt.Errorf("%w: a login with another algorithm", ErrData)
	}
	switch m.Method {
	case methodPublicKey:
		if len(m.HostKey) > 0 {
			return ErrData
		}
	case methodHostBound:
		var host struct{ Key []byte }
		if ssh.Unmarshal(m.HostKey, &host) != nil || len(host.Key) == 0 {
			return ErrData
		}
	default:
		return ErrData
	}
	return nil
}

// sshsigMagic begins what ssh-keygen -Y signs: OpenSSH's PROTOCOL.sshsig, §3.
const sshsigMagic = "SSHSIG"

func sshsig(data []byte) error {
	var m struct {
		Magic                     [len(sshsigMagic)]byte
		Namespace, Reserved, Hash string
		Digest                    []byte
	}
	if err := ssh.Unmarshal(data, &m); err != nil {
		return ErrData
	}
	sizes := map[string]int{"sha256": crypto.SHA256.Size(), "sha512": crypto.SHA512.Size()}
	if size, known := sizes[m.Hash]; !known || len(m.Digest) != size || m.Namespace == "" || m.Reserved != "" {
		return ErrData
	}
	return nil
}
