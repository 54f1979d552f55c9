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

	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/mykey"
)

var ParseArgon2Hash = parseArgon2Hash

var MAC = mac

const PlainLength = plainLength

// DB lets a test do what an intruder in the database could.
func (r *Registry) DB() *sql.DB { return r.storage.db }

// WithFewIdentifiers has identifiers collide: there are only so many.
func WithIdentifierCount(n uint64) Option {
	return func(r *Registry) {
		r.derive = func(g Generation, attempt uint32, holder *jpki.Authentication) (mykey.ID, error) {
			id, err := g.Namespace.DeriveAttempt(holder.Certificate, attempt)
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

// WithDerivation derives identifiers in another way.
func WithDerivation(derive func(attempt uint32) (mykey.ID, error)) Option {
	return func(r *Registry) {
		r.derive = func(_ Generation, attempt uint32, _ *jpki.Authentication) (mykey.ID, error) { return derive(attempt) }
	}
}

// ErrInTheWay is what a database says while another transaction is in the way.
var ErrConflict error = &storageError{cause: errors.New("another transaction is in the way"), retryable: true}

func WithSleep(sleep func(context.Context, time.Duration) error) Option {
	return func(r *Registry) { r.sleep = sleep }
}

func WithRetryTime(d time.Duration) Option { return func(r *Registry) { r.retryTime = d } }

func WithPageSize(rows int) Option { return func(r *Registry) { r.pageSize = rows } }

// Recovery is how the database knows a code.
func (r *Registry) RecoveryHash(id mykey.ID, code RecoveryCode) string {
	return r.current.recoveryHash(id, code)
}

// Namespace is the name of the registry's.
func (r *Registry) Namespace() string { return r.namespace }

// LimitTries sets what one try may take.
func (r *Registry) SetAttemptTimeout(try time.Duration) { r.attemptTimeout = try }

// Hasten has no try take longer, and none follow it.
func (r *Registry) LimitRetries(try time.Duration) {
	r.retryTime, r.attemptTimeout = time.Millisecond, try
}

// OnRepeat hears of every error that is tried again.
func OnRetry(hear func(error)) Option { return func(r *Registry) { r.onRetry = hear } }

// Transact runs statements as changes run theirs.
func (r *Registry) Transact(ctx context.Context, fn func(exec func(query string, args ...any) error) error) error {
	return r.transact(ctx, func(tx queryer) error {
		return fn(func(query string, args ...any) error {
			_, err := exec(ctx, tx, query, args...)
			return err
		})
	})
}

// SealBytes seals what is no account.
func SealBytes(operator hpke.PublicKey, namespace string, id mykey.ID, service string, plain []byte) ([]byte, error) {
	return hpke.Seal(operator, hpke.HKDFSHA256(), hpke.AES256GCM(), sealInfo(namespace, id, service), plain)
}

// Seal seals an account as a terminal does.
func Seal(operator hpke.PublicKey, namespace string, id mykey.ID, account Account) ([]byte, error) {
	return seal(operator, namespace, id, account)
}

// Modes in which a database is opened.
const ReadOnly = modeReadOnly

var ExistingModes = []mode{modeExisting, modeReadOnly}

// OpenFor opens a database in a mode, looks whether its tables are there, and closes it.
func OpenMode(ctx context.Context, mode mode, url string) error {
	return withStorage(mode, url, func(r *Registry) error { return r.migrate(ctx, true) })
}

// TryToWrite changes a row of a database that is opened in a mode.
func WriteRow(ctx context.Context, mode mode, url string) error {
	return withStorage(mode, url, func(r *Registry) error {
		return r.transact(ctx, func(tx queryer) error {
			_, err := exec(ctx, tx, `UPDATE generations SET namespace = namespace`)
			return err
		})
	})
}

// MakeEmpty makes a database without tables.
func CreateEmpty(ctx context.Context, url string) error {
	return withStorage(modeCreate, url, func(r *Registry) error { return r.storage.db.PingContext(ctx) })
}

// HasTables reports whether the tables' version is known to a database.
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

// BeforeRestoreStep has a function called before each step of Restore.
func BeforeRestoreStep(do func(step int)) { beforeRestoreStep = do }

// RestoreSteps is how many there are.
const RestoreSteps = 6

// OpenPlain opens a file as a program does that does not know of the lock.
func OpenPlain(file string) (*sql.DB, error) {
	connector, err := sqliteConnector(file, nil)
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(connector), nil
}

// HoldLock locks a database as Restore does.
func HoldLock(file string) (release func() error, err error) {
	lock, err := lockExclusive(file)
	if err != nil {
		return nil, err
	}
	return lock.Close, nil
}

// Request is the digest that an operation of a kind would leave.
func (r *Registry) Request(g Generation, k string, holder *jpki.Authentication, id mykey.ID, more ...string) string {
	parts := [][]byte{g.handle(holder.Certificate), []byte(id), []byte("Example Pay")}
	for _, part := range more {
		parts = append(parts, []byte(part))
	}
	return string(g.request(kind(k), parts...))
}

// SetIdleTime sets for how long connections are held that nobody uses, for a test.
func SetIdleTime(t interface{ Cleanup(func()) }, d time.Duration) {
	before := idleTime
	t.Cleanup(func() { idleTime = before })
	idleTime = d
}

// Encryption tells what the connections of a PostgreSQL URL are.
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

// Hasten has a desk's changes given up soon.
func (d *Desk) LimitRetries() { d.registry.retryTime = time.Millisecond }

// TerminalName and Session are what a registry's transactions name their terminal by.
func (r *Registry) TerminalName() string { return r.terminal.name }
func (r *Registry) Session() []byte      { return r.session[:] }

// Repeatable tells whether an error comes of another transaction.
func IsConflict(r *Registry, err error) bool { return r.storage.classify(err) == conflict }
