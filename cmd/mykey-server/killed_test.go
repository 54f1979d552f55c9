package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/fleet"
	"github.com/mykeykit/mykeykit/internal/postgrestest"
	"github.com/mykeykit/mykeykit/internal/prooftest"
	"github.com/mykeykit/mykeykit/jpki/proof"
	"github.com/mykeykit/mykeykit/mykey"
	"github.com/mykeykit/mykeykit/mykey/registry"
)

func TestMain(m *testing.M) {
	if arguments := os.Getenv(victimVariable); arguments != "" {
		os.Exit(serveAsVictim(strings.Split(arguments, "\n")))
	}
	os.Exit(m.Run())
}

// A server is killed at every point of every request: at each row that it writes and each commit
// in a file, at each message to PostgreSQL, and when it has answered. Another one takes over, to which the terminal
// repeats the request. PostgreSQL is killed in the middle and at the end of every request, and at
// last its standby takes over in the middle of a reservation. Every request has its effect, once.
//
// Faults: F140.
func TestSweepKilledServer(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) {
		v := newVictim(t, "")
		kills := v.sweep(v.killItself)
		require.GreaterOrEqual(t, kills, 2*len(sweptRequests))
		t.Logf("sweep: sqlite, server killed at %d points of %d kinds of requests", kills, len(sweptRequests))
	})
	t.Run("postgres", func(t *testing.T) {
		database, err := postgrestest.Start()
		database = postgrestest.Must(t, database, err)
		t.Cleanup(database.Stop)
		v := newVictim(t, database.Database(t))
		kills := v.sweep(v.killItself)
		require.GreaterOrEqual(t, kills, 5*len(sweptRequests))
		databaseKills := v.sweepDatabase(database)
		standby, err := database.Standby()
		require.NoError(t, err)
		t.Cleanup(standby.Stop)
		require.NoError(t, database.Synchronous())
		v.promote(database, standby)
		t.Logf("sweep: postgres, server killed at %d points and database at %d points of %d kinds of requests, standby promoted", kills, databaseKills, len(sweptRequests))
	})
}

// sweptRequest is a kind of request. prepare makes what it needs and returns a function that sends
// it, also a second time, and one that checks its effect.
type sweptRequest struct {
	name    string
	prepare func(h *sweptHolder) (send func() error, check func(*registry.Reservation, error))
	record  string // kind of the record that it makes
}

// sweptHolder is a holder with a card for one request.
type sweptHolder struct {
	*victim
	card prooftest.Card
}

// newHolder returns a holder who comes for the first time.
func (v *victim) newHolder() *sweptHolder {
	v.cards++
	return &sweptHolder{v, prooftest.Card{Kind: "killed", Number: v.cards, NotAfter: v.o.now.AddDate(2, 0, 0)}}
}

// visit starts a visit through a client.
func (h *sweptHolder) visit(client *fleet.Client) fleet.DeskVisit {
	h.o.Helper()
	v, err := client.IdentifyAtDesk(h.o.Context(), h.evidence(client))
	require.NoError(h.o, err)
	return v
}

func (h *sweptHolder) evidence(client *fleet.Client) proof.Evidence {
	h.o.Helper()
	challenge, err := client.Challenge(h.o.Context())
	require.NoError(h.o, err)
	return h.card.Answer(challenge)
}

// reserve starts a visit and makes a reservation.
func (h *sweptHolder) reserve() (fleet.DeskVisit, *registry.Reservation, registry.RecoveryCode) {
	h.o.Helper()
	v, code := h.visit(h.terminal), registry.NewRecoveryCode()
	r, err := v.Reserve(h.o.Context(), registry.NewOperation(), code)
	require.NoError(h.o, err)
	h.expected["reserve"]++
	return v, r, code
}

// changes returns a function that makes a change, repeated as at a terminal, and one that expects
// the identifier afterwards.
func (h *sweptHolder) changes(id mykey.ID, change func(registry.Operation) (*registry.Reservation, error)) (func() error, func(*registry.Reservation, error)) {
	send := func() error {
		r, err := registry.Retry(h.o.Context(), change)
		if err == nil && id != "" && r.ID != id {
			err = errors.New("another identifier")
		}
		return err
	}
	return send, func(found *registry.Reservation, err error) {
		require.NoError(h.o, err)
		assert.True(h.o, id == "" || found.ID == id)
	}
}

// nothing checks the effect of a request that changes no reservation.
func nothing(*registry.Reservation, error) {}

func account(number int) registry.Account {
	return registry.NewAccount("sample-pay", fmt.Sprintf("%010d", number), "4649")
}

var sweptRequests = []sweptRequest{
	{"challenge", func(h *sweptHolder) (func() error, func(*registry.Reservation, error)) {
		return func() error {
			_, err := h.terminal.Challenge(h.o.Context())
			return err
		}, nothing
	}, ""},
	{"identify", func(h *sweptHolder) (func() error, func(*registry.Reservation, error)) {
		evidence := h.evidence(h.terminal)
		return func() error {
			_, err := h.terminal.Identify(h.o.Context(), evidence)
			return err
		}, nothing
	}, ""},
	{"find", func(h *sweptHolder) (func() error, func(*registry.Reservation, error)) {
		v, r, _ := h.reserve()
		return h.changes(r.ID, func(registry.Operation) (*registry.Reservation, error) { return v.Find(h.o.Context()) })
	}, ""},
	{"heartbeat", func(h *sweptHolder) (func() error, func(*registry.Reservation, error)) {
		return func() error { return h.terminal.Heartbeat(h.o.Context(), "v1", 1) }, nothing
	}, ""},
	{"reserve", func(h *sweptHolder) (func() error, func(*registry.Reservation, error)) {
		v, code := h.visit(h.terminal), registry.NewRecoveryCode()
		return h.changes("", func(o registry.Operation) (*registry.Reservation, error) {
			r, err := v.Reserve(h.o.Context(), o, code)
			if err == nil && !r.New {
				err = errors.New("the recovery code is not in force")
			}
			return r, err
		})
	}, "reserve"},
	{"new recovery code", func(h *sweptHolder) (func() error, func(*registry.Reservation, error)) {
		v, r, _ := h.reserve()
		code := registry.NewRecoveryCode()
		return h.changes(r.ID, func(o registry.Operation) (*registry.Reservation, error) {
			return v.ReplaceRecoveryCode(h.o.Context(), o, code)
		})
	}, "new-recovery-code"},
	{"preview", func(h *sweptHolder) (func() error, func(*registry.Reservation, error)) {
		v, _, _ := h.reserve()
		return func() error {
			_, err := v.Preview(h.o.Context(), account(h.card.Number))
			return err
		}, nothing
	}, ""},
	{"apply", func(h *sweptHolder) (func() error, func(*registry.Reservation, error)) {
		v, r, _ := h.reserve()
		send, check := h.changes(r.ID, func(o registry.Operation) (*registry.Reservation, error) {
			return v.Apply(h.o.Context(), o, r.ID, account(h.card.Number))
		})
		return send, func(found *registry.Reservation, err error) {
			check(found, err)
			assert.NotNil(h.o, found.Application)
		}
	}, "apply"},
	{"withdraw", func(h *sweptHolder) (func() error, func(*registry.Reservation, error)) {
		v, r, _ := h.reserve()
		send, _ := h.changes(r.ID, func(o registry.Operation) (*registry.Reservation, error) { return v.Withdraw(h.o.Context(), o) })
		return send, func(_ *registry.Reservation, err error) { require.ErrorIs(h.o, err, registry.ErrWithdrawn) }
	}, "withdraw"},
	{"renew by code", func(h *sweptHolder) (func() error, func(*registry.Reservation, error)) {
		_, r, code := h.newHolder().reserve()
		v, next := h.visit(h.terminal), registry.NewRecoveryCode()
		return h.changes(r.ID, func(o registry.Operation) (*registry.Reservation, error) {
			return v.Renew(h.o.Context(), o, r.ID, code, next)
		})
	}, "renew-recovery-code"},
	{"renew by old card", func(h *sweptHolder) (func() error, func(*registry.Reservation, error)) {
		old := h.newHolder()
		_, r, _ := old.reserve()
		v, evidence, next := h.visit(h.terminal), old.evidence(h.terminal), registry.NewRecoveryCode()
		return h.changes(r.ID, func(o registry.Operation) (*registry.Reservation, error) {
			return v.RenewByOldCard(h.o.Context(), o, evidence, next)
		})
	}, "renew-old-card"},
	{"renew by clerk", func(h *sweptHolder) (func() error, func(*registry.Reservation, error)) {
		_, r, _ := h.newHolder().reserve()
		v, next := h.visit(h.clerk), registry.NewRecoveryCode()
		return h.changes(r.ID, func(o registry.Operation) (*registry.Reservation, error) {
			return v.RenewByClerk(h.o.Context(), o, r.ID, next)
		})
	}, "renew-clerk"},
	{"merge by clerk", func(h *sweptHolder) (func() error, func(*registry.Reservation, error)) {
		_, r, _ := h.newHolder().reserve()
		_, _, _ = h.reserve()
		v, next := h.visit(h.clerk), registry.NewRecoveryCode()
		return h.changes(r.ID, func(o registry.Operation) (*registry.Reservation, error) {
			return v.MergeByClerk(h.o.Context(), o, r.ID, next)
		})
	}, "merge-clerk"},
}

// sweep sends each kind of request again and again, and has it interrupted at the first point, at
// the second one, and so on, until it ends before the point is reached. Then the server is killed
// when it has answered. It returns the number of interruptions.
func (v *victim) sweep(interrupt func(point int)) (interruptions int) {
	for i := range sweptRequests {
		for point := 1; ; point++ {
			require.Less(v.o, point, 100)
			if !v.send(&sweptRequests[i], func() { interrupt(point) }) {
				v.points[i] = point - 1
				break
			}
			interruptions++
		}
		require.True(v.o, v.send(&sweptRequests[i], func() { v.loseAnswer.Store(true) }))
		interruptions++
	}
	v.audit()
	return interruptions
}

// sweepDatabase kills the database in the middle and at the last point of each kind of request.
func (v *victim) sweepDatabase(database *postgrestest.Server) (kills int) {
	for i := range sweptRequests {
		v.replace()
		for _, point := range []int{(v.points[i] + 1) / 2, v.points[i]} {
			if v.send(&sweptRequests[i], func() { v.pause(point, func() { database.Kill(); assert.NoError(v.o, database.Launch()) }) }) {
				kills++
			}
		}
	}
	v.audit()
	return kills
}

// promote kills the primary at the commit of a reservation, and promotes its standby. Then it sends
// each kind of request.
func (v *victim) promote(primary, standby *postgrestest.Server) {
	both := strings.Replace(v.database, primary.Address(), primary.Address()+","+standby.Address(), 1) + "&target_session_attrs=read-write"
	v.setDatabase(both)
	for i := range sweptRequests {
		v.replace()
		interrupted := v.send(&sweptRequests[i], func() {
			if sweptRequests[i].name == "reserve" {
				v.pause(v.points[i], func() { primary.Kill(); assert.NoError(v.o, standby.Promote()) })
			}
		})
		assert.Equal(v.o, sweptRequests[i].name == "reserve", interrupted)
	}
	v.audit()
}

// send sends a request that is interrupted, and repeats it until a server answers. It checks the
// effect, and reports whether there was an interruption.
func (v *victim) send(request *sweptRequest, interrupt func()) (interrupted bool) {
	h := v.newHolder()
	send, check := request.prepare(h)
	before := v.interruptions.Load()
	interrupt()
	err := send()
	if errors.Is(err, registry.ErrUnavailable) { // the terminal closes until the database is back
		v.awaitResume()
		err = send()
	}
	require.NoError(v.o, err, request.name)
	v.disarm()
	if request.record != "" {
		v.expected[request.record]++
	}
	check(h.visit(v.terminal).Find(context.WithoutCancel(v.o.Context())))
	return v.interruptions.Load() > before
}

// audit verifies the audit log, and that it has a record for each change.
func (v *victim) audit() {
	v.mu.Lock()
	keys := v.o.write("servers.public", string(v.keys))
	v.mu.Unlock()
	v.o.does(v.o.with("audit", "--registry", v.database, "--keys", keys)...)
	o, err := registry.OpenOperator(v.o.Context(), v.database, "points.example", nil)
	require.NoError(v.o, err)
	defer o.Close()
	counts, err := o.Statistics(v.o.Context())
	require.NoError(v.o, err)
	found := map[string]int{}
	for _, c := range counts {
		if kind, isRecord := strings.CutPrefix(c.Event, "record:"); isRecord && kind != "enroll" {
			found[kind] += int(c.Number)
		}
	}
	assert.Equal(v.o, v.expected, found)
}
