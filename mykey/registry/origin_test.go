package registry_test

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/mykey/registry"
)

// request returns the signed request of a terminal or clerk.
func request(name string, role registry.Role, namespace string, operation registry.Operation, kind string) registry.Origin {
	o := registry.Origin{Terminal: name, Role: role, Key: terminal(name).Public().Key, Body: sha256.Sum256([]byte(kind))}
	o.Signature = terminal(name).SignRequest(namespace, operation, kind, o.Body)
	return o
}

// requests lists the kinds of requests. Each function makes the change for the nth holder, who has
// a reservation with a recovery code unless the request is for one.
var requests = map[string]func(r *registry.Registry, operation registry.Operation, n int, reserved *registry.Reservation, code registry.RecoveryCode) error{
	"withdraw": func(r *registry.Registry, operation registry.Operation, n int, _ *registry.Reservation, _ registry.RecoveryCode) error {
		_, err := r.Withdraw(ctx, operation, holder(n))
		return err
	},
	"new-recovery-code": func(r *registry.Registry, operation registry.Operation, n int, _ *registry.Reservation, code registry.RecoveryCode) error {
		_, err := r.ReplaceRecoveryCode(ctx, operation, holder(n), code)
		return err
	},
	"apply": func(r *registry.Registry, operation registry.Operation, n int, _ *registry.Reservation, _ registry.RecoveryCode) error {
		p, err := r.Preview(ctx, holder(n), account(n))
		if err == nil {
			_, err = r.Confirm(ctx, operation, p)
		}
		return err
	},
	"reserve": func(r *registry.Registry, operation registry.Operation, n int, _ *registry.Reservation, code registry.RecoveryCode) error {
		_, err := r.Reserve(ctx, operation, holder(n), code)
		return err
	},
	"renew-old-card": func(r *registry.Registry, operation registry.Operation, n int, _ *registry.Reservation, code registry.RecoveryCode) error {
		_, err := r.Renew(ctx, operation, holder(1000+n), registry.ByOldCard(holder(n)), code)
		return err
	},
	"renew-recovery-code": func(r *registry.Registry, operation registry.Operation, n int, reserved *registry.Reservation, code registry.RecoveryCode) error {
		_, err := r.Renew(ctx, operation, holder(1000+n), registry.ByRecoveryCode(reserved.ID, code), code)
		return err
	},
	"renew-clerk": func(r *registry.Registry, operation registry.Operation, n int, reserved *registry.Reservation, code registry.RecoveryCode) error {
		_, err := r.Renew(ctx, operation, holder(1000+n), registry.ByClerk(reserved.ID, ""), code)
		return err
	},
	"merge-clerk": func(r *registry.Registry, operation registry.Operation, n int, reserved *registry.Reservation, code registry.RecoveryCode) error {
		_, err := r.Renew(ctx, operation, holder(1000+n), registry.MergeByClerk(reserved.ID, ""), code)
		return err
	},
}

// A change is made only with the signature of its origin over exactly this change, and the audit
// verifies the signature with the key of the terminal.
func TestRequestsAreSigned(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		r := openNamed(t, url, "server", registry.WithChains(2))
		list := []registry.TerminalKey{terminal("server").Public(), terminal("kiosk-1").Public()}
		n := 0
		for kind, change := range requests {
			n++
			code := registry.NewRecoveryCode()
			var reserved *registry.Reservation
			if kind != "reserve" {
				var err error
				reserved, err = r.Reserve(ctx, registry.NewOperation(), holder(n), code)
				require.NoError(t, err)
			}
			operation := registry.NewOperation()
			good := request("kiosk-1", registry.RoleClerk, "points.example", operation, kind)
			records := len(rows(t, r, "audit"))
			for name, edit := range map[string]func(o *registry.Origin){
				"another namespace": func(o *registry.Origin) {
					*o = request("kiosk-1", registry.RoleClerk, "library.example", operation, kind)
				},
				"another operation": func(o *registry.Origin) {
					*o = request("kiosk-1", registry.RoleClerk, "points.example", registry.NewOperation(), kind)
				},
				"another kind": func(o *registry.Origin) {
					*o = request("kiosk-1", registry.RoleClerk, "points.example", operation, kind+"x")
				},
				"another body":        func(o *registry.Origin) { o.Body[31]++ },
				"another key":         func(o *registry.Origin) { o.Key = terminal("kiosk-2").Public().Key },
				"no key":              func(o *registry.Origin) { o.Key = nil },
				"no name":             func(o *registry.Origin) { o.Terminal = "" },
				"not a name":          func(o *registry.Origin) { o.Terminal = "a b" },
				"no signature":        func(o *registry.Origin) { o.Signature = nil },
				"altered signature":   func(o *registry.Origin) { o.Signature = append([]byte{o.Signature[0] ^ 1}, o.Signature[1:]...) },
				"shortened signature": func(o *registry.Origin) { o.Signature = o.Signature[:63] },
			} {
				o := good
				edit(&o)
				require.ErrorIs(t, change(r.From(o), operation, n, reserved, code), registry.ErrTerminal, "%s: %s", kind, name)
			}
			require.Equal(t, records, len(rows(t, r, "audit")), kind)
			require.NoError(t, change(r.From(good), operation, n, reserved, code), kind)
			require.Equal(t, records+1, len(rows(t, r, "audit")), kind)
		}
		_, err := verifyWith(r, list)
		require.NoError(t, err)
		var broken *registry.AuditError
		_, err = verifyWith(r, list[:1])
		require.ErrorAs(t, err, &broken)
		assert.Equal(t, "no key was given for the terminal that requested it", broken.Reason)
		_, err = verifyWith(r, []registry.TerminalKey{list[0], {Name: "kiosk-1", Key: terminal("kiosk-2").Public().Key}})
		require.ErrorAs(t, err, &broken)
		assert.Equal(t, "the terminal that it names did not request it", broken.Reason)
	})
}

// A repeated request of the same terminal is done once. An operation of another terminal, or of
// none, is refused.
func TestOperationsBelongToTheirTerminal(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		r := openNamed(t, url, "server")
		operation := registry.NewOperation()
		from := func(name string) error {
			view := r
			if name != "" {
				view = r.From(request(name, registry.RoleTerminal, "points.example", operation, "reserve"))
			}
			_, err := view.Reserve(ctx, operation, holder(1), registry.RecoveryCode{})
			return err
		}
		require.NoError(t, from("kiosk-1"))
		require.NoError(t, from("kiosk-1"))
		require.ErrorIs(t, from("kiosk-2"), registry.ErrOperation)
		require.ErrorIs(t, from(""), registry.ErrOperation)
		require.Len(t, rows(t, r, "audit"), 1)
		operation = registry.NewOperation()
		_, err := r.Withdraw(ctx, operation, holder(1))
		require.NoError(t, err)
		_, err = r.From(request("kiosk-1", registry.RoleTerminal, "points.example", operation, "withdraw")).Withdraw(ctx, operation, holder(1))
		require.ErrorIs(t, err, registry.ErrOperation)
	})
}

// A renewal by a clerk must come from the clerk. The record names the clerk who signed it.
func TestClerksAreAuthenticated(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		r := openNamed(t, url, "server")
		id := reserve(t, r, 1).ID
		operation := registry.NewOperation()
		renew := func(role registry.Role, named string) error {
			view := r.From(request("clerk-7", role, "points.example", operation, "renew-clerk"))
			if err := view.CheckProof(ctx, registry.ByClerk(id, named)); err != nil {
				return err
			}
			_, err := view.Renew(ctx, operation, holder(2), registry.ByClerk(id, named), registry.RecoveryCode{})
			return err
		}
		require.ErrorIs(t, renew(registry.RoleTerminal, ""), registry.ErrNotClerk)
		require.ErrorIs(t, renew(registry.RoleTerminal, "clerk-7"), registry.ErrNotClerk)
		require.ErrorIs(t, renew("", "clerk-7"), registry.ErrNotClerk)
		require.ErrorIs(t, renew(registry.RoleClerk, "clerk-8"), registry.ErrNotClerk)
		require.NoError(t, renew(registry.RoleClerk, ""))
		require.NoError(t, renew(registry.RoleClerk, "clerk-7"), "the same request")
		record := rows(t, r, "audit")[1]
		assert.Equal(t, []any{"clerk-7", "clerk-7"}, []any{record["clerk"], record["terminal"]})
	})
}

// A reservation that moves the holder to new keys is verified as a request for a reservation.
func TestRequestsUnderNewKeys(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		first, second := generation(t, "points.example", 1), generation(t, "points.example", 2)
		reserve(t, openGeneration(t, url, first), 1)
		r := openAs(t, url, terminal("server"), second, registry.WithOtherGenerations(first))
		operation := registry.NewOperation()
		_, err := r.From(request("kiosk1", registry.RoleTerminal, "points.example", operation, "reserve")).Reserve(ctx, operation, holder(1), registry.RecoveryCode{})
		require.NoError(t, err)
		assert.Equal(t, "rekey", rows(t, r, "audit")[1]["kind"])
		list, err := keys(r)
		require.NoError(t, err)
		_, err = verifyWith(r, append(list, terminal("kiosk1").Public()))
		require.NoError(t, err)
	})
}

// Whoever has the server's key can't attribute a change to a terminal or a clerk who did not
// request it.
func TestServersCanNotInventRequests(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		r := openNamed(t, url, "server")
		list := []registry.TerminalKey{terminal("server").Public(), terminal("kiosk").Public(), terminal("clerk").Public()}
		genuine, invented := registry.NewOperation(), registry.NewOperation()
		stolen := request("kiosk", registry.RoleTerminal, "points.example", genuine, "reserve")
		_, err := r.From(stolen).Reserve(ctx, genuine, holder(1), registry.RecoveryCode{})
		require.NoError(t, err)
		_, err = verifyWith(r, list)
		require.NoError(t, err)
		for _, forged := range []registry.ForgedRequest{
			{Terminal: "kiosk", Body: stolen.Body[:], Requested: stolen.Signature},
			{Terminal: "kiosk"},
			{Body: stolen.Body[:]},
			{Requested: stolen.Signature},
			{Terminal: "kiosk", Clerk: "clerk", Body: stolen.Body[:], Requested: terminal("kiosk").SignRequest("points.example", invented, "reserve", stolen.Body)},
		} {
			r.Forge(t, invented, "reserve", forged)
			_, err := verifyWith(r, list)
			var broken *registry.AuditError
			require.ErrorAs(t, err, &broken, "%+v", forged)
			assert.Equal(t, "server 2", fmt.Sprint(broken.Chain, " ", broken.Number))
			_, err = r.DB().Exec(`DELETE FROM audit WHERE number = 2`)
			require.NoError(t, err)
			r.ForgetHeads()
		}
		_, err = verifyWith(r, list)
		require.NoError(t, err)
	})
}

// The signed message is documented, so that terminals can be written in other languages.
func TestRequestMessage(t *testing.T) {
	operation := registry.Operation{15: 7}
	body := sha256.Sum256([]byte("{}"))
	message := []byte("mykeykit request v1\x00")
	for _, part := range []string{"points.example", string(operation[:]), "reserve", string(body[:])} {
		message = append(binary.BigEndian.AppendUint32(message, uint32(len(part))), part...)
	}
	signature := terminal("kiosk").SignRequest("points.example", operation, "reserve", body)
	assert.True(t, ed25519.Verify(terminal("kiosk").Public().Key, message, signature))
	assert.Nil(t, registry.Terminal{}.SignRequest("points.example", operation, "reserve", body))
}

// Events and records of requests are counted at the terminal that they come from.
func TestStatisticsOfRequests(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		r := openNamed(t, url, "server")
		operation := registry.NewOperation()
		view := r.From(request("kiosk", registry.RoleTerminal, "points.example", operation, "reserve"))
		_, err := view.Reserve(ctx, operation, holder(1), registry.RecoveryCode{})
		require.NoError(t, err)
		require.NoError(t, view.Tally(ctx, "PIN_WRONG"))
		reserve(t, r, 2)
		o, err := registry.OpenOperator(ctx, url, "points.example", nil)
		require.NoError(t, err)
		defer o.Close()
		counts, err := o.Statistics(ctx)
		require.NoError(t, err)
		assert.Equal(t, []registry.Count{
			{"2026-04-01", "kiosk", "PIN_WRONG", 1}, {"2026-04-01", "kiosk", "record:reserve", 1}, {"2026-04-01", "server", "record:reserve", 1},
		}, counts)
	})
}
