package registry_test

import (
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/mykey/registry"
)

// insertSigned inserts reservations with genuinely signed records in several chains.
func insertSigned(b *testing.B, url string, chains, from, to int) {
	b.Helper()
	rows := 1000 // of a statement
	if strings.HasPrefix(url, "sqlite") {
		rows = 10 // its parser compares all placeholders
	}
	db := open(b, url).DB()
	for chain := range chains {
		tx, err := db.Begin()
		require.NoError(b, err)
		w, err := registry.NewBulkWriter(tx, "points.example", terminal(fmt.Sprint("bulk-", chain)))
		require.NoError(b, err)
		for n := from + chain; n < to; {
			var args [3][]any
			count := 0
			for ; count < rows && n < to; n += chains {
				for i, columns := range w.Reserve(n) {
					args[i] = append(args[i], columns...)
				}
				count++
			}
			for i, statement := range registry.BulkStatements {
				_, err := tx.Exec(statement+values(count, len(args[i])/count), args[i]...)
				require.NoError(b, err)
			}
		}
		require.NoError(b, tx.Commit())
	}
	_, err := db.Exec(`ANALYZE`)
	require.NoError(b, err)
}

// values returns the placeholders of an INSERT.
func values(rows, columns int) string {
	var b strings.Builder
	b.WriteString(" VALUES ")
	for n := range rows * columns {
		separator := ","
		switch {
		case n == 0:
			separator = "("
		case n%columns == 0:
			separator = "),("
		}
		fmt.Fprintf(&b, "%s$%d", separator, n+1)
	}
	return b.String() + ")"
}

// BenchmarkRegistryVerify measures verified records per second and the memory that is used,
// with and without files, and from a checkpoint with 1% new records. Set
// MYKEYKIT_BENCH=full for a million records.
func BenchmarkRegistryVerify(b *testing.B) {
	for _, engine := range []string{"sqlite", "postgres"} {
		for _, records := range sizes() {
			for _, chains := range []int{1, 8} {
				b.Run(fmt.Sprintf("%s/records=%d/chains=%d", engine, records, chains), func(b *testing.B) {
					url := engines[engine](b)
					r := open(b, url)
					insertSigned(b, url, chains, 0, records)
					list, err := keys(r)
					require.NoError(b, err)
					o, err := registry.OpenOperator(ctx, url, "points.example", list)
					require.NoError(b, err)
					b.Cleanup(func() { _ = o.Close() })
					report, err := o.VerifyWith(ctx, registry.Verification{Auditor: auditor})
					require.NoError(b, err)
					measure := func(name string, total int, v func(b *testing.B) registry.Verification) {
						b.Run(name, func(b *testing.B) {
							peak := watchMemory()
							for b.Loop() {
								_, err := o.VerifyWith(ctx, v(b))
								require.NoError(b, err)
							}
							b.ReportMetric(float64(total*b.N)/b.Elapsed().Seconds(), "records/s")
							b.ReportMetric(float64(peak())/(1<<20), "MiB")
						})
					}
					measure("memory", records, func(*testing.B) registry.Verification { return registry.Verification{} })
					measure("files", records, func(b *testing.B) registry.Verification {
						return registry.Verification{Auditor: auditor, Folder: b.TempDir()}
					})
					insertSigned(b, url, chains, records, records+records/100)
					measure("checkpoint", records+records/100, func(*testing.B) registry.Verification {
						return registry.Verification{Auditor: auditor, Checkpoint: report.Checkpoint}
					})
				})
			}
		}
	}
}

// watchMemory measures the heap. The returned function returns how much more of it was in
// use than before.
func watchMemory() (peak func() uint64) {
	runtime.GC()
	var before runtime.MemStats
	runtime.ReadMemStats(&before)
	var most atomic.Uint64
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		ticker := time.NewTicker(20 * time.Millisecond)
		defer ticker.Stop()
		for {
			select {
			case <-stop:
				return
			case <-ticker.C:
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				most.Store(max(most.Load(), m.HeapAlloc))
			}
		}
	}()
	return func() uint64 {
		close(stop)
		<-stopped
		return most.Load() - min(most.Load(), before.HeapAlloc)
	}
}
