package registry

import (
	"context"
	"crypto/hmac"
	"crypto/x509"
	"database/sql"
	"fmt"
	"strings"

	"github.com/mykeykit/mykeykit/jpki/revocation"
	"github.com/mykeykit/mykeykit/mykey"
)

// Generation is a numbered set of a registry's keys. To change the keys, add a
// generation with a higher number and pass the others to [WithOtherGenerations].
type Generation struct {
	// Number is at least 1. It is stored with every value that was derived with the keys.
	Number uint32
	// Namespace derives the identifiers.
	Namespace *mykey.Namespace
	// Key makes handles and digests. Use a different key than the namespace's.
	Key mykey.Key
}

// check returns mykey.ErrKey if the generation is incomplete.
func (g Generation) check() error {
	switch {
	case g.Number == 0:
		return fmt.Errorf("%w: the number of a generation must be at least 1", mykey.ErrKey)
	case g.Namespace == nil:
		return fmt.Errorf("%w: generation %d has no namespace", mykey.ErrKey, g.Number)
	case g.Key.ID() == "":
		return fmt.Errorf("%w: generation %d has no key", mykey.ErrKey, g.Number)
	}
	return nil
}

// The purposes of a registry's key, for mac.
const (
	purposeHolder      = "registry/holder/v1"
	purposeSubject     = "registry/subject/v1"
	purposeAccount     = "registry/account/v1"
	purposeRequest     = "registry/request/v2"
	purposeRecovery    = "registry/recovery/v2"
	purposeFingerprint = "registry/fingerprint/v2"
)

// handle returns the handle of a holder in the database: 32 bytes, derived from the
// certificate's public key with the registry's key. Package proof has rejected other
// encodings of the key, which would have other handles.
func (g Generation) handle(certificate *x509.Certificate) []byte {
	return mac(g.Key, purposeHolder, []byte(g.Namespace.Name()), certificate.RawSubjectPublicKeyInfo)
}

// subject returns the digest of a platform's identifier of a holder: 32 bytes.
func (g Generation) subject(s revocation.Subject) []byte {
	platform, identifier := s.Reveal()
	return mac(g.Key, purposeSubject, []byte(g.Namespace.Name()), []byte(platform), []byte(identifier))
}

// request returns the digest of a request, which detects a different request with the
// same operation. The parts must not be guessable, because whoever has the key can test
// guesses: accounts are therefore not part of it. The digest is not keyed for the zero
// Generation of a desk, whose requests contain no personal data.
func (g Generation) request(kind kind, parts ...[]byte) []byte {
	parts = append([][]byte{[]byte(kind)}, parts...)
	if g.Namespace == nil {
		return digest(purposeRequest, parts...)
	}
	return mac(g.Key, purposeRequest, append([][]byte{[]byte(g.Namespace.Name())}, parts...)...)
}

// fingerprint identifies both keys without revealing them.
func (g Generation) fingerprint() []byte {
	return mac(g.Key, purposeFingerprint, []byte(g.Namespace.Name()), []byte(g.Namespace.KeyID()))
}

// generations returns all generations, the current one first.
func (r *Registry) generations() []Generation {
	return append([]Generation{r.current}, r.others...)
}

// perGeneration returns a list of placeholders for IN, and args with a value of each
// generation appended.
func (r *Registry) perGeneration(args []any, value func(Generation) []byte) (string, []any) {
	var places []string
	for _, g := range r.generations() {
		args = append(args, value(g))
		places = append(places, fmt.Sprintf("$%d", len(args)))
	}
	return "(" + strings.Join(places, ", ") + ")", args
}

// generation returns the generation with a number.
func (r *Registry) generation(number uint32) (Generation, bool) {
	for _, g := range r.generations() {
		if g.Number == number {
			return g, true
		}
	}
	return Generation{}, false
}

// setGenerations sets the registry's generations and namespace. It returns mykey.ErrKey
// if a generation is incomplete, or if they do not belong together.
func (r *Registry) setGenerations(current Generation, others []Generation) error {
	r.current, r.others = current, others
	numbers := map[uint32]bool{}
	for _, g := range r.generations() {
		if err := g.check(); err != nil {
			return err
		}
		if numbers[g.Number] || g.Namespace.Name() != current.Namespace.Name() {
			return fmt.Errorf("%w: generation %d was given twice or is of another namespace", mykey.ErrKey, g.Number)
		}
		numbers[g.Number] = true
	}
	r.namespace = current.Namespace.Name()
	return nil
}

// checkGenerations returns mykey.ErrKey if a key differs from the one that the database
// was created with, or if a stored generation was not given: its holders would be
// unknown and get a second identifier. It returns the generations that are not stored
// yet.
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
		switch have, found := stored[g.Number]; {
		case !found:
			unknown = append(unknown, g)
		case !hmac.Equal(have, g.fingerprint()):
			return nil, fmt.Errorf("%w: generation %d has other keys in the database", mykey.ErrKey, g.Number)
		}
	}
	return unknown, nil
}

// storeGenerations checks the generations and stores new ones. With WithoutMigrations it
// returns mykey.ErrKey if one is not stored.
func (r *Registry) storeGenerations(ctx context.Context) error {
	return r.transact(ctx, func(tx queryer) error {
		unknown, err := r.checkGenerations(ctx, tx)
		if err != nil {
			return err
		}
		for _, g := range unknown {
			if r.skipMigrations {
				return fmt.Errorf("%w: generation %d is not in the database; migrate it first", mykey.ErrKey, g.Number)
			}
			if _, err := exec(ctx, tx, `INSERT INTO generations (namespace, generation, fingerprint) VALUES ($1, $2, $3)`,
				r.namespace, g.Number, g.fingerprint()); err != nil {
				return err
			}
		}
		return nil
	})
}

// checkMissingGenerations returns mykey.ErrKey if there are holders of a generation that
// was not given. The program was then started before the keys were changed, and can't
// know whether a holder is unknown or superseded.
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

// missingGenerationError is the error for a generation that only the database has.
func missingGenerationError(number uint32) error {
	return fmt.Errorf("%w: generation %d is in the database but was not given", mykey.ErrKey, number)
}
