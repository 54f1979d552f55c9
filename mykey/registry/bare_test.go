package registry_test

import (
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mykeykit/mykeykit/jpki/proof"
	"github.com/mykeykit/mykeykit/mykey/registry"
)

// bareReserve runs the statements of Reserve for a new holder, with random bytes instead of
// computed values.
func bareReserve(db *sql.DB, terminal string, session []byte, number int) error {
	random := func(n int) []byte {
		b := make([]byte, n)
		_, _ = rand.Read(b)
		return b
	}
	operation, handle, lineage := random(16), random(32), random(16)
	identifier := strings.ToUpper(hex.EncodeToString(random(4)))
	tx, err := db.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelSerializable})
	if err != nil {
		return err
	}
	defer tx.Rollback() // no effect after a commit
	read := func(query string, args ...any) error {
		rows, err := tx.Query(query, args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
		}
		return rows.Err()
	}
	write := func(query string, args ...any) error { _, err := tx.Exec(query, args...); return err }
	const ns = "points.example"
	for _, run := range []func() error{
		func() error {
			return write(`INSERT INTO terminals (namespace, terminal, session, seen) VALUES ($1, $2, $3, $4)
				ON CONFLICT (namespace, terminal) DO UPDATE SET seen = excluded.seen WHERE terminals.session = excluded.session`, ns, terminal, session, 1770000000)
		},
		func() error { return read(`SELECT generation, request FROM audit WHERE operation = $1`, operation) },
		func() error {
			return read(`SELECT h.handle, h.place, h.generation, h.turn, h.subject,
				h.turn < (SELECT max(l.turn) FROM holders l WHERE l.namespace = h.namespace AND l.identifier = h.identifier),
				r.identifier, r.namespace, r.generation, r.attempt, r.state, r.expiry, r.lineage, r.recovery, r.operation, r.version, a.service, a.applied
				FROM holders h JOIN reservations r ON r.namespace = h.namespace AND r.identifier = h.identifier
				LEFT JOIN applications a ON a.namespace = r.namespace AND a.lineage = r.lineage
				WHERE h.namespace = $1 AND h.handle IN ($2) ORDER BY h.place DESC LIMIT 1`, ns, handle)
		},
		func() error { return read(`SELECT generation FROM generations WHERE namespace = $1`, ns) },
		func() error {
			return write(`INSERT INTO reservations (namespace, identifier, generation, attempt, lineage, state, expiry, recovery, operation, version)
				VALUES ($1, $2, 1, 0, $3, 'reserved', '2030-02', '', $4, 1) ON CONFLICT (namespace, identifier) DO NOTHING`, ns, identifier, lineage, operation)
		},
		func() error {
			return read(`SELECT COALESCE(max(turn), 0) + 1 FROM holders WHERE namespace = $1 AND identifier = $2`, ns, identifier)
		},
		func() error {
			return write(`INSERT INTO holders (namespace, handle, place, generation, identifier, turn, subject) VALUES ($1, $2, 1, 1, $3, 1, $4)`, ns, handle, identifier, []byte{})
		},
		func() error {
			return write(`INSERT INTO audit (namespace, chain, number, operation, kind, generation, lineage, clerk, made, request, images, terminal, body, requested, hash, signature)
				VALUES ($1, $2, $3, $4, 'reserve', 1, $5, '', 1770000000, $6, $7, '', $10, $10, $8, $9)`,
				ns, "bare-"+terminal, number, operation, lineage, random(32), random(116), random(32), random(64), []byte{})
		},
	} {
		if err := run(); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// BenchmarkBareStatements compares reservations with their bare statements. It runs both in
// alternating time slices and reports the median ratio of the pairs, because the machine's
// speed varies. Work that is unfinished at the end of a slice does not count. Conflicting
// transactions are repeated, bare ones without a pause.
func BenchmarkBareStatements(b *testing.B) {
	for _, engine := range []string{"sqlite", "postgres"} {
		for _, terminals := range []int{1, 8, 64} {
			b.Run(fmt.Sprintf("%s/terminals=%d", engine, terminals), func(b *testing.B) {
				url := engines[engine](b)
				fill(b, url, 10_000)
				compareWithBare(b, url, terminals)
			})
		}
	}
}

func compareWithBare(b *testing.B, url string, terminals int) {
	const pairs, slice = 11, time.Second // longer than any pause
	var fleet []*registry.Registry
	for i := range terminals {
		fleet = append(fleet, openNamed(b, url, fmt.Sprintf("terminal-%d", i)))
	}
	// rate runs work on all terminals for a slice and returns the operations per second.
	rate := func(work func(i int) error) float64 {
		var finished atomic.Int64
		var wait sync.WaitGroup
		begin := time.Now()
		for i := range fleet {
			wait.Go(func() {
				for {
					err := work(i)
					if err != nil {
						b.Error(err)
					}
					if err != nil || time.Since(begin) >= slice {
						return
					}
					finished.Add(1)
				}
			})
		}
		wait.Wait()
		return float64(finished.Load()) / slice.Seconds()
	}
	numbers := make([]int, terminals)
	bare := func() float64 {
		return rate(func(i int) error {
			numbers[i]++
			for {
				err := bareReserve(fleet[i].DB(), fleet[i].TerminalName(), fleet[i].Session(), numbers[i])
				if err == nil || !registry.IsConflict(fleet[i], err) {
					return err
				}
			}
		})
	}
	whole := func() float64 {
		holders := make([]*proof.Holder, 4096) // computed in advance; more are computed when needed
		for n := range holders {
			holders[n] = holder(1_000_000 + int(lastHolder.Add(1)))
		}
		var taken atomic.Int64
		next := func() *proof.Holder {
			if n := int(taken.Add(1)) - 1; n < len(holders) {
				return holders[n]
			}
			return holder(1_000_000 + int(lastHolder.Add(1)))
		}
		return rate(func(i int) error {
			_, err := fleet[i].Reserve(ctx, registry.NewOperation(), next(), registry.RecoveryCode{})
			return err
		})
	}
	bare() // warm up connections and prepared statements
	whole()
	var rates [2][]float64
	var ratios []float64
	for b.Loop() {
		for pair := range pairs {
			var one, other float64
			if pair%2 == 0 {
				one, other = bare(), whole()
			} else {
				other, one = whole(), bare()
			}
			rates[0], rates[1], ratios = append(rates[0], one), append(rates[1], other), append(ratios, one/other)
		}
	}
	b.ReportMetric(median(rates[0]), "bare/s")
	b.ReportMetric(median(rates[1]), "reservations/s")
	b.ReportMetric(median(ratios), "ratio")
	b.ReportMetric(0, "ns/op")
}

func median(list []float64) float64 {
	list = slices.Sorted(slices.Values(list))
	return list[len(list)/2]
}
