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

var ParseHash = parseHash

var MAC = mac

const PlainLength = plainLength

// DB lets a test do what an intruder in the database could.
func (r *Registry) DB() *sql.DB { return r.storage.db }

// WithFewIdentifiers has identifiers collide: there are only so many.
func WithFewIdentifiers(n uint64) Option {
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
			for i, rest := 7, sum%n; rest > 0; i, rest = i-1, rest/10 {
				b[i] = '0' + byte(rest%10)
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
var ErrInTheWay error = &storageError{cause: errors.New("another transaction is in the way"), race: true}

func WithSleep(sleep func(context.Context, time.Duration) error) Option {
	return func(r *Registry) { r.sleep = sleep }
}

func WithPatience(d time.Duration) Option { return func(r *Registry) { r.patience = d } }

func WithPage(rows int) Option { return func(r *Registry) { r.page = rows } }

// Recovery is how the database knows a code.
func (r *Registry) Recovery(id mykey.ID, code RecoveryCode) string {
	return r.current.recovery(id, code)
}

// Namespace is the name of the registry's.
func (r *Registry) Namespace() string { return r.namespace }

// LimitTries sets what one try may take.
func (r *Registry) LimitTries(try time.Duration) { r.tryLimit = try }

// Hasten has no try take longer, and none follow it.
func (r *Registry) Hasten(try time.Duration) { r.patience, r.tryLimit = time.Millisecond, try }

// OnRepeat hears of every error that is tried again.
func OnRepeat(hear func(error)) Option { return func(r *Registry) { r.repeated = hear } }

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
const ReadOnly = readOnly

var ModesOfWhatExists = []mode{existing, readOnly}

// OpenFor opens a database in a mode, looks whether its tables are there, and closes it.
func OpenFor(ctx context.Context, mode mode, url string) error {
	return using(mode, url, func(r *Registry) error { return r.migrate(ctx, true) })
}

// TryToWrite changes a row of a database that is opened in a mode.
func TryToWrite(ctx context.Context, mode mode, url string) error {
	return using(mode, url, func(r *Registry) error {
		return r.transact(ctx, func(tx queryer) error {
			_, err := exec(ctx, tx, `UPDATE generations SET namespace = namespace`)
			return err
		})
	})
}

// MakeEmpty makes a database without tables.
func MakeEmpty(ctx context.Context, url string) error {
	return using(creating, url, func(r *Registry) error { return r.storage.db.PingContext(ctx) })
}

// HasTables reports whether the tables' version is known to a database.
func HasTables(ctx context.Context, url string) (found bool, err error) {
	err = using(creating, url, func(r *Registry) error {
		_, err := one(ctx, r.storage.db, []any{&found}, r.storage.hasTable, versionTable)
		return err
	})
	return found, err
}

func using(mode mode, url string, do func(*Registry) error) error {
	s, err := connect(mode, url)
	if err != nil {
		return err
	}
	r := &Registry{storage: s, sleep: sleepFor, patience: mostPatience, tryLimit: mostTry, random: rand.Reader}
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
func (d *Desk) Hasten() { d.books.patience = time.Millisecond }

// TerminalName and Session are what a registry's transactions name their terminal by.
func (r *Registry) TerminalName() string { return r.terminal.name }
func (r *Registry) Session() []byte      { return r.session[:] }

// Repeatable tells whether an error comes of another transaction.
func Repeatable(r *Registry, err error) bool { return r.storage.judge(err) == conflict }
