package registry_test

import (
	"context"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/mykey/registry"
)

// countdown is a context that is done after Done was called a number of times.
type countdown struct {
	context.Context
	cancel    context.CancelFunc
	remaining atomic.Int64
}

func newCountdown(n int64) *countdown {
	c := new(countdown)
	c.Context, c.cancel = context.WithCancel(context.Background())
	c.remaining.Store(n)
	return c
}

func (c *countdown) Done() <-chan struct{} {
	if c.remaining.Add(-1) <= 0 {
		c.cancel()
	}
	return c.Context.Done()
}

// A verification that was interrupted at any time continues where it was.
func TestVerificationContinues(t *testing.T) {
	defer registry.SaveEachPage()()
	onEach(t, func(t *testing.T, url string) {
		r := filled(t, url)
		base, err := verifyFrom(t, r, nil)
		require.NoError(t, err)
		for n := 50; n < 70; n++ {
			reserve(t, r, n)
		}
		later(t, r)
		for name, checkpoint := range map[string][]byte{"full": nil, "from a checkpoint": base.Checkpoint} {
			t.Run(name, func(t *testing.T) {
				want, err := verifyFrom(t, r, checkpoint)
				require.NoError(t, err)
				folder := t.TempDir()
				o := auditing(t, r)
				defer func() { require.NoError(t, o.Close()) }()
				interrupted := 0
				for n := int64(4); ; n++ {
					got, err := o.VerifyWith(newCountdown(n), registry.Verification{Auditor: auditor, Checkpoint: checkpoint, Folder: folder})
					if err == nil {
						got.Checkpoint, want.Checkpoint = nil, nil
						assert.Equal(t, want, got)
						break
					}
					require.ErrorIs(t, err, registry.ErrUnavailable)
					interrupted++
				}
				assert.Positive(t, interrupted)
				files, err := os.ReadDir(folder)
				require.NoError(t, err)
				assert.Empty(t, files)
			})
		}
	})
}

// interrupt interrupts a verification after it has read all records, and returns its folder.
func interrupt(t *testing.T, r *registry.Registry) string {
	t.Helper()
	folder := t.TempDir()
	o := auditing(t, r)
	defer func() { require.NoError(t, o.Close()) }()
	_, err := r.DB().Exec(`ALTER TABLE applications RENAME TO moved`)
	require.NoError(t, err)
	_, err = o.VerifyWith(ctx, registry.Verification{Auditor: auditor, Folder: folder})
	require.ErrorIs(t, err, registry.ErrUnavailable)
	_, err = r.DB().Exec(`ALTER TABLE moved RENAME TO applications`)
	require.NoError(t, err)
	return folder
}

// A verification that continues does not read the records again, and rejects files that were
// altered or belong to another verification.
func TestVerificationFilesAreSigned(t *testing.T) {
	defer registry.SaveEachPage()()
	url := engines["sqlite"](t)
	r := filled(t, url)
	report, err := verifyFrom(t, r, nil)
	require.NoError(t, err)
	continued := func(folder string, checkpoint []byte) error {
		_, err := verifyAs(t, r, registry.Verification{Auditor: auditor, Folder: folder, Checkpoint: checkpoint})
		return err
	}
	write := func(path string, change func([]byte) []byte) {
		content, err := os.ReadFile(path)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(path, change(content), 0o600))
	}
	alter := func(at int) func([]byte) []byte {
		return func(b []byte) []byte { b[(at+len(b))%len(b)]++; return b }
	}
	for name, tt := range map[string]struct {
		file   string
		change func([]byte) []byte
	}{
		"the progress":         {"progress.json", alter(30)},
		"no progress":          {"progress.json", func([]byte) []byte { return nil }},
		"a header":             {"entries", alter(0)},
		"an entry":             {"entries", alter(40)},
		"the last entry":       {"entries", func(b []byte) []byte { return b[:len(b)/2] }},
		"no entries":           {"entries", func([]byte) []byte { return nil }},
		"the MAC of an entry":  {"entries", alter(10)},
		"the size of an entry": {"entries", alter(5)},
	} {
		t.Run(name, func(t *testing.T) {
			folder := interrupt(t, r)
			write(filepath.Join(folder, tt.file), tt.change)
			require.ErrorIs(t, continued(folder, nil), registry.ErrCheckpoint)
		})
	}
	require.ErrorIs(t, continued(interrupt(t, r), report.Checkpoint), registry.ErrCheckpoint, "another checkpoint")
	folder := interrupt(t, r)
	write(filepath.Join(folder, "entries"), func(b []byte) []byte { return append(b, "written before the program was killed"...) })
	require.NoError(t, continued(folder, nil))

	folder = interrupt(t, r)
	_, err = r.DB().Exec(`UPDATE audit SET clerk = 'x' WHERE chain = 'b' AND number = 2`)
	require.NoError(t, err)
	require.NoError(t, continued(folder, nil), "the records are not read again")
	require.ErrorIs(t, continued(t.TempDir(), nil), registry.ErrAudit)
}

// Terminals that write during a verification are not reported.
func TestVerificationDuringChanges(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		r := filled(t, url)
		base, err := verifyFrom(t, r, nil)
		require.NoError(t, err)
		a, b := r, openNamed(t, url, "b")
		o := auditingAll(t, url)
		done := make(chan struct{})
		go func() {
			defer close(done)
			for n := range 15 {
				for i, r := range []*registry.Registry{a, b} {
					id := 100 + 2*n + i
					_, err := r.Reserve(ctx, registry.NewOperation(), holder(id), registry.NewRecoveryCode())
					assert.NoError(t, err)
					_, err = r.Withdraw(ctx, registry.NewOperation(), holder(id))
					assert.NoError(t, err)
				}
			}
		}()
		for writing := true; writing; {
			select {
			case <-done:
				writing = false
			default:
			}
			for _, checkpoint := range [][]byte{nil, base.Checkpoint} {
				report, err := o.VerifyWith(ctx, registry.Verification{Auditor: auditor, Checkpoint: checkpoint})
				require.NoError(t, err)
				base = report
			}
		}
	})
}
