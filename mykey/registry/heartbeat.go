package registry

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"
	"time"
)

// visitEvent is the event of a visit in the tallies.
const visitEvent = "visit"

const maxVersion = 64 // bytes of a version

// ErrHeartbeat reports a heartbeat with an invalid version or number of visits.
var ErrHeartbeat = errors.New("invalid heartbeat: want a version of 0 to 64 bytes of text, and visits that are not negative")

// Heartbeat records that a terminal is running, with the version of its program and the number of
// visits since its last heartbeat, which is added to the tally of the event "visit". If the answer
// of the database is lost, the visits may be counted twice. It returns [ErrTerminal] if name is not
// valid for a terminal, [ErrHeartbeat] if version is longer than 64 bytes or not printable text, or
// if visits is negative, or [ErrUnavailable].
func (r *Registry) Heartbeat(ctx context.Context, name, version string, visits int) error {
	switch {
	case !terminalName.MatchString(name):
		return ErrTerminal
	case len(version) > maxVersion || !isText(version) || visits < 0:
		return ErrHeartbeat
	}
	now := r.now()
	return r.transact(ctx, func(tx queryer) error {
		_, err := exec(ctx, tx, `INSERT INTO heartbeats (namespace, name, seen, version) VALUES ($1, $2, $3, $4)
			ON CONFLICT (namespace, name) DO UPDATE SET seen = excluded.seen, version = excluded.version`, r.namespace, name, now.Unix(), version)
		if err != nil || visits == 0 {
			return err
		}
		return r.addTally(ctx, tx, name, visitEvent, visits)
	})
}

// Heartbeat is the last heartbeat of a terminal.
type Heartbeat struct {
	Name    string
	Version string
	Seen    time.Time
	Visits  int64 // on the day of Seen, in Japan's time zone
}

// Heartbeats returns the last heartbeat of each terminal, sorted by name. It returns
// [ErrUnavailable].
func (o *Operator) Heartbeats(ctx context.Context) ([]Heartbeat, error) {
	var list []Heartbeat
	err := o.registry.retryLong(ctx, func(ctx context.Context) error {
		list = nil
		visits := map[string]int64{} // by name and day
		err := queryRows(ctx, o.registry.storage.db, func(rows *sql.Rows) error {
			var name, day string
			var number int64
			err := rows.Scan(&name, &day, &number)
			visits[name+" "+day] = number
			return err
		}, `SELECT terminal, day, number FROM tallies WHERE namespace = $1 AND event = $2`, o.registry.namespace, visitEvent)
		if err != nil {
			return err
		}
		return queryRows(ctx, o.registry.storage.db, func(rows *sql.Rows) error {
			var h Heartbeat
			var seen int64
			err := rows.Scan(&h.Name, &h.Version, &seen)
			h.Seen = time.Unix(seen, 0).UTC()
			h.Visits = visits[h.Name+" "+dayOf(h.Seen)]
			list = append(list, h)
			return err
		}, `SELECT name, version, seen FROM heartbeats WHERE namespace = $1`, o.registry.namespace)
	})
	slices.SortFunc(list, func(a, b Heartbeat) int { return strings.Compare(a.Name, b.Name) })
	return list, err
}
