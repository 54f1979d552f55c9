package registry

import (
	"context"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"database/sql"
	"fmt"
	"strings"

	"github.com/mykeykit/mykeykit/mykey"
)

// Generation is the secrets that a registry works with, under a number. Keys are
// changed by adding a generation with a higher number and giving the earlier
// ones to [WithEarlier].
type Generation struct {
	// Number is 1 or more, and is stored with what the keys made.
	Number uint32
	// Namespace derives the identifiers.
	Namespace *mykey.Namespace
	// Key makes handles and digests: another secret than the namespace's. It is at least 32 bytes and not all zero.
	Key mykey.Key
}

// valid refuses what mykey refuses, and a generation that is not whole.
func (g Generation) check() error {
	switch {
	case g.Number == 0:
		return fmt.Errorf("%w: generations count from 1", mykey.ErrKey)
	case g.Namespace == nil:
		return fmt.Errorf("%w: generation %d has no namespace", mykey.ErrKey, g.Number)
	case g.Key.ID() == "":
		return fmt.Errorf("%w: generation %d has none", mykey.ErrKey, g.Number)
	}
	return nil
}

// The purposes that keep apart what is made with one key.
const (
	purposeHolder      = "registry/holder/v1"
	purposeAccount     = "registry/account/v1"
	purposeRequest     = "registry/request/v2"
	purposeRecovery    = "registry/recovery/v2"
	purposeFingerprint = "registry/fingerprint/v1"
)

// handle stands for a holder in the database: 32 bytes that only the key can
// make from the certificate's public key, and nobody can turn back. Registry.proved
// has refused any other encoding of the key.
func (g Generation) handle(certificate *x509.Certificate) []byte {
	return mac(g.Key, purposeHolder, []byte(g.Namespace.Name()), certificate.RawSubjectPublicKeyInfo)
}

// request is a digest of what an operation asks for, by which another request
// under the same operation is told. Nothing in it can be guessed from the digest,
// for who has the key either: accounts are compared in another way. Without a
// namespace it is an operator's, whose requests hold nothing personal.
func (g Generation) request(kind kind, parts ...[]byte) []byte {
	parts = append([][]byte{[]byte(kind)}, parts...)
	if g.Namespace == nil {
		return digest(purposeRequest, parts...)
	}
	return mac(g.Key, purposeRequest, append([][]byte{[]byte(g.Namespace.Name())}, parts...)...)
}

// fingerprint names both keys without telling either, by the identifier of a key
// that nobody has.
func (g Generation) fingerprint() ([]byte, error) {
	seed := sha256.Sum256([]byte(purposeFingerprint))
	spki, err := x509.MarshalPKIXPublicKey(ed25519.PublicKey(seed[:]))
	if err != nil {
		return nil, err
	}
	id, err := g.Namespace.Derive(&x509.Certificate{RawSubjectPublicKeyInfo: spki})
	if err != nil {
		return nil, err
	}
	return mac(g.Key, purposeFingerprint, []byte(g.Namespace.Name()), []byte(id)), nil
}

// generations are all, the current first.
func (r *Registry) generations() []Generation {
	return append([]Generation{r.current}, r.earlier...)
}

// ofEach is a list of what each generation makes, for IN, and the arguments of
// the statement with it.
func (r *Registry) perGeneration(args []any, value func(Generation) []byte) (string, []any) {
	var places []string
	for _, g := range r.generations() {
		args = append(args, value(g))
		places = append(places, fmt.Sprintf("$%d", len(args)))
	}
	return "(" + strings.Join(places, ", ") + ")", args
}

// generation finds one by its number.
func (r *Registry) generation(number uint32) (Generation, bool) {
	for _, g := range r.generations() {
		if g.Number == number {
			return g, true
		}
	}
	return Generation{}, false
}

// adopt takes the keys of a namespace. It refuses generations that are not whole, and
// those that do not belong together.
func (r *Registry) setGenerations(current Generation, earlier []Generation) error {
	r.current, r.earlier = current, earlier
	numbers := map[uint32]bool{}
	for _, g := range r.generations() {
		if err := g.check(); err != nil {
			return err
		}
		if numbers[g.Number] || g.Namespace.Name() != current.Namespace.Name() {
			return fmt.Errorf("%w: generation %d is there twice, or of another namespace", mykey.ErrKey, g.Number)
		}
		numbers[g.Number] = true
	}
	r.namespace = current.Namespace.Name()
	return nil
}

// checkGenerations refuses keys that are not the ones with which the database was
// filled, and fewer: their holders would be strangers, and get a second identifier. It
// returns the generations that the database does not know.
func (r *Registry) checkGenerations(ctx context.Context, tx queryer) (unknown []Generation, err error) {
	stored := map[uint32][]byte{}
	err = queryRows(ctx, tx, func(rows *sql.Rows) error {
		var number uint32
		var fingerprint []byte
		err := rows.Scan(&number, &fingerprint)
		stored[number] = fingerprint
		return err
	}, `SELECT generation, fingerprint FROM generations WHERE namespace = $1`, r.namespace)
	if err != nil {
		return nil, err
	}
	for number := range stored {
		if _, given := r.generation(number); !given {
			return nil, missingGenerationError(number)
		}
	}
	for _, g := range r.generations() {
		want, err := g.fingerprint()
		if err != nil {
			return nil, err
		}
		switch have, found := stored[g.Number]; {
		case !found:
			unknown = append(unknown, g)
		case !hmac.Equal(have, want):
			return nil, fmt.Errorf("%w: not the one that generation %d had before", mykey.ErrKey, g.Number)
		}
	}
	return unknown, nil
}

// keepGenerations checks the generations and writes new ones down, unless that is for
// another role to do.
func (r *Registry) storeGenerations(ctx context.Context) error {
	return r.transact(ctx, func(tx queryer) error {
		unknown, err := r.checkGenerations(ctx, tx)
		if err != nil {
			return err
		}
		for _, g := range unknown {
			if r.skipMigrations {
				return fmt.Errorf("%w: generation %d is not in the database; it has to be migrated", mykey.ErrKey, g.Number)
			}
			fingerprint, err := g.fingerprint()
			if err != nil {
				return err
			}
			if _, err := exec(ctx, tx, `INSERT INTO generations (namespace, generation, fingerprint) VALUES ($1, $2, $3)`,
				r.namespace, g.Number, fingerprint); err != nil {
				return err
			}
		}
		return nil
	})
}

// refuseLacking refuses to tell who is a stranger, or superseded, once there are holders
// of a generation that was not given: this program has been running since before the
// keys were changed. A generation that nobody has yet does no harm.
func (r *Registry) checkMissingGenerations(ctx context.Context, q queryer) error {
	var missing []uint32
	err := queryRows(ctx, q, func(rows *sql.Rows) error {
		var number uint32
		err := rows.Scan(&number)
		if _, given := r.generation(number); !given {
			missing = append(missing, number)
		}
		return err
	}, `SELECT generation FROM generations WHERE namespace = $1`, r.namespace)
	if err != nil {
		return err
	}
	for _, number := range missing {
		var holder int
		found, err := queryRow(ctx, q, []any{&holder}, `SELECT 1 FROM holders WHERE namespace = $1 AND generation = $2 LIMIT 1`, r.namespace, number)
		if err != nil {
			return err
		}
		if found {
			return missingGenerationError(number)
		}
	}
	return nil
}

// notGiven is the error of a generation that is in the database only.
func missingGenerationError(number uint32) error {
	return fmt.Errorf("%w: generation %d is in the database and was not given", mykey.ErrKey, number)
}
