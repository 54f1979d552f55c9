package registry_test

import (
	"bytes"
	"context"
	"crypto/ecdh"
	"crypto/hpke"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/postgrestest"
	"github.com/mykeykit/mykeykit/internal/prooftest"
	"github.com/mykeykit/mykeykit/jpki/proof"
	"github.com/mykeykit/mykeykit/jpki/trust"
	"github.com/mykeykit/mykeykit/mykey"
	"github.com/mykeykit/mykeykit/mykey/registry"
)

// server starts the server that all tests share.
var server = sync.OnceValues(postgrestest.Start)

// postgres returns the shared server, or skips the test.
func postgres(t testing.TB) *postgrestest.Server {
	t.Helper()
	started.Store(true)
	s, err := server()
	return postgrestest.Must(t, s, err)
}

func TestMain(m *testing.M) {
	if url := os.Getenv(crashVariable); url != "" {
		fmt.Fprintln(os.Stderr, serveUntilKilled(url))
		os.Exit(1)
	}
	if arguments := os.Getenv(restoreVariable); arguments != "" {
		if err := restoreUntilKilled(arguments); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	code := m.Run()
	if started.Load() {
		if s, err := server(); err == nil {
			s.Stop()
		}
	}
	os.Exit(code)
}

var started atomic.Bool

// engines lists the database engines. Each function creates an empty database and returns its
// URL.
var engines = map[string]func(testing.TB) string{
	"sqlite":   func(t testing.TB) string { return "sqlite:" + filepath.Join(t.TempDir(), "registry ?#%41.db") },
	"postgres": func(t testing.TB) string { return postgres(t).Database(t) },
}

// onEach runs a test on an empty database of each engine, at the same time.
func onEach(t *testing.T, test func(t *testing.T, url string)) {
	t.Run("on", func(t *testing.T) { // returns when both tests have ended
		for name, database := range engines {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				test(t, database(t))
			})
		}
	})
}

// sameEngine creates another empty database of the engine of a URL.
func sameEngine(t *testing.T, url string) string {
	t.Helper()
	engine, _, _ := strings.Cut(url, ":")
	return engines[engine](t)
}

var today = time.Date(2026, 4, 1, 9, 0, 0, 0, trust.Japan)

func key(t testing.TB, b byte) mykey.Key {
	t.Helper()
	k, err := mykey.NewKey(bytes.Repeat([]byte{b}, 32))
	require.NoError(t, err)
	return k
}

// generation returns the nth generation of a namespace.
func generation(t testing.TB, name string, n uint32) registry.Generation {
	t.Helper()
	ns, err := mykey.NewNamespace(name, key(t, byte(2*n)))
	require.NoError(t, err)
	return registry.Generation{Number: n, Namespace: ns, Key: key(t, byte(2*n+1))}
}

// operator is the private key that opens accounts.
var operator = func() hpke.PrivateKey {
	private, err := ecdh.X25519().NewPrivateKey(bytes.Repeat([]byte{9}, 32))
	if err != nil {
		panic(err)
	}
	key, err := hpke.NewDHKEMPrivateKey(private)
	if err != nil {
		panic(err)
	}
	return key
}()

// terminal returns the terminal with a name, always with the same key.
func terminal(name string) registry.Terminal {
	seed := sha256.Sum256([]byte(name))
	t, err := registry.ParseTerminal(fmt.Appendf(nil, "%s %x", name, seed))
	if err != nil {
		panic(err)
	}
	return t
}

var names atomic.Int64

// nextName returns an unused terminal name.
func nextName() string { return fmt.Sprint("t", names.Add(1)) }

func open(t testing.TB, url string, options ...registry.Option) *registry.Registry {
	t.Helper()
	return openNamed(t, url, nextName(), options...)
}

func openNamed(t testing.TB, url, name string, options ...registry.Option) *registry.Registry {
	t.Helper()
	return openAs(t, url, terminal(name), generation(t, "points.example", 1), options...)
}

func openGeneration(t testing.TB, url string, g registry.Generation, options ...registry.Option) *registry.Registry {
	t.Helper()
	return openAs(t, url, terminal(nextName()), g, options...)
}

func openAs(t testing.TB, url string, terminal registry.Terminal, g registry.Generation, options ...registry.Option) *registry.Registry {
	t.Helper()
	options = append([]registry.Option{
		registry.WithClock(func() time.Time { return today }), registry.WithOperator(operator.PublicKey()),
	}, options...)
	r, err := registry.Open(context.Background(), url, terminal, g, options...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, r.Close()) })
	urls.Store(r, url)
	return r
}

// urls maps registries to their URLs.
var urls sync.Map

// keys returns the public keys of all chains in a registry's namespace.
func keys(r *registry.Registry) (list []registry.TerminalKey, err error) {
	rows, err := r.DB().Query(`SELECT DISTINCT chain FROM audit WHERE namespace = $1`, r.Namespace())
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		list = append(list, terminal(programOf(name)).Public())
	}
	return list, rows.Err()
}

// programOf returns the name of the program that extends a chain.
func programOf(chain string) string {
	program, _, _ := strings.Cut(chain, ".")
	return program
}

// verify verifies the audit log of r as the operator does.
func verify(r *registry.Registry, earlier ...registry.Head) ([]registry.Head, error) {
	list, err := keys(r)
	if err != nil {
		return nil, err
	}
	return verifyWith(r, list, earlier...)
}

func verifyWith(r *registry.Registry, keys []registry.TerminalKey, earlier ...registry.Head) ([]registry.Head, error) {
	url, _ := urls.Load(r)
	o, err := registry.OpenOperator(context.Background(), url.(string), r.Namespace(), keys)
	if err != nil {
		return nil, err
	}
	defer o.Close()
	report, err := o.Verify(context.Background(), earlier...)

	// The same verification with small pages and files must find the same.
	folder, folderErr := os.MkdirTemp("", "verification")
	if folderErr != nil {
		return nil, folderErr
	}
	defer os.RemoveAll(folder)
	o.SetPageSize(1)
	_, again := o.VerifyWith(context.Background(), registry.Verification{Earlier: earlier, Auditor: terminal("auditor"), Folder: folder})
	if fmt.Sprint(err) != fmt.Sprint(again) {
		return nil, fmt.Errorf("verification in pages returned %w, and without pages: %w", again, err)
	}
	return report.Heads, err
}

// export exports all applications, and returns the errors separately.
func export(t testing.TB, r *registry.Registry) (list []registry.Application, errs []error) {
	t.Helper()
	d := desk(t, r)
	defer func() { require.NoError(t, d.Close()) }()
	for a, err := range d.Export(context.Background(), registry.NewOperation()) {
		if err != nil {
			errs = append(errs, err)
			continue
		}
		list = append(list, a)
	}
	return list, errs
}

func desk(t testing.TB, r *registry.Registry) *registry.Desk {
	t.Helper()
	list, err := keys(r)
	require.NoError(t, err)
	url, _ := urls.Load(r)
	d, err := registry.OpenDesk(context.Background(), url.(string), r.Namespace(), list, terminal(nextName()),
		registry.WithClock(func() time.Time { return today }))
	require.NoError(t, err)
	return d
}

// holder returns the nth holder.
func holder(n int) *proof.Holder { return holderUntil(n, today.AddDate(3, 0, 0)) }

// holderUntil returns the nth holder with a certificate that expires at a time.
func holderUntil(n int, notAfter time.Time) *proof.Holder { return card(n, notAfter).Holder(today) }

// simulated returns the nth holder, whose card is a simulated one.
func simulated(n int) *proof.Holder {
	v := prooftest.Verifier(today)
	v.Trust = trust.Policy{SimulatorCAs: v.Trust.CAs}
	return card(n, today.AddDate(3, 0, 0)).HolderOf(v)
}

func card(n int, notAfter time.Time) prooftest.Card {
	return prooftest.Card{Kind: "registry", Number: n, NotAfter: notAfter, Name: fmt.Sprintf("KANJA%09d", n)}
}

// parts returns the parts of an account for comparison.
func parts(a registry.Account) []string { return []string{a.Service(), a.ID(), a.Code()} }

func account(n int) registry.Account {
	return registry.NewAccount("Example Pay", fmt.Sprintf("user-%06d", n), "4649")
}

func reserve(t testing.TB, r *registry.Registry, n int) *registry.Reservation {
	t.Helper()
	reservation, err := r.Reserve(context.Background(), registry.NewOperation(), holder(n), registry.RecoveryCode{})
	require.NoError(t, err)
	return reservation
}

func apply(t testing.TB, r *registry.Registry, n int) *registry.Reservation {
	t.Helper()
	p, err := r.Preview(context.Background(), holder(n), account(n))
	require.NoError(t, err)
	reservation, err := r.Confirm(context.Background(), registry.NewOperation(), p)
	require.NoError(t, err)
	return reservation
}
