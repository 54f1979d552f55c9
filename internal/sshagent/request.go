package sshagent

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/jpki/credential"
	"github.com/mykeykit/mykeykit/jpki/trust"
)

// Request describes a client's request. The client chooses User and Namespace, and its
// executable may have any name: make them printable before showing them.
type Request struct {
	Kind      Kind
	User      string // of a Login: the user name on the server
	Namespace string // of a Signature: its purpose
	Process   Process
}

// Kind is a kind of request.
type Kind int

// The kinds of requests.
const (
	ShowKey   Kind = iota // listing the key; a phone shows it only after the PIN
	Login                 // a login to an SSH server
	Signature             // an SSHSIG signature by ssh-keygen -Y, for files and commits
)

// Process is a client on this machine.
type Process struct {
	PID        int    // 0: unknown
	Executable string // its path, or its name if the path is not available; "": unknown
}

func (p Process) String() string {
	if p.PID == 0 {
		return "an unknown process"
	}
	if p.Executable == "" {
		return fmt.Sprintf("process %d", p.PID)
	}
	return fmt.Sprintf("process %d, %s", p.PID, p.Executable)
}

type requestKey struct{}

// RequestOf returns the request from a context that an [Agent] passed to a callback.
func RequestOf(ctx context.Context) Request {
	r, _ := ctx.Value(requestKey{}).(Request)
	return r
}

// request implements [agent.ExtendedAgent] for one request of a client.
type request struct {
	*Agent
	ctx    context.Context
	client *client
}

var _ agent.ExtendedAgent = request{}

// context returns a context for [RequestOf].
func (r request) context(details Request) context.Context {
	details.Process = r.client.process
	return context.WithValue(r.ctx, requestKey{}, details)
}

// List lists the card's key, or nothing if there is no usable card. It never fails: clients
// would treat the agent as broken, and some would abort the login.
func (r request) List() ([]*agent.Key, error) {
	known, err := r.visibleKey()
	if err == nil || r.ctx.Err() == nil || alwaysReported(err) {
		r.reportAbsence(err)
	}
	if err != nil {
		return nil, nil
	}
	return []*agent.Key{{Format: known.public.Type(), Blob: known.public.Marshal(), Comment: r.comment}}, nil
}

func (r request) visibleKey() (*identity, error) {
	if err := r.client.check(); err != nil {
		return nil, err
	}
	return r.key(r.context(Request{Kind: ShowKey}))
}

// SignWithFlags signs data that [parseSignable] accepts. The agent hashes the data itself,
// so that a client can't have the card sign a digest of its choice.
func (r request) SignWithFlags(key ssh.PublicKey, data []byte, flags agent.SignatureFlags) (*ssh.Signature, error) {
	signature, err := r.sign(key, data, flags)
	if err != nil {
		return nil, r.reportFailure(err)
	}
	return signature, nil
}

func (r request) sign(key ssh.PublicKey, data []byte, flags agent.SignatureFlags) (*ssh.Signature, error) {
	if err := r.client.check(); err != nil {
		return nil, err
	}
	parsed, err := parseSignable(data, key.Marshal())
	if err != nil {
		return nil, err
	}
	algorithm, err := algorithmFor(key, flags)
	switch {
	case err != nil:
		return nil, err
	case parsed.Kind == Login && parsed.algorithm != algorithm:
		return nil, fmt.Errorf("%w: a login with another algorithm", ErrData)
	}
	if err := r.client.checkLogin(parsed); err != nil {
		return nil, err
	}
	ctx := r.context(parsed.Request)
	known, err := r.key(ctx)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(key.Marshal(), known.public.Marshal()) {
		return nil, ErrOtherKey
	}
	signature, err := known.sign(ctx, data, algorithm)
	if obsolete(err) {
		r.forgetKey(known)
	}
	return signature, err
}

// obsolete reports whether an error means that the key must be read again.
func obsolete(err error) bool {
	return errors.Is(err, credential.ErrOtherCard) || errors.Is(err, credential.ErrLocked) || errors.As(err, new(*trust.ValidityError))
}

// Sign is a request without flags. For an RSA key it is rejected, as it asks for SHA-1.
func (r request) Sign(key ssh.PublicKey, data []byte) (*ssh.Signature, error) {
	return r.SignWithFlags(key, data, 0)
}

func (r request) Add(agent.AddedKey) error       { return r.reportFailure(ErrReadOnly) }
func (r request) Remove(ssh.PublicKey) error     { return r.reportFailure(ErrReadOnly) }
func (r request) RemoveAll() error               { return r.reportFailure(ErrReadOnly) }
func (r request) Lock([]byte) error              { return r.reportFailure(ErrReadOnly) }
func (r request) Unlock([]byte) error            { return r.reportFailure(ErrReadOnly) }
func (r request) Signers() ([]ssh.Signer, error) { return nil, r.reportFailure(ErrReadOnly) }

// Extension supports only [sessionBind]. A rejected announcement is reported at the next
// request for the key.
func (r request) Extension(name string, contents []byte) ([]byte, error) {
	if name != sessionBind {
		return nil, agent.ErrExtensionUnsupported
	}
	return nil, r.client.bind(contents)
}

// reportFailure reports why a request failed and which process made it. If the client has
// disconnected, it reports only that a PIN was sent or that the card may still be unlocked.
func (r request) reportFailure(err error) error {
	var pin *credential.Error
	if r.ctx.Err() == nil || errors.As(err, &pin) || errors.Is(err, jpki.ErrStillUnlocked) {
		r.report(fmt.Errorf("%w (asked by %s)", err, r.client.process))
	}
	return err
}
