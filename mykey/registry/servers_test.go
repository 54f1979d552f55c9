package registry_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/jpki/proof"
	"github.com/mykeykit/mykeykit/mykey/registry"
)

// kiosks simulates terminals that send signed requests to several servers. Each request goes to
// another server.
type kiosks struct {
	servers []*registry.Registry
	next    atomic.Int64
	answers atomic.Int64
}

func (k *kiosks) server() *registry.Registry {
	return k.servers[int(k.next.Add(1))%len(k.servers)]
}

// visit serves the nth holder at a terminal.
func (k *kiosks) visit(ctx context.Context, t *testing.T, name string, n int) error {
	id, evidence := visit(n)
	asked, err := retryUnavailable(ctx, func() (proof.Challenge, error) {
		c := challenge(t, today)
		return c, k.server().StoreChallenge(ctx, name, c)
	})
	if err != nil {
		return err
	}
	for _, kind := range []string{"reserve", "apply"} {
		operation := registry.NewOperation()
		o := request(name, registry.RoleTerminal, "points.example", operation, kind)
		_, err := retryUnavailable(ctx, func() (any, error) {
			r := k.server().From(o)
			if err := r.UseChallenge(ctx, name, asked, id, evidence); err != nil {
				return nil, err
			}
			return nil, requests[kind](r, operation, n, nil, registry.RecoveryCode{})
		})
		if err != nil && !errors.Is(err, registry.ErrApplied) { // the answer to Confirm was lost, so Preview is refused
			return fmt.Errorf("%s: %w", kind, err)
		}
		k.answers.Add(1)
	}
	return nil
}

// While 40 terminals work with three servers that have four chains each, the database is killed
// twice. Each change is made once, in the name of its terminal.
//
// Faults: F140.
func TestServersOutliveTheDatabase(t *testing.T) {
	s := postgres(t)
	url := s.Database(t)
	k := &kiosks{}
	list := []registry.TerminalKey{}
	for n := range 3 {
		name := fmt.Sprint("server-", n)
		k.servers = append(k.servers, openNamed(t, url, name, registry.WithChains(4)))
		list = append(list, terminal(name).Public())
	}
	const terminals, visits = 40, 4
	ctx := cancelOnStall(ctx, t, &k.answers)
	var working sync.WaitGroup
	for terminal := range terminals {
		working.Go(func() {
			for n := range visits {
				assert.NoError(t, k.visit(ctx, t, fmt.Sprint("kiosk-", terminal), terminal*visits+n))
			}
		})
	}
	for _, kill := range []int64{80, 200} {
		for k.answers.Load() < kill && ctx.Err() == nil {
			time.Sleep(time.Millisecond)
		}
		s.Kill()
		require.Less(t, k.answers.Load(), int64(2*terminals*visits), "killed in the middle")
		require.NoError(t, s.Launch())
	}
	working.Wait()
	require.NoError(t, ctx.Err())
	for n := range terminals {
		list = append(list, terminal(fmt.Sprint("kiosk-", n)).Public())
	}
	heads, err := verifyWith(k.servers[0], list)
	require.NoError(t, err)
	var records int64
	for _, h := range heads {
		records += h.Number
	}
	assert.Equal(t, int64(2*terminals*visits), records, "a reservation and an application for each visit")
	counts := map[string]int{}
	for _, row := range rows(t, k.servers[0], "audit") {
		counts[row["terminal"]]++
	}
	assert.Len(t, counts, terminals)
	for name, n := range counts {
		assert.Equal(t, 2*visits, n, name)
	}
}
