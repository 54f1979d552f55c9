package registry

import (
	"context"
	"crypto/ed25519"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

var (
	// ErrEnrollmentConflict reports that the name is enrolled with another key or role, or the key
	// under another name. The key of a name never changes, because the audit log is verified with
	// it.
	ErrEnrollmentConflict = errors.New("the name has another key or role, or the key belongs to another name")
	// ErrNotEnrolled reports a name that is not enrolled.
	ErrNotEnrolled = errors.New("no terminal or clerk is enrolled under this name")
	// ErrRevoked reports a name whose key was revoked.
	ErrRevoked = errors.New("the key of this terminal or clerk was revoked")
	// ErrEnrollmentExpired reports a name whose certificate has expired.
	ErrEnrollmentExpired = errors.New("the certificate of this terminal or clerk has expired")
)

// Enrolled is a terminal or a clerk who may send requests over the network.
type Enrolled struct {
	Name     string // 1 to 64 letters, digits, dots, hyphens and underscores; 1 to 32 for a clerk
	Role     Role
	Serial   string            // of the certificate, 0 to 64 bytes of text
	Key      ed25519.PublicKey // of the certificate
	NotAfter time.Time         // of the certificate
	Since    time.Time         // when the name was first enrolled
	Revoked  time.Time         // zero unless the key was revoked
}

// TerminalKey returns the name and the key, which [OpenOperator] needs.
func (e Enrolled) TerminalKey() TerminalKey { return TerminalKey{e.Name, e.Key} }

const maxSerial = 64

// check returns [ErrTerminal] or [ErrClerk] if the name can't be enrolled.
func (e Enrolled) check() error {
	switch {
	case e.Role != RoleTerminal && e.Role != RoleClerk:
		return fmt.Errorf("%w: its role is not %q or %q", ErrTerminal, RoleTerminal, RoleClerk)
	case e.Role == RoleClerk && !clerkCode.MatchString(e.Name):
		return ErrClerk
	case !terminalName.MatchString(e.Name) || len(e.Key) != ed25519.PublicKeySize:
		return ErrTerminal
	case len(e.Serial) > maxSerial || !isText(e.Serial):
		return fmt.Errorf("%w: the certificate's serial number is too long", ErrTerminal)
	}
	return nil
}

// enrolledRow is a row of the table enrolled.
type enrolledRow struct {
	Enrolled
	namespace string
	version   uint64
}

func (e enrolledRow) image() image {
	return newImage(enrolledTable, e.version, []byte(e.Name), []byte(e.namespace), []byte(e.Role), []byte(e.Serial), e.Key,
		encodeNumber(e.NotAfter.Unix()), encodeNumber(e.Since.Unix()), encodeNumber(e.revokedUnix()))
}

// revokedUnix returns the time of the revocation, 0 if there was none.
func (e Enrolled) revokedUnix() int64 {
	if e.Revoked.IsZero() {
		return 0
	}
	return e.Revoked.Unix()
}

// unixOrZero returns the zero time for 0.
func unixOrZero(seconds int64) time.Time {
	if seconds == 0 {
		return time.Time{}
	}
	return time.Unix(seconds, 0).UTC()
}

const selectEnrolled = `SELECT name, role, serial, key, not_after, enrolled, revoked, version FROM enrolled WHERE namespace = $1`

// scanEnrolled scans a row of selectEnrolled.
func scanEnrolled(rows *sql.Rows, namespace string) (enrolledRow, error) {
	e := enrolledRow{namespace: namespace}
	var notAfter, enrolled, revoked int64
	err := scanExactly(rows, &e.Name, (*string)(&e.Role), &e.Serial, (*[]byte)(&e.Key), &notAfter, &enrolled, &revoked, &e.version)
	e.NotAfter, e.Since, e.Revoked = time.Unix(notAfter, 0).UTC(), time.Unix(enrolled, 0).UTC(), unixOrZero(revoked)
	return e, err
}

// findEnrolled returns the row of a name, nil if there is none.
func findEnrolled(ctx context.Context, q queryer, namespace, name string) (*enrolledRow, error) {
	var found *enrolledRow
	err := queryRows(ctx, q, func(rows *sql.Rows) error {
		e, err := scanEnrolled(rows, namespace)
		found = &e
		return err
	}, selectEnrolled+` AND name = $2`, namespace, name)
	if errors.Is(err, errUnexpectedType) { // no desk wrote it
		found, err = nil, nil
	}
	return found, err
}

// Enroll enrolls a terminal or a clerk. For a name that is enrolled already, it stores the new
// serial number and expiry; the key and the role must be the same. Since and Revoked of e are
// ignored. A record of the enrollment is appended to the audit log.
//
// It returns [ErrTerminal] or [ErrClerk] if the name, the role, the key or the serial number is
// invalid; [ErrEnrollmentConflict] if the name is enrolled with another key or role, if a program with that
// name and another key has written audit records, or if the key is enrolled under another name;
// [ErrRevoked]; [ErrOperation]; [ErrTerminalTaken]; or [ErrUnavailable].
func (d *Desk) Enroll(ctx context.Context, operation Operation, e Enrolled) error {
	if err := e.check(); err != nil {
		return err
	}
	r := d.registry
	after := enrolledRow{Enrolled: e, namespace: r.namespace, version: 1}
	after.Since, after.Revoked = r.now(), time.Time{}
	parts := func(Generation) [][]byte {
		return [][]byte{[]byte(r.namespace), []byte(e.Name), []byte(e.Role), []byte(e.Serial), e.Key, encodeNumber(e.NotAfter.Unix())}
	}
	_, err := r.applyOnce(ctx, change{operation, kindEnroll, parts}, func(tx queryer) (*outcome, error) {
		before, err := findEnrolled(ctx, tx, r.namespace, e.Name)
		switch {
		case err != nil:
			return nil, err
		case before == nil:
			if err := r.insertEnrolled(ctx, tx, after); err != nil {
				return nil, err
			}
			return &outcome{kind: kindEnroll, lineage: []byte{}, images: []image{addedImage(after)}}, nil
		case before.Role != e.Role || !before.Key.Equal(e.Key):
			return nil, fmt.Errorf("%w: %s", ErrEnrollmentConflict, e.Name)
		case !before.Revoked.IsZero():
			return nil, ErrRevoked
		}
		renewed := *before
		renewed.Serial, renewed.NotAfter = e.Serial, e.NotAfter
		changed, err := updateEnrolled(ctx, tx, *before, renewed)
		return &outcome{kind: kindEnroll, lineage: []byte{}, images: []image{changed}}, err
	})
	return err
}

// insertEnrolled inserts a row, unless the key or the name is used otherwise.
func (r *Registry) insertEnrolled(ctx context.Context, tx queryer, e enrolledRow) error {
	var one int
	used, err := queryRow(ctx, tx, []any{&one}, `SELECT 1 FROM enrolled WHERE namespace = $1 AND key = $2`, e.namespace, []byte(e.Key))
	if err != nil {
		return err
	}
	if used {
		return fmt.Errorf("%w: another name has the key", ErrEnrollmentConflict)
	}
	var hash, signature []byte
	extended, err := queryRow(ctx, tx, []any{&hash, &signature},
		`SELECT hash, signature FROM audit WHERE namespace = $1 AND chain = $2 ORDER BY number DESC LIMIT 1`, e.namespace, e.Name)
	if err != nil {
		return err
	}
	if extended && !ed25519.Verify(e.Key, signedMessage(hash), signature) {
		return fmt.Errorf("%w: a program named %s has another key", ErrEnrollmentConflict, e.Name)
	}
	_, err = exec(ctx, tx, `INSERT INTO enrolled (namespace, name, role, serial, key, not_after, enrolled, revoked, version)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`, e.namespace, e.Name, string(e.Role), e.Serial, []byte(e.Key), e.NotAfter.Unix(),
		e.Since.Unix(), e.revokedUnix(), e.version)
	return err
}

// updateEnrolled writes a changed row, unless another transaction has changed it since before
// was read.
func updateEnrolled(ctx context.Context, tx queryer, before, after enrolledRow) (image, error) {
	after.version = before.version + 1
	n, err := exec(ctx, tx, `UPDATE enrolled SET serial = $3, not_after = $4, revoked = $5, version = $6
		WHERE namespace = $1 AND name = $2 AND version = $7`,
		after.namespace, after.Name, after.Serial, after.NotAfter.Unix(), after.revokedUnix(), after.version, before.version)
	if err == nil && n != 1 {
		err = &storageError{cause: errors.New("another transaction changed the enrollment"), retryable: true}
	}
	return changedImage(before, after), err
}

// Revoke revokes the key of a terminal or a clerk for good, for example because a terminal was
// stolen. Servers refuse its requests within a few seconds, see [Registry.Terminal]. The records
// of its earlier requests stay valid. It returns [ErrNotEnrolled], [ErrOperation],
// [ErrTerminalTaken] or [ErrUnavailable].
func (d *Desk) Revoke(ctx context.Context, operation Operation, name string) error {
	r := d.registry
	parts := func(Generation) [][]byte { return [][]byte{[]byte(r.namespace), []byte(name)} }
	_, err := r.applyOnce(ctx, change{operation, kindRevoke, parts}, func(tx queryer) (*outcome, error) {
		before, err := findEnrolled(ctx, tx, r.namespace, name)
		switch {
		case err != nil:
			return nil, err
		case before == nil:
			return nil, ErrNotEnrolled
		case !before.Revoked.IsZero():
			return nil, nil
		}
		after := *before
		after.Revoked = r.now()
		changed, err := updateEnrolled(ctx, tx, *before, after)
		return &outcome{kind: kindRevoke, lineage: []byte{}, images: []image{changed}}, err
	})
	return err
}

// Enrolled returns all enrolled terminals and clerks, sorted by name, including those that were
// revoked or have expired. The database's administrator can alter this list: [Operator.Verify]
// detects that. Pass OpenOperator keys that you have stored elsewhere, not these. It returns
// [ErrUnavailable].
func (o *Operator) Enrolled(ctx context.Context) ([]Enrolled, error) {
	var list []Enrolled
	err := o.registry.retryLong(ctx, func(ctx context.Context) error {
		list = nil
		return queryRows(ctx, o.registry.storage.db, func(rows *sql.Rows) error {
			e, err := scanEnrolled(rows, o.registry.namespace)
			list = append(list, e.Enrolled)
			return readError(err)
		}, selectEnrolled, o.registry.namespace)
	})
	slices.SortFunc(list, func(a, b Enrolled) int { return strings.Compare(a.Name, b.Name) })
	return list, err
}
