package registry_test

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/jpki/proof"
	"github.com/mykeykit/mykeykit/mykey/registry"
)

// sizes returns the numbers of existing reservations. Writing a million takes a minute: set
// MYKEYKIT_BENCH=full.
func sizes() []int {
	if os.Getenv("MYKEYKIT_BENCH") == "full" {
		return []int{10_000, 1_000_000}
	}
	return []int{10_000}
}

// fill inserts reservations, each with a holder and a record.
func fill(b *testing.B, url string, rows int) {
	r := open(b, url)
	series, bytes := `SELECT n FROM generate_series(1, $1) n`, `decode(md5(random()::text) || md5(random()::text), 'hex')`
	identifier, short := `upper(substr(md5(random()::text), 1, 8))`, `decode(md5(random()::text), 'hex')`
	images, signature, empty := bytes+` || `+bytes+` || `+bytes, bytes+` || `+bytes, `''::bytea`
	if strings.HasPrefix(url, "sqlite") {
		images, signature, empty = `randomblob(116)`, `randomblob(64)`, `x''`
		series = `WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < $1) SELECT n FROM s`
		bytes, identifier, short = `randomblob(32)`, `hex(randomblob(4))`, `randomblob(16)`
	}
	statements := []struct {
		text string
		args []any
	}{
		{`INSERT INTO reservations (namespace, identifier, generation, attempt, lineage, state, expiry, recovery, operation, version)
			SELECT 'points.example', ` + identifier + `, 1, 0, ` + short + `, 'reserved', '2030-02', '', ` + short + `, 1 FROM (` + series + `) s
			WHERE true ON CONFLICT DO NOTHING`, []any{rows}},
		{`INSERT INTO holders (namespace, handle, place, generation, identifier, turn, subject)
			SELECT namespace, ` + bytes + `, 1, 1, identifier, 1, ` + empty + ` FROM reservations`, nil},
		{`INSERT INTO audit (chain, number, operation, kind, namespace, generation, lineage, clerk, made, request, images, terminal, body, requested, hash, signature)
			SELECT 'filler', row_number() OVER (), operation, 'reserve', namespace, 1, lineage, '', 1770000000, ` + bytes + `,
			` + images + `, '', ` + empty + `, ` + empty + `, ` + bytes + `, ` + signature + ` FROM reservations`, nil},
		{`ANALYZE`, nil},
	}
	for _, s := range statements {
		_, err := r.DB().Exec(s.text, s.args...)
		require.NoError(b, err)
	}
}

// lastHolder counts the holders of all benchmarks, so that none comes twice.
var lastHolder atomic.Int64

// BenchmarkRegistryReserve measures reservations of new holders per second, with 1, 8 and 64
// concurrent terminals.
func BenchmarkRegistryReserve(b *testing.B) {
	for _, engine := range []string{"sqlite", "postgres"} {
		for _, rows := range sizes() {
			b.Run(fmt.Sprintf("%s/%d", engine, rows), func(b *testing.B) {
				url := engines[engine](b)
				fill(b, url, rows)
				for _, terminals := range []int{1, 8, 64} {
					var fleet []*registry.Registry
					var retries atomic.Int64
					for i := range terminals {
						fleet = append(fleet, openNamed(b, url, fmt.Sprintf("terminal-%d-%d", terminals, i),
							registry.OnRetry(func(error) { retries.Add(1) })))
					}
					b.Run(fmt.Sprintf("terminals=%d", terminals), func(b *testing.B) {
						retries.Store(0)
						var remaining atomic.Int64
						remaining.Store(int64(b.N))
						var wait sync.WaitGroup
						for _, r := range fleet {
							wait.Go(func() {
								for remaining.Add(-1) >= 0 {
									_, err := r.Reserve(ctx, registry.NewOperation(), holder(1_000_000+int(lastHolder.Add(1))), registry.RecoveryCode{})
									if err != nil {
										b.Error(err)
										return
									}
								}
							})
						}
						wait.Wait()
						b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "reservations/s")
						b.ReportMetric(float64(retries.Load())/float64(b.N), "repeats/op")
					})
				}
			})
		}
	}
}

// BenchmarkRegistryChains measures reservations of new holders per second through one
// registry, as on a server, with 1 and 8 chains and 1, 8 and 64 concurrent callers.
func BenchmarkRegistryChains(b *testing.B) {
	for _, engine := range []string{"sqlite", "postgres"} {
		url := engines[engine](b)
		fill(b, url, 10_000)
		for _, chains := range []int{1, 8} {
			for _, writers := range []int{1, 8, 64} {
				b.Run(fmt.Sprintf("%s/chains=%d/writers=%d", engine, chains, writers), func(b *testing.B) {
					var retries, remaining atomic.Int64
					remaining.Store(int64(b.N))
					r := open(b, url, registry.WithChains(chains), registry.OnRetry(func(error) { retries.Add(1) }))
					holders := make([]*proof.Holder, b.N)
					for i := range holders {
						holders[i] = holder(1_000_000 + int(lastHolder.Add(1)))
					}
					b.ResetTimer()
					var wait sync.WaitGroup
					for range writers {
						wait.Go(func() {
							for i := remaining.Add(-1); i >= 0; i = remaining.Add(-1) {
								_, err := r.Reserve(ctx, registry.NewOperation(), holders[i], registry.RecoveryCode{})
								if err != nil {
									b.Error(err)
									return
								}
							}
						})
					}
					wait.Wait()
					b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "reservations/s")
					b.ReportMetric(float64(retries.Load())/float64(b.N), "repeats/op")
				})
			}
		}
	}
}

// BenchmarkRegistryVisit measures the registry's part of a visit: a returning holder, a new
// holder with a recovery code, and an application.
func BenchmarkRegistryVisit(b *testing.B) {
	for _, engine := range []string{"sqlite", "postgres"} {
		b.Run(engine, func(b *testing.B) {
			url := engines[engine](b)
			fill(b, url, 10_000)
			r := open(b, url)
			reserve(b, r, 1)
			b.Run("returning", func(b *testing.B) {
				for b.Loop() {
					reserve(b, r, 1)
				}
			})
			b.Run("new", func(b *testing.B) {
				for b.Loop() {
					_, err := r.Reserve(ctx, registry.NewOperation(), holder(1_000_000+int(lastHolder.Add(1))), registry.NewRecoveryCode())
					require.NoError(b, err)
				}
			})
			b.Run("apply", func(b *testing.B) {
				for b.Loop() {
					b.StopTimer()
					n := 1_000_000 + int(lastHolder.Add(1))
					reserve(b, r, n)
					b.StartTimer()
					apply(b, r, n)
				}
			})
		})
	}
}
