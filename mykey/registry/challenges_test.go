package registry_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/jpki/proof"
	"github.com/mykeykit/mykeykit/mykey/registry"
)

func challenge(t testing.TB, now time.Time) proof.Challenge {
	t.Helper()
	c, err := proof.NewChallenge("https://points.example", "visit", now, rand.Reader)
	require.NoError(t, err)
	return c
}

// visit returns the ID of the nth visit, and the digest of its evidence.
func visit(n int) (id [16]byte, evidence [32]byte) {
	id[0], evidence[0] = byte(n), byte(n)
	id[1], evidence[1] = byte(n>>8), byte(n>>8)
	return id, evidence
}

// A challenge can be answered by one visit of the terminal for which it was made, whichever
// server is asked. The same request again is the same visit.
func TestChallengesAreAnsweredOnce(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		now := today
		clock := registry.WithClock(func() time.Time { return now })
		first, second := openNamed(t, url, "server-1", clock), openNamed(t, url, "server-2", clock)
		c := challenge(t, now)
		id, evidence := visit(1)
		otherID, otherEvidence := visit(2)
		require.ErrorIs(t, first.UseChallenge(ctx, "kiosk-1", c, id, evidence), proof.ErrUsed, "it was not stored")
		require.NoError(t, first.StoreChallenge(ctx, "kiosk-1", c))
		require.ErrorIs(t, first.UseChallenge(ctx, "kiosk-2", c, id, evidence), proof.ErrUsed, "made for another terminal")
		for _, edit := range []func(c *proof.Challenge){
			func(c *proof.Challenge) { c.Audience += "x" },
			func(c *proof.Challenge) { c.Purpose += "x" },
			func(c *proof.Challenge) { c.Nonce[0]++ },
			func(c *proof.Challenge) { c.Time = c.Time.Add(time.Second) },
		} {
			altered := c
			edit(&altered)
			require.ErrorIs(t, first.UseChallenge(ctx, "kiosk-1", altered, id, evidence), proof.ErrUsed, "an altered challenge")
		}

		require.NoError(t, first.CheckChallenge(ctx, "kiosk-1", c, otherID, otherEvidence), "which records nothing")
		require.NoError(t, second.CheckChallenge(ctx, "kiosk-1", c, id, evidence))
		require.ErrorIs(t, first.CheckChallenge(ctx, "kiosk-2", c, id, evidence), proof.ErrUsed)
		require.NoError(t, second.UseChallenge(ctx, "kiosk-1", c, id, evidence))
		for _, server := range []*registry.Registry{first, second} {
			require.NoError(t, server.UseChallenge(ctx, "kiosk-1", c, id, evidence), "the same visit")
			require.NoError(t, server.CheckChallenge(ctx, "kiosk-1", c, id, evidence))
			require.ErrorIs(t, server.CheckChallenge(ctx, "kiosk-1", c, otherID, evidence), proof.ErrUsed)
			require.ErrorIs(t, server.CheckChallenge(ctx, "kiosk-1", c, id, otherEvidence), proof.ErrUsed)
			require.ErrorIs(t, server.UseChallenge(ctx, "kiosk-1", c, otherID, evidence), proof.ErrUsed)
			require.ErrorIs(t, server.UseChallenge(ctx, "kiosk-1", c, id, otherEvidence), proof.ErrUsed)
			require.ErrorIs(t, server.UseChallenge(ctx, "kiosk-2", c, id, evidence), proof.ErrUsed)
		}
		now = now.Add(registry.VisitTime)
		require.NoError(t, first.UseChallenge(ctx, "kiosk-1", c, id, evidence))
		now = now.Add(time.Second)
		require.ErrorIs(t, first.UseChallenge(ctx, "kiosk-1", c, id, evidence), proof.ErrUsed, "the visit has ended")
		assert.NotContains(t, rows(t, first, "challenges")[0], "nonce")
	})
}

// A challenge must be answered within the age that package proof allows by default, although the
// requests of a visit repeat the answer later.
func TestChallengesExpire(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		now := today
		r := open(t, url, registry.WithClock(func() time.Time { return now }))
		id, evidence := visit(1)
		late, timely := challenge(t, now), challenge(t, now)
		require.NoError(t, r.StoreChallenge(ctx, "kiosk-1", late))
		require.NoError(t, r.StoreChallenge(ctx, "kiosk-1", timely))
		now = now.Add(proof.DefaultMaxAge)
		require.NoError(t, r.UseChallenge(ctx, "kiosk-1", timely, id, evidence))
		now = now.Add(time.Second)
		require.ErrorIs(t, r.CheckChallenge(ctx, "kiosk-1", late, id, evidence), proof.ErrAge)
		require.ErrorIs(t, r.UseChallenge(ctx, "kiosk-1", late, id, evidence), proof.ErrAge)
		require.NoError(t, r.UseChallenge(ctx, "kiosk-1", timely, id, evidence))
	})
}

// Challenges are deleted after an hour, a limited number at once.
func TestOldChallengesAreDeleted(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		now := today
		r := open(t, url, registry.WithClock(func() time.Time { return now }))
		require.NoError(t, r.Transact(ctx, func(exec func(string, ...any) error) error {
			for n := range 600 {
				digest := bytes.Repeat([]byte{byte(n), byte(n >> 8)}, 16)
				if err := exec(`INSERT INTO challenges VALUES ($1, $2, 'kiosk-1', $3, $4, $4, 0)`, r.Namespace(), digest, now.Unix(), []byte{}); err != nil {
					return err
				}
			}
			return exec(`INSERT INTO challenges VALUES ($1, $2, 'kiosk-1', $3, $4, $4, 0)`, "library.example", make([]byte, 32), now.Unix(), []byte{})
		}))
		store := func() (remaining int) {
			require.NoError(t, r.StoreChallenge(ctx, "kiosk-1", challenge(t, now)))
			return len(rows(t, r, "challenges")) - 1
		}
		now = now.Add(time.Hour)
		require.Equal(t, 601, store())
		now = now.Add(time.Second)
		require.Equal(t, 601+1-256, store())
		require.Equal(t, 601+2-256, store(), "at most once per second")
		now = now.Add(time.Second)
		require.Equal(t, 601+3-512, store())
		now = now.Add(time.Second)
		require.Equal(t, 1+4, store(), "the other namespace's challenge stays")
	})
}

// Two servers get answers to the same challenges at once, from terminals that repeat lost
// answers. Each challenge is answered by one visit.
func TestChallengesAreAnsweredOnceAtOnce(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		servers := []*registry.Registry{openNamed(t, url, "server-1"), openNamed(t, url, "server-2")}
		for range 10 {
			answerAtOnce(ctx, t, servers, challenge(t, today))
		}
	})
}

// answerAtOnce answers a challenge in 8 visits at once, and repeats each answer. One visit must be
// accepted, both times.
func answerAtOnce(ctx context.Context, t *testing.T, servers []*registry.Registry, c proof.Challenge) {
	t.Helper()
	_, err := retryUnavailable(ctx, func() (any, error) {
		_ = servers[0].StoreChallenge(ctx, "kiosk-1", c) // it may have been stored although the answer was lost
		id, evidence := visit(0)
		return nil, errors.Join(servers[0].StoreChallenge(ctx, "kiosk-1", challenge(t, today)), notUsed(servers[1].UseChallenge(ctx, "kiosk-2", c, id, evidence)))
	})
	require.NoError(t, err)
	var accepted atomic.Int64
	var visits sync.WaitGroup
	for n := range 8 {
		visits.Go(func() {
			id, evidence := visit(n)
			for repeat := range 2 {
				_, err := retryUnavailable(ctx, func() (any, error) {
					return nil, servers[(n+repeat)%2].UseChallenge(ctx, "kiosk-1", c, id, evidence)
				})
				if err == nil {
					accepted.Add(1)
				} else {
					assert.ErrorIs(t, err, proof.ErrUsed)
				}
			}
		})
	}
	visits.Wait()
	assert.Equal(t, int64(2), accepted.Load())
}

// notUsed returns nil for proof.ErrUsed.
func notUsed(err error) error {
	if errors.Is(err, proof.ErrUsed) {
		return nil
	}
	return err
}

// A challenge stays single-use while the server of the database is killed.
func TestChallengesOutliveTheServer(t *testing.T) {
	s := postgres(t)
	url := s.Database(t)
	servers := []*registry.Registry{openNamed(t, url, "server-1"), openNamed(t, url, "server-2")}
	var answered atomic.Int64
	watched := cancelOnStall(ctx, t, &answered)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for range 60 {
			answerAtOnce(watched, t, servers, challenge(t, today))
			answered.Add(1)
		}
	}()
	for _, kill := range []int64{10, 30} {
		for answered.Load() < kill && watched.Err() == nil {
			time.Sleep(time.Millisecond)
		}
		s.Kill()
		require.NoError(t, s.Launch())
	}
	<-ended
	require.NoError(t, watched.Err())
}

// A terminal asks for a challenge before it asks for a PIN: it must fail if the result of the
// visit can't be stored.
func TestStoreChallengeChecksTheDatabase(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		now := today
		clock := registry.WithClock(func() time.Time { return now })
		r := openNamed(t, url, "server", clock)
		require.ErrorIs(t, r.StoreChallenge(ctx, "a b", challenge(t, now)), registry.ErrTerminal)
		canceled, cancel := context.WithCancel(ctx)
		cancel()
		require.ErrorIs(t, r.StoreChallenge(canceled, "kiosk-1", challenge(t, now)), registry.ErrUnavailable)
		require.NoError(t, r.StoreChallenge(ctx, "kiosk-1", challenge(t, now)))

		now = now.Add(time.Minute)
		openNamed(t, url, "server", clock)
		require.ErrorIs(t, r.StoreChallenge(ctx, "kiosk-1", challenge(t, now)), registry.ErrTerminalTaken)
	})
	t.Run("sqlite, locked", func(t *testing.T) {
		url := "sqlite:" + filepath.Join(t.TempDir(), "registry.db")
		r, other := open(t, url), open(t, url)
		tx, err := other.DB().Begin() // takes the lock
		require.NoError(t, err)
		require.ErrorIs(t, r.StoreChallenge(ctx, "kiosk-1", challenge(t, today)), registry.ErrUnavailable)
		require.NoError(t, tx.Rollback())
		require.NoError(t, r.StoreChallenge(ctx, "kiosk-1", challenge(t, today)))
	})
	t.Run("postgres, without the table", func(t *testing.T) {
		url := engines["postgres"](t)
		r := open(t, url)
		_, err := r.DB().Exec(`ALTER TABLE challenges RENAME TO gone`)
		require.NoError(t, err)
		require.ErrorIs(t, r.StoreChallenge(ctx, "kiosk-1", challenge(t, today)), registry.ErrUnavailable)
	})
}

// If the answer to a commit is lost, the repeated answer to the challenge is the same visit.
func TestLostAnswerIsTheSameVisit(t *testing.T) {
	p, through := newProxy(t, engines["postgres"](t))
	r := open(t, through)
	for name, fault := range map[string]fault{"request": dropRequest, "answer": dropAnswer} {
		c := challenge(t, today)
		require.NoError(t, r.StoreChallenge(ctx, "kiosk-1", c))
		id, evidence := visit(1)
		p.inject(fault, 1)
		require.NoError(t, r.UseChallenge(ctx, "kiosk-1", c, id, evidence), name)
		p.inject(noFault, 0)
		id, evidence = visit(2)
		require.ErrorIs(t, r.UseChallenge(ctx, "kiosk-1", c, id, evidence), proof.ErrUsed)
		p.inject(fault, 1)
		require.ErrorIs(t, r.StoreChallenge(ctx, "kiosk-1", challenge(t, today)), registry.ErrUnavailable, "as Ping, it does not repeat")
		p.inject(noFault, 0)
	}
}
