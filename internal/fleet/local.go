package fleet

import (
	"context"
	"crypto/rand"
	"sync"
	"time"

	"github.com/mykeykit/mykeykit/jpki/proof"
	"github.com/mykeykit/mykeykit/jpki/trust"
	"github.com/mykeykit/mykeykit/mykey"
	"github.com/mykeykit/mykeykit/mykey/registry"
)

// Registry is the part of registry.Registry that this package uses.
type Registry interface {
	Find(ctx context.Context, holder *proof.Holder) (*registry.Reservation, error)
	Reserve(ctx context.Context, operation registry.Operation, holder *proof.Holder, code registry.RecoveryCode) (*registry.Reservation, error)
	Renew(ctx context.Context, operation registry.Operation, holder *proof.Holder, by registry.RenewalProof, code registry.RecoveryCode) (*registry.Reservation, error)
	ReplaceRecoveryCode(ctx context.Context, operation registry.Operation, holder *proof.Holder, code registry.RecoveryCode) (*registry.Reservation, error)
	Withdraw(ctx context.Context, operation registry.Operation, holder *proof.Holder) (*registry.Reservation, error)
	Preview(ctx context.Context, holder *proof.Holder, account registry.Account) (registry.Preview, error)
	Confirm(ctx context.Context, operation registry.Operation, p registry.Preview) (*registry.Reservation, error)
	Ping(ctx context.Context) error
}

// Local is the service of a terminal that has a registry itself.
type Local struct {
	registry Registry
	verifier proof.Verifier

	mu   sync.Mutex
	made map[[proof.NonceLength]byte]time.Time // challenges that were not answered
}

// localAudience names the verifier in a terminal that works alone.
const localAudience = "mykeykit terminal"

// NewLocal returns a service that uses a registry and trusts the CAs of a policy.
func NewLocal(r Registry, policy trust.Policy) *Local {
	l := &Local{registry: r, made: map[[proof.NonceLength]byte]time.Time{}}
	l.verifier = proof.Verifier{Audience: localAudience, Purpose: Purpose, Trust: policy, Once: l.use}
	return l
}

// Ping implements [Service].
func (l *Local) Ping(ctx context.Context) error { return l.registry.Ping(ctx) }

// Challenge implements [Service].
func (l *Local) Challenge(ctx context.Context) (proof.Challenge, error) {
	if err := l.registry.Ping(ctx); err != nil {
		return proof.Challenge{}, err
	}
	challenge, err := proof.NewChallenge(localAudience, Purpose, time.Now(), rand.Reader)
	if err != nil {
		return proof.Challenge{}, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for nonce, made := range l.made {
		if challenge.Time.Sub(made) > proof.DefaultMaxAge {
			delete(l.made, nonce)
		}
	}
	l.made[challenge.Nonce] = challenge.Time
	return challenge, nil
}

// use is a proof.Verifier's Once.
func (l *Local) use(_ context.Context, challenge proof.Challenge) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if made, ok := l.made[challenge.Nonce]; !ok || !made.Equal(challenge.Time) {
		return proof.ErrUsed
	}
	delete(l.made, challenge.Nonce)
	return nil
}

// Identify implements [Service].
func (l *Local) Identify(ctx context.Context, evidence proof.Evidence) (Visit, error) {
	holder, err := l.verifier.Verify(ctx, evidence)
	if err != nil {
		return nil, err
	}
	return localVisit{l.registry, holder}, nil
}

// localVisit is a visit at a registry.
type localVisit struct {
	registry Registry
	holder   *proof.Holder
}

func (v localVisit) Validity() trust.Validity { return v.holder.Validity() }

func (v localVisit) Find(ctx context.Context) (*registry.Reservation, error) {
	return v.registry.Find(ctx, v.holder)
}

func (v localVisit) Reserve(ctx context.Context, operation registry.Operation, code registry.RecoveryCode) (*registry.Reservation, error) {
	return v.registry.Reserve(ctx, operation, v.holder, code)
}

func (v localVisit) Renew(ctx context.Context, operation registry.Operation, id mykey.ID, code, next registry.RecoveryCode) (*registry.Reservation, error) {
	return v.registry.Renew(ctx, operation, v.holder, registry.ByRecoveryCode(id, code), next)
}

func (v localVisit) ReplaceRecoveryCode(ctx context.Context, operation registry.Operation, code registry.RecoveryCode) (*registry.Reservation, error) {
	return v.registry.ReplaceRecoveryCode(ctx, operation, v.holder, code)
}

func (v localVisit) Withdraw(ctx context.Context, operation registry.Operation) (*registry.Reservation, error) {
	return v.registry.Withdraw(ctx, operation, v.holder)
}

func (v localVisit) Preview(ctx context.Context, account registry.Account) (mykey.ID, error) {
	p, err := v.registry.Preview(ctx, v.holder, account)
	return p.Identifier(), err
}

func (v localVisit) Apply(ctx context.Context, operation registry.Operation, id mykey.ID, account registry.Account) (*registry.Reservation, error) {
	return v.registry.Confirm(ctx, operation, registry.NewPreview(v.holder, id, account))
}
