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

// Request is what a client asks for, and which process it is. All of it is the
// client's word, but for the process: show it to nobody before it is made printable.
type Request struct {
	Kind      Kind
	User      string // of a Login: the name at the server
	Namespace string // of a Signature: what it is for
	Process   Process
}

// Kind is a kind of request.
type Kind int

// The kinds of requests.
const (
	ShowKey   Kind = iota // a phone shows its key only after the PIN
	Login                 // a login at an SSH server
	Signature             // SSHSIG: what ssh-keygen -Y signs, as of files and commits
)

// Process is a client on this machine.
type Process struct {
	PID        int    // 0: unknown
	Executable string // its path, or its name alone where that is all there is; "": unknown
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

// RequestOf returns the request that a context given by an [Agent] is of.
func RequestOf(ctx context.Context) Request {
	r, _ := ctx.Value(requestKey{}).(Request)
	return r
}

// request is the agent for one request of a client, which ends with ctx.
type request struct {
	*Agent
	ctx    context.Context
	client *client
}

var _ agent.ExtendedAgent = request{}

func (r request) context(what Request) context.Context {
	what.Process = r.client.process
	return context.WithValue(r.ctx, requestKey{}, what)
}

// List shows the card's key, or none: clients take a failure for a broken agent, and
// some end the whole login for it.
func (r request) List() ([]*agent.Key, error) {
	known, err := r.shown()
	if err == nil || r.ctx.Err() == nil || costly(err) {
		r.tellAbsent(err)
	}
	if err != nil {
		return nil, nil
	}
	return []*agent.Key{{Format: known.public.Type(), Blob: known.public.Marshal(), Comment: r.comment}}, nil
}

func (r request) shown() (*identity, error) {
	if err := r.client.refused(); err != nil {
		return nil, err
	}
	return r.key(r.context(Request{Kind: ShowKey}))
}

// SignWithFlags signs what [parseSignable] takes. The agent hashes it itself, so a
// client never has the card sign a digest of its own making.
func (r request) SignWithFlags(key ssh.PublicKey, data []byte, flags agent.SignatureFlags) (*ssh.Signature, error) {
	signature, err := r.sign(key, data, flags)
	if err != nil {
		return nil, r.failed(err)
	}
	return signature, nil
}

func (r request) sign(key ssh.PublicKey, data []byte, flags agent.SignatureFlags) (*ssh.Signature, error) {
	if err := r.client.refused(); err != nil {
		return nil, err
	}
	what, err := parseSignable(data, key.Marshal())
	if err != nil {
		return nil, err
	}
	algorithm, err := algorithmFor(key, flags)
	switch {
	case err != nil:
		return nil, err
	case what.Kind == Login && what.algorithm != algorithm:
		return nil, fmt.Errorf("%w: a login with another algorithm", ErrData)
	}
	if err := r.client.announced(what); err != nil {
		return nil, err
	}
	ctx := r.context(what.Request)
	known, err := r.key(ctx)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(key.Marshal(), known.public.Marshal()) {
		return nil, ErrOtherKey
	}
	signature, err := known.sign(ctx, data, algorithm)
	if unusable(err) {
		r.forgetThis(known)
	}
	return signature, err
}

// unusable tells whether a key that failed so must not be shown any more.
func unusable(err error) bool {
	return errors.Is(err, credential.ErrOtherCard) || errors.Is(err, credential.ErrLocked) || errors.As(err, new(*trust.ValidityError))
}

// Sign is a request without flags, for a signature with SHA-1.
func (r request) Sign(key ssh.PublicKey, data []byte) (*ssh.Signature, error) {
	return r.SignWithFlags(key, data, 0)
}

func (r request) Add(agent.AddedKey) error       { return r.failed(ErrReadOnly) }
func (r request) Remove(ssh.PublicKey) error     { return r.failed(ErrReadOnly) }
func (r request) RemoveAll() error               { return r.failed(ErrReadOnly) }
func (r request) Lock([]byte) error              { return r.failed(ErrReadOnly) }
func (r request) Unlock([]byte) error            { return r.failed(ErrReadOnly) }
func (r request) Signers() ([]ssh.Signer, error) { return nil, r.failed(ErrReadOnly) }

// Extension takes [sessionBind] alone. What it refuses is told when a key is asked
// for, if it ever is.
func (r request) Extension(name string, contents []byte) ([]byte, error) {
	if name != sessionBind {
		return nil, agent.ErrExtensionUnsupported
	}
	return nil, r.client.bind(contents)
}

// failed tells why a request failed and who made it, but not that its client went
// away: of a PIN that was sent by then, or a card that could not be left, somebody has
// to know.
func (r request) failed(err error) error {
	var pin *credential.Error
	if r.ctx.Err() == nil || errors.As(err, &pin) || errors.Is(err, jpki.ErrStillUnlocked) {
		r.tell(fmt.Errorf("%w (asked by %s)", err, r.client.process))
	}
	return err
}
