package registry

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"regexp"
	"strings"
	"time"

	"github.com/mykeykit/mykeykit/internal/hidden"
)

var (
	// ErrTerminal reports a terminal without a valid name or key, or one whose
	// audit records were signed with another key.
	ErrTerminal = errors.New("not a terminal: a name is 1 to 64 letters, digits, dots, hyphens and underscores, a key 32 bytes in hexadecimal")
	// ErrTerminalTaken reports that another program runs under this terminal's
	// name. Only one may: they would write the same chain of audit records.
	ErrTerminalTaken = errors.New("another program runs under this terminal's name")
)

// lease is how long a terminal that has fallen silent keeps its name.
const leaseDuration = 15 * time.Second

var terminalName = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// Terminal is the name and the private key (Ed25519) with which a program signs
// its audit records. Every terminal of a fleet has its own of both. It does not
// print its key. The zero Terminal is not valid.
type Terminal struct {
	name string
	key  hidden.Value[ed25519.PrivateKey]
}

// GenerateTerminal makes a terminal with a new key. Its name has 1 to 64 letters,
// digits, dots, hyphens and underscores. It returns ErrTerminal otherwise.
func GenerateTerminal(name string) (Terminal, error) {
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		return Terminal{}, err
	}
	return newTerminal(name, key)
}

func newTerminal(name string, key ed25519.PrivateKey) (Terminal, error) {
	if !terminalName.MatchString(name) {
		return Terminal{}, ErrTerminal
	}
	return Terminal{name, hidden.New(key)}, nil
}

// ParseTerminal reads what [Terminal.RevealText] wrote: a name, a space and the
// key's seed in hexadecimal. It returns ErrTerminal for anything else and quotes
// nothing.
func ParseTerminal(text []byte) (Terminal, error) {
	name, digits, _ := bytes.Cut(bytes.TrimSpace(text), []byte(" "))
	seed := make([]byte, hex.DecodedLen(len(digits)))
	defer clear(seed)
	if _, err := hex.Decode(seed, digits); err != nil || len(seed) != ed25519.SeedSize {
		return Terminal{}, ErrTerminal
	}
	return newTerminal(string(name), ed25519.NewKeyFromSeed(seed))
}

// RevealText returns the name and the secret, as [ParseTerminal] reads them, for
// writing a key file.
func (t Terminal) RevealText() []byte {
	key := t.key.Reveal()
	if key == nil {
		return nil
	}
	return append(hex.AppendEncode([]byte(t.name+" "), key.Seed()), '\n')
}

// Name returns the terminal's name.
func (t Terminal) Name() string { return t.name }

// Public returns what verifies the terminal's records.
func (t Terminal) Public() TerminalKey {
	key := t.key.Reveal()
	if key == nil {
		return TerminalKey{}
	}
	return TerminalKey{t.name, key.Public().(ed25519.PublicKey)}
}

// String names the terminal.
func (t Terminal) String() string { return "[terminal " + t.name + "]" }

// Format prints [Terminal.String] for every verb and flag.
func (t Terminal) Format(f fmt.State, _ rune) { fmt.Fprint(f, t.String()) }

// MarshalText writes [Terminal.String]; [Terminal.RevealText] returns the secret.
func (t Terminal) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// LogValue implements slog.LogValuer with [Terminal.String].
func (t Terminal) LogValue() slog.Value { return slog.StringValue(t.String()) }

// TerminalKey is a terminal's name and public key. An operator collects those of
// all terminals, and verifies audit records with them.
type TerminalKey struct {
	Name string
	Key  ed25519.PublicKey // 32 bytes
}

// String returns a line with the name and the key in hexadecimal, as
// [ParseTerminalKeys] reads it.
func (k TerminalKey) String() string { return k.Name + " " + hex.EncodeToString(k.Key) }

// ParseTerminalKeys reads a line for each terminal, as [TerminalKey.String] writes
// it. Empty lines and those that begin with # are skipped. It returns ErrTerminal
// for any other line, and for a name that comes twice.
func ParseTerminalKeys(text []byte) ([]TerminalKey, error) {
	var keys []TerminalKey
	known := map[string]bool{}
	number := 0
	for line := range strings.Lines(string(text)) {
		number++
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, digits, _ := strings.Cut(line, " ")
		key, err := hex.DecodeString(strings.TrimSpace(digits))
		if err != nil || len(key) != ed25519.PublicKeySize || !terminalName.MatchString(name) || known[name] {
			return nil, fmt.Errorf("line %d: %w", number, ErrTerminal)
		}
		known[name] = true
		keys = append(keys, TerminalKey{name, key})
	}
	return keys, nil
}

// claim takes the terminal's name for this process, unless another one has it.
func (r *Registry) claimName(ctx context.Context) error {
	if _, err := io.ReadFull(r.random, r.session[:]); err != nil {
		return fmt.Errorf("session: %w", err)
	}
	return r.transact(ctx, func(tx queryer) error {
		var session []byte
		var lastWrite int64
		found, err := queryRow(ctx, tx, []any{&session, &lastWrite},
			`SELECT session, seen FROM terminals WHERE namespace = $1 AND terminal = $2`, r.namespace, r.terminal.name)
		if err != nil {
			return err
		}
		now := r.now()
		if age := now.Sub(time.Unix(lastWrite, 0)); found && !bytes.Equal(session, r.session[:]) && age.Abs() < leaseDuration {
			return fmt.Errorf("%w: %s", ErrTerminalTaken, r.terminal.name)
		}
		_, err = exec(ctx, tx, `INSERT INTO terminals (namespace, terminal, session, seen) VALUES ($1, $2, $3, $4)
			ON CONFLICT (namespace, terminal) DO UPDATE SET session = excluded.session, seen = excluded.seen`,
			r.namespace, r.terminal.name, r.session[:], now.Unix())
		return err
	})
}

// renewLease tells others that this process has the terminal's name. Each
// transaction that may change something begins with it, so that each of them
// writes: a commit that only read would not be waited for by a server that
// replicates, though an earlier one, whose answer was lost, needs to be.
func (r *Registry) renewLease(ctx context.Context, tx queryer) error {
	n, err := exec(ctx, tx, `UPDATE terminals SET seen = $4 WHERE namespace = $1 AND terminal = $2 AND session = $3`,
		r.namespace, r.terminal.name, r.session[:], r.now().Unix())
	if err == nil && n != 1 {
		err = fmt.Errorf("%w: %s", ErrTerminalTaken, r.terminal.name)
	}
	return err
}

// release gives the name up, if the database answers in time. The answer of the claim
// may have been lost.
func (r *Registry) releaseName() {
	if r.session == [16]byte{} { // it was never asked for
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_, _ = exec(ctx, r.storage.db, `UPDATE terminals SET seen = 0 WHERE namespace = $1 AND terminal = $2 AND session = $3`,
		r.namespace, r.terminal.name, r.session[:])
}

// lock lets one change at a time through: all of them extend one chain. It
// returns a function that unlocks.
func (r *Registry) lock(ctx context.Context) (unlock func(), err error) {
	select {
	case r.writeLock <- struct{}{}:
		return func() { <-r.writeLock }, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, context.Cause(ctx))
	}
}

// Ping writes to the database, and so renews the terminal's hold on its name. A
// terminal that asks nobody for a PIN before Ping has succeeded can keep what it
// tells. Ping returns ErrUnavailable at once, without the patience of a change, or
// ErrTerminalTaken.
func (r *Registry) Ping(ctx context.Context) error {
	unlock, err := r.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	for attempt := 0; ; attempt++ {
		if err = r.storage.checkPresent(); err == nil {
			err = r.serializable(ctx, false, func(tx queryer) error { return r.renewLease(ctx, tx) })
		}
		var failed *storageError
		if err == nil || !errors.As(err, &failed) {
			return err
		}
		if ctx.Err() != nil {
			err = context.Cause(ctx) // the driver may say only that the connection is bad
		} else if attempt < maxPingRetries && r.storage.classify(err) == conflict && r.sleep(ctx, r.pause(attempt)) == nil {
			continue
		}
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
}

// maxPings is how often a ping is repeated that another program was in the way of.
const maxPingRetries = 6
