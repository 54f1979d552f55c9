package terminal_test

import (
	"context"
	"sync"

	"github.com/mykeykit/mykeykit/jpki/proof"
	"github.com/mykeykit/mykeykit/mykey"
	"github.com/mykeykit/mykeykit/mykey/registry"
)

// fakeRegistry is a registry for tests.
type fakeRegistry struct {
	mu          sync.Mutex
	down        bool
	ping        error         // returned by Ping
	slow        chan struct{} // if not nil, Ping waits for it
	failures    error         // returned by changes
	lostCount   int           // number of answers to Renew to lose after the change was made
	reserved    map[string]*registry.Reservation
	used        map[string]bool
	confirmed   []registry.Account
	wait        chan struct{} // if not nil, Reserve waits for it
	slowConfirm chan struct{} // if not nil, Confirm waits for it
}

func (b *fakeRegistry) err() error {
	if b.down {
		return registry.ErrUnavailable
	}
	return b.failures
}

func (b *fakeRegistry) Ping(ctx context.Context) error {
	if b.slow != nil {
		select {
		case <-b.slow:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.down {
		return registry.ErrUnavailable
	}
	return b.ping
}

func (b *fakeRegistry) set(change func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	change()
}

func (b *fakeRegistry) Find(_ context.Context, holder *proof.Holder) (*registry.Reservation, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.down {
		return nil, registry.ErrUnavailable
	}
	if r := b.reserved[string(holder.Certificate().RawSubjectPublicKeyInfo)]; r != nil {
		return r, nil
	}
	return nil, registry.ErrNotFound
}

// NewCode succeeds if the holder has an identifier.
func (b *fakeRegistry) ReplaceRecoveryCode(ctx context.Context, _ registry.Operation, holder *proof.Holder, _ registry.RecoveryCode) (*registry.Reservation, error) {
	if err := b.err(); err != nil {
		return nil, err
	}
	return b.Find(ctx, holder)
}

func (b *fakeRegistry) Reserve(_ context.Context, _ registry.Operation, holder *proof.Holder, _ registry.RecoveryCode) (*registry.Reservation, error) {
	b.mu.Lock()
	wait := b.wait
	b.mu.Unlock()
	if wait != nil {
		<-wait
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.err(); err != nil {
		return nil, err
	}
	who := string(holder.Certificate().RawSubjectPublicKeyInfo)
	if r := b.reserved[who]; r != nil {
		found := *r
		found.New = false
		return &found, nil
	}
	r := &registry.Reservation{ID: mykey.ID("ABCD2345"), State: registry.Reserved, Expiry: mykey.MonthOf(holder.Certificate().NotAfter), New: true}
	b.reserved[who] = r
	return r, nil
}

func (b *fakeRegistry) Renew(_ context.Context, _ registry.Operation, holder *proof.Holder, _ registry.RenewalProof, _ registry.RecoveryCode) (*registry.Reservation, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.err(); err != nil {
		return nil, err
	}
	r := &registry.Reservation{ID: mykey.ID("WXYZ6789"), State: registry.Reserved, Expiry: mykey.MonthOf(holder.Certificate().NotAfter)}
	b.reserved[string(holder.Certificate().RawSubjectPublicKeyInfo)] = r
	if b.lostCount > 0 {
		b.lostCount--
		return nil, registry.ErrUnavailable
	}
	return r, nil
}

func (b *fakeRegistry) Preview(_ context.Context, holder *proof.Holder, account registry.Account) (registry.Preview, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.err(); err != nil {
		return registry.Preview{}, err
	}
	if b.used[account.ID()] {
		return registry.Preview{}, registry.ErrAccountUsed
	}
	b.confirmed = append(b.confirmed, account)
	return registry.NewPreview(holder, "ABCD2345", account), nil
}

func (b *fakeRegistry) Confirm(context.Context, registry.Operation, registry.Preview) (*registry.Reservation, error) {
	b.mu.Lock()
	slow := b.slowConfirm
	b.mu.Unlock()
	if slow != nil {
		<-slow
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.err(); err != nil {
		return nil, err
	}
	for _, r := range b.reserved {
		r.Application = &registry.Link{Service: "sample-pay"}
		return r, nil
	}
	return nil, registry.ErrNotFound
}

func (b *fakeRegistry) Withdraw(context.Context, registry.Operation, *proof.Holder) (*registry.Reservation, error) {
	return nil, registry.ErrNotFound
}
