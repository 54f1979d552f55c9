package registry_test

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/jpki/proof"
	"github.com/mykeykit/mykeykit/mykey"
	"github.com/mykeykit/mykeykit/mykey/registry"
)

// expiring returns the nth holder, whose certificate has its own time of expiry.
func expiring(n int) *proof.Holder {
	return holderUntil(n, today.AddDate(2, n%7, 11*n%28).Add(time.Duration(n*n)*61*time.Second))
}

// rows returns all rows of a table, with the columns as text.
func rows(t *testing.T, r *registry.Registry, table string) (list []map[string]string) {
	t.Helper()
	found, err := r.DB().Query(`SELECT * FROM ` + table)
	require.NoError(t, err)
	defer found.Close()
	names, err := found.Columns()
	require.NoError(t, err)
	for found.Next() {
		values, into := make([]sql.NullString, len(names)), make([]any, len(names))
		for i := range values {
			into[i] = &values[i]
		}
		require.NoError(t, found.Scan(into...))
		row := map[string]string{}
		for i, name := range names {
			row[name] = values[i].String
		}
		list = append(list, row)
	}
	require.NoError(t, found.Err())
	return list
}

// knownOf returns everything that a registry stores and returns about each holder, after a
// renewal and an application. The holders visit in the given order.
func knownOf(t *testing.T, r *registry.Registry, order []int) []map[string]bool {
	t.Helper()
	known := make([]map[string]bool, len(order))
	for _, n := range order {
		first, err := r.Reserve(ctx, registry.NewOperation(), expiring(1000+n), registry.RecoveryCode{})
		require.NoError(t, err)
		_, err = r.Renew(ctx, registry.NewOperation(), expiring(n), registry.ByOldCard(expiring(1000+n)), registry.NewRecoveryCode())
		require.NoError(t, err)
		preview, err := r.Preview(ctx, expiring(n), account(n))
		require.NoError(t, err)
		_, err = r.Confirm(ctx, registry.NewOperation(), preview)
		require.NoError(t, err)
		found, err := r.Find(ctx, expiring(n))
		require.NoError(t, err)
		require.Equal(t, first.ID, found.ID)

		values := map[string]bool{}
		encoded, err := json.Marshal(*found)
		require.NoError(t, err)
		var fields map[string]any
		require.NoError(t, json.Unmarshal(encoded, &fields))
		for name, value := range fields {
			values[fmt.Sprint(name, "=", value)] = true
		}
		lineage := ""
		for _, row := range rows(t, r, "reservations") {
			if row["identifier"] == found.ID.String() {
				lineage = row["lineage"]
			}
		}
		require.NotEmpty(t, lineage)
		for _, table := range []string{"reservations", "holders", "applications", "audit"} {
			hasRows := false
			for _, row := range rows(t, r, table) {
				if row["identifier"] != found.ID.String() && row["lineage"] != lineage {
					continue
				}
				hasRows = true
				for name, value := range row {
					values[fmt.Sprint(table, ".", name, "=", value)] = true
				}
			}
			require.True(t, hasRows, table)
		}
		known[n] = values
	}
	return known
}

// Two services with the same holders can't match their rows, except by the month of expiry:
// any other value that both know about a holder is the same for all holders.
//
// Faults: F92.
func TestNamespacesShareOnlyTheMonth(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		const holders = 20
		var order []int
		for n := range holders {
			order = append(order, n)
		}
		points := knownOf(t, openGeneration(t, url, generation(t, "points.example", 1)), order)
		// The holders visit the second service on another day in another order.
		slices.Reverse(order)
		library := registry.WithClock(func() time.Time { return today.AddDate(0, 1, 3).Add(17 * time.Second) })
		g := generation(t, "library.example", 2)
		others := knownOf(t, openGeneration(t, url, g, library), order)

		shared := 0
		for n := range holders {
			month := mykey.MonthOf(expiring(n).Certificate().NotAfter)
			for value := range points[n] {
				if !others[n][value] {
					continue
				}
				for other := range holders {
					if !points[other][value] {
						shared++
						assert.Contains(t, []string{"Expiry=" + month.String(), "reservations.expiry=" + month.String()}, value)
						assert.NotEqual(t, month, mykey.MonthOf(expiring(other).Certificate().NotAfter))
					}
				}
			}
		}
		assert.NotZero(t, shared, "the month is stored")
	})
}

// The registry stores and returns only the month of a certificate's expiry, in Japan's time
// zone, and updates it with a renewal.
//
// Faults: F92.
func TestExpiryIsAMonth(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		r := open(t, url)
		old := holderUntil(1, time.Date(2027, 1, 31, 15, 0, 0, 0, time.UTC)) // 1 February in Japan
		renewed := card(2, time.Date(2032, 1, 31, 14, 59, 59, 0, time.UTC)).Holder(today.AddDate(1, 0, 0))
		reservation, err := r.Reserve(ctx, registry.NewOperation(), old, registry.RecoveryCode{})
		require.NoError(t, err)
		assert.Equal(t, "2027-02", reservation.Expiry.String())
		found, err := r.Find(ctx, old)
		require.NoError(t, err)
		assert.Equal(t, reservation.Expiry, found.Expiry)
		assert.False(t, found.Expiry.Passed(old.Certificate().NotAfter))

		reservation, err = r.Renew(ctx, registry.NewOperation(), renewed, registry.ByOldCard(old), registry.RecoveryCode{})
		require.NoError(t, err)
		assert.Equal(t, "2032-01", reservation.Expiry.String())
		found, err = r.Lookup(ctx, reservation.ID)
		require.NoError(t, err)
		assert.Equal(t, reservation.Expiry, found.Expiry)
		table := rows(t, r, "reservations")
		require.Len(t, table, 1)
		assert.Equal(t, "2032-01", table[0]["expiry"])
		for _, name := range []string{"reservations", "holders", "audit"} {
			for _, row := range rows(t, r, name) {
				for column, value := range row {
					assert.NotContains(t, value, fmt.Sprint(renewed.Certificate().NotAfter.Unix()), column)
					assert.NotContains(t, value, fmt.Sprint(old.Certificate().NotAfter.Unix()), column)
				}
			}
		}

		// The column contains something else.
		_, err = r.DB().Exec(`UPDATE reservations SET expiry = '2032-13'`)
		require.NoError(t, err)
		_, err = r.Lookup(ctx, reservation.ID)
		require.ErrorIs(t, err, registry.ErrSchema)
	})
}
