package registry

import (
	"context"
	"crypto/hpke"
	"crypto/rand"
	"crypto/tls"
	"database/sql"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/mykeykit/mykeykit/jpki/proof"
	"github.com/mykeykit/mykeykit/mykey"
)

var MAC = mac

const PlainLength = plainLength

// DB returns the pool of connections, so that tests can act as an attacker in the database.
func (r *Registry) DB() *sql.DB { return r.storage.db }

// WithIdentifierCount limits the number of identifiers, so that they collide.
func WithIdentifierCount(n uint64) Option {
	return func(r *Registry) {
		r.derive = func(g Generation, attempt uint32, holder *proof.Holder) (mykey.ID, error) {
			id, err := g.Namespace.DeriveAttempt(holder, attempt)
			if err != nil {
				return "", err
			}
			b := []byte("00000000")
			var sum uint64
			for _, c := range []byte(id) {
				sum = sum*31 + uint64(c)
			}
			for i, remaining := 7, sum%n; remaining > 0; i, remaining = i-1, remaining/10 {
				b[i] = '0' + byte(remaining%10)
			}
			return mykey.Parse(string(b))
		}
	}
}

// WithDerivation replaces the derivation of candidates.
func WithDerivation(derive func(attempt uint32) (mykey.ID, error)) Option {
	return func(r *Registry) {
		r.derive = func(_ Generation, attempt uint32, _ *proof.Holder) (mykey.ID, error) { return derive(attempt) }
	}
}

// ErrConflict is an error of a conflict with another transaction.
var ErrConflict error = &storageError{cause: errors.New("conflict with another transaction"), retryable: true}

func WithSleep(sleep func(context.Context, time.Duration) error) Option {
	return func(r *Registry) { r.sleep = sleep }
}

func WithRetryTime(d time.Duration) Option { return func(r *Registry) { r.retryTime = d } }

func WithPageSize(rows int) Option { return func(r *Registry) { r.pageSize = rows } }

// RecoveryHash returns what the database stores for a code.
func (r *Registry) RecoveryHash(id mykey.ID, code RecoveryCode) string {
	return r.current.recoveryHash(id, code)
}

// Namespace returns the name of the registry's namespace.
func (r *Registry) Namespace() string { return r.namespace }

// SetAttemptTimeout sets the time limit of each attempt.
func (r *Registry) SetAttemptTimeout(try time.Duration) { r.attemptTimeout = try }

// LimitRetries sets the time limit of each attempt and disables retries.
func (r *Registry) LimitRetries(try time.Duration) {
	r.retryTime, r.attemptTimeout = time.Millisecond, try
}

// OnRetry sets a function that is called with each error that leads to a retry.
func OnRetry(f func(error)) Option { return func(r *Registry) { r.onRetry = f } }

// Transact runs statements in a transaction, with the retries of changes.
func (r *Registry) Transact(ctx context.Context, fn func(exec func(query string, args ...any) error) error) error {
	return r.transact(ctx, func(tx queryer) error {
		return fn(func(query string, args ...any) error {
			_, err := exec(ctx, tx, query, args...)
			return err
		})
	})
}

// SealBytes seals arbitrary bytes as an account.
func SealBytes(operator hpke.PublicKey, namespace string, id mykey.ID, service string, plain []byte) ([]byte, error) {
	return hpke.Seal(operator, hpke.HKDFSHA256(), hpke.AES256GCM(), sealInfo(namespace, id, service), plain)
}

// Seal seals an account like a terminal.
func Seal(operator hpke.PublicKey, namespace string, id mykey.ID, account Account) ([]byte, error) {
	return seal(operator, namespace, id, account)
}

// ReadOnly is the mode of an Operator.
const ReadOnly = modeReadOnly

// ExistingModes lists the modes for existing databases.
var ExistingModes = []mode{modeExisting, modeReadOnly}

// OpenMode opens a database in a mode, checks its tables, and closes it.
func OpenMode(ctx context.Context, mode mode, url string) error {
	return withStorage(mode, url, func(r *Registry) error { return r.migrate(ctx, true) })
}

// WriteRow opens a database in a mode and changes a row.
func WriteRow(ctx context.Context, mode mode, url string) error {
	return withStorage(mode, url, func(r *Registry) error {
		return r.transact(ctx, func(tx queryer) error {
			_, err := exec(ctx, tx, `UPDATE generations SET namespace = namespace`)
			return err
		})
	})
}

// CreateEmpty creates a database without tables.
func CreateEmpty(ctx context.Context, url string) error {
	return withStorage(modeCreate, url, func(r *Registry) error { return r.storage.db.PingContext(ctx) })
}

// HasTables reports whether a database has the table of versions.
func HasTables(ctx context.Context, url string) (found bool, err error) {
	err = withStorage(modeCreate, url, func(r *Registry) error {
		_, err := queryRow(ctx, r.storage.db, []any{&found}, r.storage.hasTable, versionTable)
		return err
	})
	return found, err
}

func withStorage(mode mode, url string, do func(*Registry) error) error {
	s, err := connect(mode, url)
	if err != nil {
		return err
	}
	r := &Registry{storage: s, sleep: sleepFor, retryTime: maxRetryTime, attemptTimeout: maxAttemptTime, random: rand.Reader}
	return errors.Join(do(r), s.db.Close())
}

// BeforeRestoreStep sets a function that is called before each step of Restore.
func BeforeRestoreStep(do func(step int)) { beforeRestoreStep = do }

// RestoreSteps is the number of steps.
const RestoreSteps = 6

// OpenPlain opens a file without the lock file, like other programs.
func OpenPlain(file string) (*sql.DB, error) {
	connector, err := sqliteConnector(file, nil)
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(connector), nil
}

// HoldLock locks a database like Restore.
func HoldLock(file string) (release func() error, err error) {
	lock, err := lockExclusive(file)
	if err != nil {
		return nil, err
	}
	return lock.Close, nil
}

// Request returns the request digest of an operation.
func (r *Registry) Request(g Generation, k string, holder *proof.Holder, id mykey.ID, more ...string) string {
	parts := [][]byte{g.handle(holder.Certificate()), []byte(id), []byte("Example Pay")}
	for _, part := range more {
		parts = append(parts, []byte(part))
	}
	return string(g.request(kind(k), parts...))
}

// SetIdleTime sets the idle time of connections for a test.
func SetIdleTime(t interface{ Cleanup(func()) }, d time.Duration) {
	before := idleTime
	t.Cleanup(func() { idleTime = before })
	idleTime = d
}

// Encryption returns how the connections of a PostgreSQL URL are encrypted.
func Encryption(url string) (string, error) {
	config, err := parsePostgres(url)
	if err != nil {
		return "", err
	}
	kinds := map[string]bool{}
	add := func(c *tls.Config) {
		switch {
		case c == nil:
			kinds["clear"] = true
		case c.InsecureSkipVerify:
			kinds["encrypted"] = true
		default:
			kinds["verified"] = true
		}
	}
	add(config.TLSConfig)
	for _, fallback := range config.Fallbacks {
		add(fallback.TLSConfig)
	}
	if len(kinds) > 1 {
		return "mixed", nil
	}
	return slices.Collect(maps.Keys(kinds))[0], nil
}

// LimitRetries disables a desk's retries.
func (d *Desk) LimitRetries() { d.registry.retryTime = time.Millisecond }

// TerminalName and Session return the values that identify the terminal in transactions.
func (r *Registry) TerminalName() string { return r.terminal.name }
func (r *Registry) Session() []byte      { return r.session[:] }

// IsConflict reports whether an error is a conflict with another transaction.
func IsConflict(r *Registry, err error) bool { return r.storage.classify(err) == conflict }

// TakeChain takes a free chain, as a change does. The returned function gives it back.
func (r *Registry) TakeChain() (release func()) {
	_, release, err := r.takeChain(context.Background())
	if err != nil {
		panic(err)
	}
	return release
}

// ForgedRequest is what a record states about its request.
type ForgedRequest struct {
	Terminal, Clerk string
	Body, Requested []byte
}

// Forge appends a record that states a request, as a dishonest server can.
func (r *Registry) Forge(t interface{ Fatal(...any) }, operation Operation, kindOfRecord string, f ForgedRequest) {
	ctx := context.Background()
	err := r.transact(ctx, func(tx queryer) error {
		head, err := r.chainHead(ctx, r.chains[0])
		if err != nil {
			return err
		}
		_, err = r.appendRecord(ctx, tx, head, record{operation: operation, kind: kind(kindOfRecord), lineage: []byte{}, clerk: f.Clerk,
			request: make([]byte, 32), terminal: f.Terminal, body: f.Body, requested: f.Requested})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// ForgetHeads lets the registry read the heads of its chains again.
func (r *Registry) ForgetHeads() {
	for _, c := range r.chains {
		c.head = nil
	}
}

// SetPageSize sets the number of rows of a page.
func (o *Operator) SetPageSize(rows int) { o.registry.pageSize = rows }

// SaveEachPage makes verifications save their progress after each page until the returned
// function is called.
func SaveEachPage() (restore func()) {
	saved := saveInterval
	saveInterval = 0
	return func() { saveInterval = saved }
}
