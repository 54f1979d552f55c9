package registry

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"golang.org/x/crypto/argon2"

	"github.com/mykeykit/mykeykit/internal/hidden"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/mykey/internal/crockford"
)

// ErrRecovery: a recovery code that is malformed, or not the reservation's.
var ErrRecovery = errors.New("not the reservation's recovery code")

// codeLength is 16 symbols of 5 bits: nobody guesses 80 bits, with the hash or
// without.
const codeLength = 16

// RecoveryCode moves a reservation to a new card when the old one is gone: 80
// random bits that the holder is given, as 16 symbols, and that the registry
// knows only hashed. It does not print itself. The zero RecoveryCode is none.
type RecoveryCode struct{ symbols hidden.Value[string] }

// text is the code's symbols, "" for none.
func (c RecoveryCode) text() string { return c.symbols.Reveal() }

func codeOf(symbols [codeLength]byte) RecoveryCode {
	return RecoveryCode{hidden.New(string(symbols[:]))}
}

// NewRecoveryCode makes one.
func NewRecoveryCode() RecoveryCode {
	var b [codeLength]byte
	_, _ = rand.Read(b[:]) // it never fails
	for i := range b {
		b[i] = crockford.Alphabet[b[i]%32]
	}
	return codeOf(b)
}

// ParseRecoveryCode takes a code as people type it, as mykey.Parse does an
// identifier. It fails with [ErrRecovery].
func ParseRecoveryCode(text string) (RecoveryCode, error) {
	positions, ok := crockford.Symbols(text, codeLength)
	if !ok || len(positions) != codeLength {
		return RecoveryCode{}, fmt.Errorf("%w: it has %d letters and digits", ErrRecovery, codeLength)
	}
	var b [codeLength]byte
	for i, position := range positions {
		if int(position) >= len(crockford.Alphabet) {
			return RecoveryCode{}, fmt.Errorf("%w: it has %d letters and digits", ErrRecovery, codeLength)
		}
		b[i] = crockford.Alphabet[position]
	}
	return codeOf(b), nil
}

// Reveal returns the code for its holder's eyes, as in "7K2M-9QXR-0ABC-DEFG".
func (c RecoveryCode) Reveal() string {
	var parts []string
	for rest := c.text(); len(rest) >= 4; rest = rest[4:] {
		parts = append(parts, rest[:4])
	}
	return strings.Join(parts, "-")
}

// String tells nothing.
func (c RecoveryCode) String() string { return "[recovery code]" }

// Format prints [RecoveryCode.String] for every verb and flag.
func (c RecoveryCode) Format(f fmt.State, _ rune) { fmt.Fprint(f, c.String()) }

// MarshalText writes [RecoveryCode.String].
func (c RecoveryCode) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// LogValue implements slog.LogValuer with [RecoveryCode.String].
func (c RecoveryCode) LogValue() slog.Value { return slog.StringValue(c.String()) }

// The cost of a code's hash is the second that OWASP names for argon2id, of one
// thread. It is written beside the hash, so that it can be changed.
const (
	argonTime   = 2
	argonMemory = 19 << 10 // KiB
	saltLength  = 16
	hashLength  = 32

	// What a hash in the database may ask for, whoever wrote it there.
	mostTime   = 16
	mostMemory = 256 << 10 // KiB
)

// hashCode hashes a code with a fresh salt, in the usual text form; "" for none.
func (r *Registry) hashCode(ctx context.Context, code RecoveryCode) (string, error) {
	if code.text() == "" {
		return "", nil
	}
	salt := make([]byte, saltLength)
	if _, err := io.ReadFull(r.random, salt); err != nil {
		return "", fmt.Errorf("salt: %w", err)
	}
	hash, err := r.argon(ctx, code, salt, argonTime, argonMemory)
	if err != nil {
		return "", err
	}
	text := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf(argonFormat, argonMemory, argonTime) + text(salt) + "$" + text(hash), nil
}

const argonFormat = "$argon2id$v=19$m=%d,t=%d,p=1$"

// hashForStranger is hashCode, unless the holder has a reservation: then the
// code will not be used, and the time is saved.
func (r *Registry) hashForStranger(ctx context.Context, holder *jpki.Authentication, code RecoveryCode) (hash string, err error) {
	if code.text() == "" {
		return "", nil
	}
	var s *seat
	err = r.again(ctx, func(ctx context.Context) (err error) {
		s, err = r.seatOf(ctx, r.storage.db, holder)
		return err
	})
	if err != nil || s != nil && s.State == Reserved {
		return "", err
	}
	return r.hashCode(ctx, code)
}

// argon computes one hash at a time.
func (r *Registry) argon(ctx context.Context, code RecoveryCode, salt []byte, time, memory uint32) ([]byte, error) {
	select {
	case r.hashing <- struct{}{}:
		defer func() { <-r.hashing }()
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, context.Cause(ctx))
	}
	return argon2.IDKey([]byte(code.text()), salt, time, memory, 1, hashLength), nil
}

// matches tells whether a code is the one that was hashed. It takes its time
// where there is none, too: else that would tell which identifiers have one.
func (r *Registry) matches(ctx context.Context, code RecoveryCode, stored string) (bool, error) {
	time, memory, salt, want, ok := parseHash(stored)
	if !ok {
		time, memory, salt = argonTime, argonMemory, make([]byte, saltLength)
	}
	hash, err := r.argon(ctx, code, salt, time, memory)
	return ok && code.text() != "" && err == nil && subtle.ConstantTimeCompare(hash, want) == 1, err
}

// parseHash reads what hashCode wrote.
func parseHash(stored string) (time, memory uint32, salt, hash []byte, ok bool) {
	parts := strings.Split(stored, "$")
	if len(parts) != 6 {
		return 0, 0, nil, nil, false
	}
	cost := strings.Join(parts[:4], "$") + "$"
	if n, err := fmt.Sscanf(cost, argonFormat, &memory, &time); n != 2 || err != nil || cost != fmt.Sprintf(argonFormat, memory, time) ||
		time < 1 || time > mostTime || memory < 8 || memory > mostMemory {
		return 0, 0, nil, nil, false
	}
	salt, err := base64.RawStdEncoding.DecodeString(parts[4])
	if err != nil || len(salt) != saltLength {
		return 0, 0, nil, nil, false
	}
	hash, err = base64.RawStdEncoding.DecodeString(parts[5])
	if err != nil || len(hash) != hashLength {
		return 0, 0, nil, nil, false
	}
	return time, memory, salt, hash, true
}
