// Package sshagent serves the key of a card to SSH clients over the ssh-agent protocol
// (RFC 9987). The agent serves no other key; clients can't add or remove keys.
//
// The agent reads the key from the card when a client first asks for it, and again after
// [Agent.Forget]. Without a usable card the list of keys is empty, so that SSH clients
// continue with their other keys or a password.
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

// Reasons why a request or a connection was rejected before anything was sent to the card.
var (
	// ErrReadOnly reports a request to add or remove keys, or to lock the agent.
	ErrReadOnly = errors.New("the agent serves only the card's key")
	// ErrAlgorithm reports a request for a signature with SHA-1 (ssh-rsa) or an unknown
	// algorithm.
	ErrAlgorithm = errors.New("signature algorithm rejected")
	// ErrData reports that the data to sign is neither a login with this key nor an
	// SSHSIG signature.
	ErrData = errors.New("neither a login with this key nor an SSH signature")
	// ErrOtherKey reports a request for a signature with a key that is not the card's.
	ErrOtherKey = errors.New("not the key of this card")
	// ErrForwarded reports a request from another machine, to which the agent is
	// forwarded.
	ErrForwarded = errors.New("request through a forwarded agent")
	// ErrSession reports a login that does not belong to an SSH session that the client
	// announced, or an announcement that could not be verified.
	ErrSession = errors.New("login does not belong to an announced SSH session")
	// ErrOtherUser reports a connection from another user.
	ErrOtherUser = errors.New("connection from another user")
	// ErrIdleClosed reports that there are too many connections, so that the one that has
	// been idle longest was closed. It is reported once.
	ErrIdleClosed = errors.New("too many connections: idle connections are closed")
	// ErrAllBusy reports that there are too many connections, each with a request in
	// progress, so that a new one was rejected. It is reported once.
	ErrAllBusy = errors.New("too many requests in progress: new connections are rejected")
)

// Key is a key on a card. [jpki.Signer] implements it.
type Key interface {
	Public() crypto.PublicKey
	// SignContext signs a digest. It is safe for concurrent use.
	SignContext(ctx context.Context, digest []byte, opts crypto.SignerOpts) ([]byte, error)
	// Close logs the card out if the key holds it.
	Close() error
}

// Agent serves a card's key to SSH clients. It is safe for concurrent use.
type Agent struct {
	open    func(context.Context) (Key, error)
	comment string
	report  func(error)

	sem     chan struct{} // guards current; unlike a mutex, waiting ends with a context
	current *identity     // nil: read at the next request
	closing sync.WaitGroup

	clients                     clients
	idleClosedOnce, allBusyOnce sync.Once // limit the reports

	mu          sync.Mutex
	lastAbsence string // the last reported reason why there is no key; "": there is one
}

// identity is the card's key with its SSH public key.
type identity struct {
	Key
	public ssh.PublicKey
}

// sign hashes data and signs the hash with the key.
func (i *identity) sign(ctx context.Context, data []byte, algorithm string) (*ssh.Signature, error) {
	signer, err := ssh.NewSignerFromSigner(withContext{i.Key, ctx})
	if err != nil {
		return nil, err
	}
	return signer.(ssh.AlgorithmSigner).SignWithAlgorithm(nil, data, algorithm)
}

// withContext is a crypto.Signer for one signature.
type withContext struct {
	Key
	ctx context.Context
}

func (k withContext) Sign(_ io.Reader, digest []byte, options crypto.SignerOpts) ([]byte, error) {
	return k.SignContext(k.ctx, digest, options)
}

// New returns an agent. It calls open to read the key of the present card, and lists the
// key with the comment. [RequestOf] returns the request from the contexts of open and of
// Key.SignContext. The agent calls report with the error of each failed request; clients
// only learn that it failed. The reason why there is no key is reported once, and again
// when it changes. open and report must be safe for concurrent use.
func New(open func(context.Context) (Key, error), comment string, report func(error)) *Agent {
	return &Agent{open: open, comment: comment, report: report, sem: make(chan struct{}, 1)}
}

// key returns the card's key. It reads the key if it is not known.
func (a *Agent) key(ctx context.Context) (*identity, error) {
	select {
	case a.sem <- struct{}{}:
		defer func() { <-a.sem }()
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

// Forget makes the agent read the key again at the next request, because there may be
// another card. It closes the known key, possibly after it has returned.
func (a *Agent) Forget() {
	a.sem <- struct{}{}
	defer func() { <-a.sem }()
	a.drop(a.current)
}

// forgetKey is like Forget but does nothing if known is no longer the current key.
func (a *Agent) forgetKey(known *identity) {
	a.sem <- struct{}{}
	defer func() { <-a.sem }()
	if a.current == known {
		a.drop(known)
	}
}

// drop closes the known key in the background. The caller must hold sem.
func (a *Agent) drop(known *identity) {
	a.current = nil
	if known == nil {
		return
	}
	a.closing.Go(func() {
		if err := known.Close(); err != nil {
			a.report(err)
		}
	})
}

// reportAbsence reports why there is no key to list, unless the reason is the same as the
// last time: clients ask at every login, and some poll. A nil error means that there is a
// key.
func (a *Agent) reportAbsence(err error) {
	var cause string
	if err != nil {
		cause = err.Error()
	}
	a.mu.Lock()
	known := cause == a.lastAbsence && !alwaysReported(err)
	a.lastAbsence = cause
	a.mu.Unlock()
	if err != nil && !known {
		a.report(err)
	}
}

// alwaysReported reports whether each failure of this kind must be reported: a PIN was sent,
// or the card may still be unlocked.
func alwaysReported(err error) bool {
	return errors.Is(err, credential.ErrWrong) || errors.Is(err, credential.ErrOutcomeUnknown) || errors.Is(err, jpki.ErrStillUnlocked)
}
