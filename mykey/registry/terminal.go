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
	// ErrTerminal reports that a terminal's name, key, role or certificate is not valid, or that a
	// request is not signed by the terminal it names.
	ErrTerminal = errors.New("not a terminal: a name is 1 to 64 letters, digits, dots, hyphens and underscores, a key 32 bytes in hexadecimal")
	// ErrOtherKey reports that a terminal's key is not the one that is enrolled under its name, or
	// that signed the earlier audit records of its name.
	ErrOtherKey = errors.New("the name belongs to another key")
	// ErrTerminalTaken reports that another program uses this terminal's name. Only
	// one program can use a name, because it extends the terminal's chain of records.
	ErrTerminalTaken = errors.New("another program uses this terminal's name")
)

// leaseDuration is how long a terminal keeps its name after its last write.
const leaseDuration = 15 * time.Second

var terminalName = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// Terminal is the name and the private key (Ed25519) with which a program signs its
// audit records. Every terminal and desk needs its own name and key. Printing a Terminal
// does not show the key. The zero Terminal is not valid.
type Terminal struct {
	name string
	key  hidden.Value[ed25519.PrivateKey]
}

// GenerateTerminal returns a terminal with a new key. It returns [ErrTerminal] unless
// name is 1 to 64 letters, digits, dots, hyphens and underscores.
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

// ParseTerminal reads the format of [Terminal.RevealText]: the name, a space and the
// key's seed in hexadecimal. It returns [ErrTerminal] otherwise. The error does not
// contain the text.
func ParseTerminal(text []byte) (Terminal, error) {
	name, digits, _ := bytes.Cut(bytes.TrimSpace(text), []byte(" "))
	seed := make([]byte, hex.DecodedLen(len(digits)))
	defer clear(seed)
	if _, err := hex.Decode(seed, digits); err != nil || len(seed) != ed25519.SeedSize {
		return Terminal{}, ErrTerminal
	}
	return newTerminal(string(name), ed25519.NewKeyFromSeed(seed))
}

// RevealText returns the name and the secret key in the format that [ParseTerminal]
// reads, for writing a key file. It returns nil for the zero Terminal.
func (t Terminal) RevealText() []byte {
	key := t.key.Reveal()
	if key == nil {
		return nil
	}
	return append(hex.AppendEncode([]byte(t.name+" "), key.Seed()), '\n')
}

// Name returns the terminal's name.
func (t Terminal) Name() string { return t.name }

// Public returns the name and the public key, which verifies the terminal's records.
func (t Terminal) Public() TerminalKey {
	key := t.key.Reveal()
	if key == nil {
		return TerminalKey{}
	}
	return TerminalKey{t.name, key.Public().(ed25519.PublicKey)}
}

// String returns "[terminal NAME]", without the key.
func (t Terminal) String() string { return "[terminal " + t.name + "]" }

// Format prints [Terminal.String] for every verb and flag.
func (t Terminal) Format(f fmt.State, _ rune) { fmt.Fprint(f, t.String()) }

// MarshalText returns [Terminal.String]. Use [Terminal.RevealText] for the secret.
func (t Terminal) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// LogValue implements slog.LogValuer with [Terminal.String].
func (t Terminal) LogValue() slog.Value { return slog.StringValue(t.String()) }

// TerminalKey is the name and the public key of a terminal or desk. The operator needs them to
// verify the audit log: see [OpenOperator].
type TerminalKey struct {
	Name string
	Key  ed25519.PublicKey // 32 bytes
}

// String returns a line with the name and the key in hexadecimal, as
// [ParseTerminalKeys] reads it.
func (k TerminalKey) String() string { return k.Name + " " + hex.EncodeToString(k.Key) }

// ParseTerminalKeys reads lines in the format of [TerminalKey.String]. It skips empty
// lines and lines that begin with #. It returns [ErrTerminal] for any other line and for
// a duplicate name.
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

// claimName claims the terminal's name and those of its further chains for this process. It returns [ErrTerminalTaken] if
// another process has it.
func (r *Registry) claimName(ctx context.Context) error {
	if _, err := io.ReadFull(r.random, r.session[:]); err != nil {
		return fmt.Errorf("session: %w", err)
	}
	return r.transact(ctx, func(tx queryer) error {
		for _, c := range r.chains {
			if err := r.claimChain(ctx, tx, c); err != nil {
				return err
			}
		}
		return nil
	})
}

// claimChain claims the name of a chain.
func (r *Registry) claimChain(ctx context.Context, tx queryer, c *chain) error {
	var session []byte
	var lastWrite int64
	found, err := queryRow(ctx, tx, []any{&session, &lastWrite},
		`SELECT session, seen FROM terminals WHERE namespace = $1 AND terminal = $2`, r.namespace, c.name)
	if err != nil {
		return err
	}
	now := r.now()
	if age := now.Sub(time.Unix(lastWrite, 0)); found && !bytes.Equal(session, r.session[:]) && age.Abs() < leaseDuration {
		return fmt.Errorf("%w: %s", ErrTerminalTaken, c.name)
	}
	var key []byte
	enrolled, err := queryRow(ctx, tx, []any{&key}, `SELECT key FROM enrolled WHERE namespace = $1 AND name = $2`, r.namespace, c.name)
	if err != nil {
		return err
	}
	if enrolled && !r.terminal.Public().Key.Equal(ed25519.PublicKey(key)) {
		return fmt.Errorf("%w: %s is enrolled with another key", ErrOtherKey, c.name)
	}
	_, err = exec(ctx, tx, `INSERT INTO terminals (namespace, terminal, session, seen) VALUES ($1, $2, $3, $4)
		ON CONFLICT (namespace, terminal) DO UPDATE SET session = excluded.session, seen = excluded.seen`,
		r.namespace, c.name, r.session[:], now.Unix())
	return err
}

// renewLease renews the claim of a chain's name. Every transaction of a change begins
// with it, so every one of them writes. A server with synchronous replication does not
// wait for the standby when it commits a transaction without writes, but a repeated
// change must wait for the replication of the earlier commit whose answer was lost.
//
// It inserts and does not search: PostgreSQL searches a small table row by row, which conflicts
// with the transactions of all other terminals.
func (r *Registry) renewLease(ctx context.Context, tx queryer, c *chain) error {
	n, err := exec(ctx, tx, `INSERT INTO terminals (namespace, terminal, session, seen) VALUES ($1, $2, $3, $4)
		ON CONFLICT (namespace, terminal) DO UPDATE SET seen = excluded.seen WHERE terminals.session = excluded.session`,
		r.namespace, c.name, r.session[:], r.now().Unix())
	if err == nil && n != 1 {
		err = fmt.Errorf("%w: %s", ErrTerminalTaken, c.name)
	}
	return err
}

// releaseName releases the names of all chains, if the database answers within a second.
func (r *Registry) releaseName() {
	if r.session == [16]byte{} { // never claimed
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_, _ = exec(ctx, r.storage.db, `UPDATE terminals SET seen = 0 WHERE namespace = $1 AND session = $2`, r.namespace, r.session[:])
}
