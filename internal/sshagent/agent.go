// Package sshagent serves the key of a card to SSH clients, over the protocol of
// ssh-agent (draft-ietf-sshm-ssh-agent). It holds no other key, and nothing that
// a client asks can change that.
//
// The card decides what there is: the key is read when a client first asks, and
// read again after [Agent.Forget]. While there is none every request fails, and
// an SSH client goes on to its other keys.
package sshagent

import (
	"bytes"
	"context"
	"crypto"
	"errors"
	"fmt"
	"sync"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"github.com/mykeykit/mykeykit/jpki"
)

// Why a request was refused, before anything was sent to the card.
var (
	// ErrReadOnly: a request to add or remove keys, or to lock the agent.
	ErrReadOnly = errors.New("the agent serves the card's key and no other")
	// ErrAlgorithm: a signature with SHA-1 (ssh-rsa), which servers of today
	// refuse too, or one that is not known.
	ErrAlgorithm = errors.New("signature algorithm refused")
	// ErrData: what is to be signed is neither a login with this key nor an
	// SSHSIG signature.
	ErrData = errors.New("neither a login with this key nor an SSH signature")
	// ErrOtherKey: the key asked for is not the card's.
	ErrOtherKey = errors.New("not the key of this card")
	// ErrOtherUser: somebody else connected, who is sent away.
	ErrOtherUser = errors.New("connection of another user")
)

// Key is a key on a card. [jpki.Signer] is one.
type Key interface {
	Public() crypto.PublicKey
	// SignContext signs a digest. It may be called by several goroutines.
	SignContext(ctx context.Context, digest []byte, opts crypto.SignerOpts) ([]byte, error)
	// Close leaves the card, if the key holds it.
	Close() error
}

// Agent answers SSH clients. It may be used by several goroutines.
type Agent struct {
	open    func(context.Context) (Key, error)
	comment string
	tell    func(error)

	turn    chan struct{} // held while current is used; a mutex that a context can end
	current *identity     // nil: to be read when asked for
	closing sync.WaitGroup
}

// identity is a key as SSH knows it.
type identity struct {
	Key
	public ssh.PublicKey
}

// New makes an agent. open reads the key of the card that is there; the comment
// is shown beside it. tell is given the error of each request that failed, by
// several goroutines: clients are told no more than that it failed.
func New(open func(context.Context) (Key, error), comment string, tell func(error)) *Agent {
	return &Agent{open: open, comment: comment, tell: tell, turn: make(chan struct{}, 1)}
}

// key returns the card's key, and reads it if it is not known.
func (a *Agent) key(ctx context.Context) (*identity, error) {
	select {
	case a.turn <- struct{}{}:
		defer func() { <-a.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if a.current != nil {
		return a.current, nil
	}
	key, err := a.open(ctx)
	if err != nil {
		return nil, err
	}
	public, err := ssh.NewPublicKey(key.Public())
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%w: %w", jpki.ErrUnsupportedKey, err), key.Close())
	}
	a.current = &identity{key, public}
	return a.current, nil
}

// Forget has the key read again at the next request: there may be another card.
// The one that is known is closed, which may go on after Forget has returned.
func (a *Agent) Forget() {
	a.turn <- struct{}{}
	defer func() { <-a.turn }()
	a.drop(a.current)
}

// forgetThis is Forget for a key that turned out to be another card's, if that
// is not known yet.
func (a *Agent) forgetThis(known *identity) {
	a.turn <- struct{}{}
	defer func() { <-a.turn }()
	if a.current == known {
		a.drop(known)
	}
}

func (a *Agent) drop(known *identity) {
	a.current = nil
	if known == nil {
		return
	}
	a.closing.Go(func() {
		if err := known.Close(); err != nil {
			a.tell(err)
		}
	})
}

// request is the agent for one request, which ends with ctx.
type request struct {
	*Agent
	ctx context.Context
}

var _ agent.ExtendedAgent = request{}

func (r request) List() ([]*agent.Key, error) {
	known, err := r.key(r.ctx)
	if err != nil {
		return nil, r.failed(err)
	}
	return []*agent.Key{{Format: known.public.Type(), Blob: known.public.Marshal(), Comment: r.comment}}, nil
}

// SignWithFlags signs what [signable] admits. The agent hashes it itself, so a
// client never has the card sign a digest of its own making.
func (r request) SignWithFlags(key ssh.PublicKey, data []byte, flags agent.SignatureFlags) (*ssh.Signature, error) {
	signature, err := r.sign(key.Marshal(), data, flags)
	if err != nil {
		return nil, r.failed(err)
	}
	return signature, nil
}

func (r request) sign(key, data []byte, flags agent.SignatureFlags) (*ssh.Signature, error) {
	algorithm, hash, err := algorithmOf(flags)
	if err != nil {
		return nil, err
	}
	if err := signable(data, key, algorithm); err != nil {
		return nil, err
	}
	known, err := r.key(r.ctx)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(key, known.public.Marshal()) {
		return nil, ErrOtherKey
	}
	h := hash.New()
	h.Write(data)
	blob, err := known.SignContext(r.ctx, h.Sum(nil), hash)
	if errors.Is(err, jpki.ErrOtherCard) {
		r.forgetThis(known)
	}
	if err != nil {
		return nil, err
	}
	return &ssh.Signature{Format: algorithm, Blob: blob}, nil
}

// Sign is a request without flags, for a signature with SHA-1.
func (r request) Sign(ssh.PublicKey, []byte) (*ssh.Signature, error) {
	return nil, r.failed(ErrAlgorithm)
}

func (r request) Add(agent.AddedKey) error       { return r.failed(ErrReadOnly) }
func (r request) Remove(ssh.PublicKey) error     { return r.failed(ErrReadOnly) }
func (r request) RemoveAll() error               { return r.failed(ErrReadOnly) }
func (r request) Lock([]byte) error              { return r.failed(ErrReadOnly) }
func (r request) Unlock([]byte) error            { return r.failed(ErrReadOnly) }
func (r request) Signers() ([]ssh.Signer, error) { return nil, r.failed(ErrReadOnly) }

// Extension refuses all, in silence: OpenSSH's clients try one at each login.
func (r request) Extension(string, []byte) ([]byte, error) {
	return nil, agent.ErrExtensionUnsupported
}

// failed tells why a request failed, but not that its client went away: of a PIN
// that was sent by then, or a card that could not be left, somebody has to know.
func (r request) failed(err error) error {
	var pin *jpki.PINError
	if r.ctx.Err() == nil || errors.As(err, &pin) || errors.Is(err, jpki.ErrStillVerified) {
		r.tell(err)
	}
	return err
}
