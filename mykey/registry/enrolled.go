package registry

import (
	"context"
	"time"
)

// enrolledTime is how long a server uses what it has read about a terminal.
const enrolledTime = 3 * time.Second

// readEnrolled is a row of the table enrolled, and when it was read.
type readEnrolled struct {
	Enrolled
	at time.Time
}

// Terminal returns the terminal or clerk that is enrolled under name, for a server that checks each
// request. The caller must compare the returned key with the key of the client's certificate.
// Terminal reads the database at most once every 3 seconds for each name, so a revocation takes
// effect within 3 seconds.
//
// It returns [ErrNotEnrolled], [ErrRevoked], [ErrEnrollmentExpired] or [ErrUnavailable].
func (r *Registry) Terminal(ctx context.Context, name string) (Enrolled, error) {
	now := r.now()
	e, err := r.readEnrolled(ctx, name, now)
	switch {
	case err != nil:
		return Enrolled{}, err
	case !e.Revoked.IsZero():
		return Enrolled{}, ErrRevoked
	case now.After(e.NotAfter):
		return Enrolled{}, ErrEnrollmentExpired
	}
	return e, nil
}

// readEnrolled returns an enrolled name, whatever its state. Names that are not enrolled are
// not remembered, since a client chooses them.
func (r *Registry) readEnrolled(ctx context.Context, name string, now time.Time) (Enrolled, error) {
	s := r.shared
	s.mu.Lock()
	known, found := s.enrolled[name]
	s.mu.Unlock()
	if found && now.Sub(known.at).Abs() < enrolledTime {
		return known.Enrolled, nil
	}
	if !terminalName.MatchString(name) {
		return Enrolled{}, ErrNotEnrolled
	}
	var row *enrolledRow
	err := r.retry(ctx, func(ctx context.Context) (err error) {
		row, err = findEnrolled(ctx, r.storage.db, r.namespace, name)
		return err
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case err != nil:
		return Enrolled{}, err
	case row == nil:
		delete(s.enrolled, name)
		return Enrolled{}, ErrNotEnrolled
	}
	s.enrolled[name] = readEnrolled{row.Enrolled, now}
	return row.Enrolled, nil
}
