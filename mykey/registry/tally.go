package registry

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/mykeykit/mykeykit/jpki/trust"
)

// ErrEvent reports an event name that is not 1 to 64 letters, digits, dots, hyphens,
// underscores and colons.
var ErrEvent = errors.New("invalid event name: want 1 to 64 letters, digits, dots, hyphens, underscores and colons")

var eventName = regexp.MustCompile(`^[A-Za-z0-9._:-]{1,64}$`)

// Tally increments today's count of an event, such as "visit" or the code of a message
// that was shown, at this terminal or at the terminal of [Registry.From].
// [Operator.Statistics] returns the counts. An event must not identify a person. If the
// answer of the database is lost, the count may be off by one. It returns [ErrEvent] or
// [ErrUnavailable].
func (r *Registry) Tally(ctx context.Context, event string) error {
	if !eventName.MatchString(event) {
		return ErrEvent
	}
	_, release, err := r.takeChain(ctx)
	if err != nil {
		return err
	}
	defer release()
	return r.retry(ctx, func(ctx context.Context) error {
		return r.addTally(ctx, r.storage.db, cmp.Or(r.originName(), r.terminal.name), event, 1)
	})
}

// addTally adds to today's count of an event at a terminal.
func (r *Registry) addTally(ctx context.Context, q queryer, terminal, event string, number int) error {
	_, err := exec(ctx, q, `INSERT INTO tallies (namespace, terminal, day, event, number) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (namespace, terminal, day, event) DO UPDATE SET number = tallies.number + excluded.number`,
		r.namespace, terminal, dayOf(r.now()), event, number)
	return err
}

// dayOf returns the day of a time in Japan's time zone.
func dayOf(t time.Time) string { return t.In(trust.Japan).Format(time.DateOnly) }

// Count is the number of occurrences of an event on a day at a terminal.
type Count struct {
	Day      string // in Japan's time zone, as in "2026-11-28"
	Terminal string // at which the event occurred, or which requested the change
	Event    string // of [Registry.Tally], or "record:" and the kind of audit record
	Number   int64
}

// Statistics returns the counts of tallied events and of audit records, sorted by day,
// terminal and event. They contain no personal data. It returns [ErrUnavailable].
func (o *Operator) Statistics(ctx context.Context) ([]Count, error) {
	var counts []Count
	err := o.registry.retryLong(ctx, func(ctx context.Context) error {
		counts = nil
		return queryRows(ctx, o.registry.storage.db, func(rows *sql.Rows) error {
			var c Count
			var day int64
			if err := rows.Scan(&c.Day, &day, &c.Terminal, &c.Event, &c.Number); err != nil {
				return err
			}
			if c.Day == "" {
				c.Day = time.Unix(day*24*60*60, 0).UTC().Format(time.DateOnly)
			}
			counts = append(counts, c)
			return nil
		}, fmt.Sprintf(`SELECT day, 0, terminal, event, number FROM tallies WHERE namespace = $1
			UNION ALL SELECT '', (made + %[1]d) / 86400, %[2]s, 'record:' || kind, count(*) FROM audit WHERE namespace = $1
			GROUP BY (made + %[1]d) / 86400, %[2]s, kind`, japanOffset, requester), o.registry.namespace)
	})
	slices.SortFunc(counts, func(a, b Count) int {
		return cmp.Or(cmp.Compare(a.Day, b.Day), cmp.Compare(a.Terminal, b.Terminal), cmp.Compare(a.Event, b.Event))
	})
	return counts, err
}

// requester is the column of a record's terminal: the one that requested it, or else the one
// whose chain it is in.
const requester = `CASE WHEN terminal = '' THEN chain ELSE terminal END`

// japanOffset is the offset of Japan's time zone from UTC, in seconds.
const japanOffset = 9 * 60 * 60
