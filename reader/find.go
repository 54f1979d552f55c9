package reader

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
)

// ErrNoMatch reports that there are cards, and that probe accepted none.
var ErrNoMatch = errors.New("no card of the kind that is looked for")

// Find returns the reader that a name means or, with an empty name, the one reader
// that holds a card. If several readers hold a card, Find probes each and returns the
// reader of the only card that probe accepts; with a nil probe it fails with an
// [*AmbiguousError]. Cards that belong to other programs keep their power.
//
// A name is a reader's exact name or, ignoring case, a part of exactly one reader's
// name.
//
// Find fails with [ErrNoReader], [*NameError], [ErrNoCard], [*AmbiguousError],
// [*NoMatchError], or the driver's error. If the driver has not answered at ctx's
// deadline, the error is [ErrNoService] too.
func Find(ctx context.Context, d Driver, name string, probe Probe) (Reader, error) {
	found, err := find(ctx, d, name, probe, nil)
	err = unanswered(ctx, err)
	if errors.Is(err, ErrNoMatch) && ctx.Err() != nil {
		return Reader{}, ctx.Err()
	}
	return found, err
}

// unanswered tells of a driver that had not answered at a deadline that its service is
// at fault.
func unanswered(ctx context.Context, err error) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) && errors.Is(err, context.DeadlineExceeded) && !worthWaiting(err) {
		return fmt.Errorf("%w: no answer in time: %w", ErrNoService, err)
	}
	return err
}

// find is Find. With seen, which remembers what probes said of the card in each
// reader, a single card is probed too.
func find(ctx context.Context, d Driver, name string, probe Probe, seen map[string]probed) (Reader, error) {
	readers, err := d.Readers(ctx)
	switch {
	case err != nil:
		return Reader{}, err
	case len(readers) == 0:
		return Reader{}, ErrNoReader
	case name != "":
		return findNamed(readers, name)
	}
	var holding []Reader
	for _, r := range readers {
		if r.Present {
			holding = append(holding, r)
		}
	}
	switch {
	case len(holding) == 0:
		return Reader{}, ErrNoCard
	case len(holding) == 1 && (probe == nil || seen == nil):
		return holding[0], nil
	case probe == nil:
		return Reader{}, ambiguous(holding)
	}
	return accepted(ctx, d, holding, probe, seen)
}

func findNamed(readers []Reader, name string) (Reader, error) {
	var names []string
	for _, r := range readers {
		names = append(names, r.Name)
	}
	full, err := FullName(names, name)
	if err != nil {
		return Reader{}, err
	}
	for _, r := range readers {
		if r.Name == full && r.Present {
			return r, nil
		}
	}
	return Reader{}, fmt.Errorf("%w %q", ErrNoCard, full)
}

// accepted probes the cards and returns the reader of the only one that is accepted.
func accepted(ctx context.Context, d Driver, holding []Reader, probe Probe, seen map[string]probed) (Reader, error) {
	if seen == nil {
		seen = map[string]probed{}
	}
	probeAll(ctx, d, probe, seen, holding, func(p probed) bool { return p.at.IsZero() })
	probeAll(ctx, d, probe, seen, holding, func(p probed) bool { return p.err != nil && time.Since(p.at) >= probeAgain })

	none := &NoMatchError{}
	var found []Reader
	for _, r := range holding {
		switch p := seen[r.Name]; {
		case p.accepted:
			found = append(found, r)
		case errors.Is(p.err, ErrNoService):
			return Reader{}, p.err
		case p.gone():
		case p.err != nil:
			none.Causes = append(none.Causes, p.err)
		default:
			none.Rejected = append(none.Rejected, r.Name)
		}
	}
	switch {
	case len(found) > 0 && ctx.Err() != nil: // before every card was known
		return Reader{}, ctx.Err()
	case len(found) == 1:
		return found[0], nil
	case len(found) > 1:
		return Reader{}, ambiguous(found)
	case len(none.Rejected) == 0 && len(none.Causes) == 0:
		return Reader{}, ErrNoCard
	}
	return Reader{}, none
}

// probeAll probes, all at once, the cards of which due holds.
func probeAll(ctx context.Context, d Driver, probe Probe, seen map[string]probed, holding []Reader, due func(probed) bool) {
	var mu sync.Mutex
	var probes sync.WaitGroup
	for _, r := range holding {
		mu.Lock()
		isDue := due(seen[r.Name])
		mu.Unlock()
		if !isDue {
			continue
		}
		probes.Go(func() {
			accepted, err := ProbeCard(ctx, d, r.Name, probe)
			mu.Lock()
			defer mu.Unlock()
			seen[r.Name] = probed{accepted, err, time.Now()}
		})
	}
	probes.Wait()
}

// NoMatchError says that probe accepted no card. It unwraps to [ErrNoMatch] and to
// why cards could not be probed.
type NoMatchError struct {
	Rejected []string // the readers of the cards that probe rejected
	Causes   []error  // why others could not be probed
}

func (e *NoMatchError) Error() string {
	text := ErrNoMatch.Error()
	if len(e.Rejected) > 0 {
		text += fmt.Sprintf(": rejected in %q", e.Rejected)
	}
	for _, cause := range e.Causes {
		text += "; " + cause.Error()
	}
	return text
}

// Unwrap returns ErrNoMatch and the causes.
func (e *NoMatchError) Unwrap() []error { return append([]error{ErrNoMatch}, e.Causes...) }

// AmbiguousError says that several readers hold a card that may be meant, or have a
// name that fits, and that none was chosen.
type AmbiguousError struct {
	Readers []string
	Name    string // that fits several; empty where several hold a card
}

func (e *AmbiguousError) Error() string {
	readers := strings.Join(e.Readers, ", ")
	if e.Name != "" {
		return fmt.Sprintf("several readers have %q in their names: %s", e.Name, readers)
	}
	return "several readers hold a card: " + readers
}

func ambiguous(holding []Reader) *AmbiguousError {
	var names []string
	for _, r := range holding {
		names = append(names, r.Name)
	}
	return &AmbiguousError{Readers: names}
}

// NameError says that no reader has a name, and which there are. It unwraps to
// [ErrUnknownReader].
type NameError struct {
	Name    string
	Readers []string // that there are
}

func (e *NameError) Error() string {
	return fmt.Sprintf("%v: %q is none of %q", ErrUnknownReader, e.Name, e.Readers)
}

func (e *NameError) Unwrap() error { return ErrUnknownReader }

// FullName returns the name of the reader that a name means, as in [Find]. It fails
// with a [*NameError] or an [*AmbiguousError].
func FullName(readers []string, name string) (string, error) {
	var fitting []string
	for _, full := range readers {
		if full == name {
			return full, nil
		}
		if strings.Contains(strings.ToLower(full), strings.ToLower(name)) {
			fitting = append(fitting, full)
		}
	}
	switch len(fitting) {
	case 0:
		return "", &NameError{Name: name, Readers: readers}
	case 1:
		return fitting[0], nil
	}
	return "", &AmbiguousError{Name: name, Readers: fitting}
}
