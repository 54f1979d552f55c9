// Package sshagent serves the key of a card to SSH clients, over the protocol of
// ssh-agent (RFC 9987). It holds no other key, and nothing that a client asks can
// change that.
//
// The card decides what there is: the key is read when a client first asks, and
// read again after [Agent.Forget]. While there is none the list of keys is empty,
// and an SSH client goes on to its other keys, or to a password.
package sshagent

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"io"
	"sync"

	"golang.org/x/crypto/ssh"

	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/jpki/credential"
	"github.com/mykeykit/mykeykit/jpki/trust"
)

// Why a request or a connection was refused, before anything was sent to the card.
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
	// ErrForwarded: the request comes from another machine, to which the agent was
	// forwarded.
	ErrForwarded = errors.New("request of a forwarded agent")
	// ErrSession: the login is not of the SSH session that the client announced,
	// or what it announced could not be verified.
	ErrSession = errors.New("not a login of the announced SSH session")
	// ErrOtherUser: somebody else connected, who is sent away.
	ErrOtherUser = errors.New("connection of another user")
	// ErrIdleClosed: there were too many connections, and the one that was idle
	// longest was closed. It is told once.
	ErrIdleClosed = errors.New("too many connections: idle ones are closed")
	// ErrAllBusy: there are too many connections, each with a request under way,
	// and a new one was refused. It is told once.
	ErrAllBusy = errors.New("too many requests at a time: new connections are refused")
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

	clients             clients
	idleClosed, allBusy sync.Once // told

	mu     sync.Mutex
	absent string // why there was no key when the last client asked for it; told
}

// identity is a key as SSH knows it.
type identity struct {
	Key
	public ssh.PublicKey
}

// sign hashes data and has the key sign the hash.
func (i *identity) sign(ctx context.Context, data []byte, algorithm string) (*ssh.Signature, error) {
	signer, err := ssh.NewSignerFromSigner(withContext{i.Key, ctx})
	if err != nil {
		return nil, err
	}
	return signer.(ssh.AlgorithmSigner).SignWithAlgorithm(nil, data, algorithm)
}

// withContext is a key for one signature.
type withContext struct {
	Key
	ctx context.Context
}

func (k withContext) Sign(_ io.Reader, digest []byte, options crypto.SignerOpts) ([]byte, error) {
	return k.SignContext(k.ctx, digest, options)
}

// New makes an agent. open reads the key of the card that is there; the comment
// is shown beside it. [RequestOf] tells which request the contexts of open and of the
// key's signatures are of. tell is given the error of each request that failed, by
// several goroutines: clients are told no more than that it failed. Why there is no
// key it is given once, and again when the cause has changed.
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
		return nil, errors.Join(fmt.Errorf("%w: %w", trust.ErrUnsupportedKey, err), key.Close())
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

// forgetThis is Forget for a key that turned out to be another card's, or unusable,
// if that is not known yet.
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

// tellAbsent tells why there is no key to show, unless that is why there was none the
// last time: clients ask at every login, and some all the time. With nil there is one.
func (a *Agent) tellAbsent(err error) {
	var cause string
	if err != nil {
		cause = err.Error()
	}
	a.mu.Lock()
	told := cause == a.absent && !costly(err)
	a.absent = cause
	a.mu.Unlock()
	if err != nil && !told {
		a.tell(err)
	}
}

// costly tells whether somebody has to know of each such failure: a PIN was sent, or
// the card may still be unlocked.
func costly(err error) bool {
	return errors.Is(err, credential.ErrWrong) || errors.Is(err, credential.ErrOutcomeUnknown) || errors.Is(err, jpki.ErrStillUnlocked)
}
