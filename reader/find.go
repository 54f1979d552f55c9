package reader

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/mykeykit/mykeykit/apdu"
)

// Probe tells whether a connected card is of the kind that a program looks for, as
// jpki.Present does for My Number Cards. It sends no secret.
type Probe func(ctx context.Context, card apdu.Transmitter) (bool, error)

// probeWithin bounds the probe of one card, of which another program may have a
// transaction.
const probeWithin = 3 * time.Second

// ErrNoMatch reports that several readers hold a card, and that probe accepted none.
var ErrNoMatch = errors.New("no card of the kind that is looked for")

// Find returns the reader that a name means or, with an empty name, the one reader
// that holds a card. Where several do, it probes each card and returns the reader of
// the only one that probe accepts; a nil probe accepts none and all, so then it fails.
// Cards that belong to other programs keep their power.
//
// A name is a reader's exact name or else, ignoring case, a part of the name of one
// reader alone.
//
// Find fails with [ErrNoReader], [*NameError], [ErrNoCard], [*AmbiguousError],
// [ErrNoMatch], why a card could not be probed where no other was accepted, or the
// driver's error.
func Find(ctx context.Context, d Driver, name string, probe Probe) (Reader, error) {
	return find(ctx, d, name, probe, nil)
}

// find is Find. With seen, which remembers the readers of rejected cards, a single
// card is probed too.
func find(ctx context.Context, d Driver, name string, probe Probe, seen map[string]bool) (Reader, error) {
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

// accepted probes the cards, all at once, and returns the reader of the only one that
// is accepted.
func accepted(ctx context.Context, d Driver, holding []Reader, probe Probe, seen map[string]bool) (Reader, error) {
	matches, errs := make([]bool, len(holding)), make([]error, len(holding))
	var probes sync.WaitGroup
	for i, r := range holding {
		if !seen[r.Name] {
			probes.Go(func() { matches[i], errs[i] = ProbeCard(ctx, d, r.Name, probe) })
		}
	}
	probes.Wait()
	if err := ctx.Err(); err != nil {
		return Reader{}, err
	}
	var found []Reader
	for i, r := range holding {
		switch {
		case matches[i]:
			found = append(found, r)
		case errs[i] == nil && seen != nil:
			seen[r.Name] = true
		}
	}
	switch cause := errors.Join(errs...); {
	case len(found) == 1:
		return found[0], nil
	case len(found) > 1:
		return Reader{}, ambiguous(found)
	case cause != nil:
		return Reader{}, &unprobedError{cause}
	}
	return Reader{}, ErrNoMatch
}

// unprobedError is why cards could not be probed, where no other was accepted.
type unprobedError struct{ cause error }

func (e *unprobedError) Error() string { return e.cause.Error() }
func (e *unprobedError) Unwrap() error { return e.cause }

// Releaser is an optional ability of a [Card], found by assertion.
type Releaser interface {
	// Release is Close without cutting the card's power. It is for connections over
	// which no secret was sent, to cards that belong to other programs.
	Release() error
}

// ProbeCard tells whether probe accepts the card in a reader, which keeps its power. It
// takes 3 seconds at most, and then fails with [ErrBusy]. A card that is gone is not
// accepted.
func ProbeCard(ctx context.Context, d Driver, name string, probe Probe) (accepted bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, probeWithin)
	defer cancel()
	card, err := d.Connect(ctx, name)
	if err == nil {
		accepted, err = probe(ctx, card)
		if r, ok := card.(Releaser); ok {
			_ = r.Release()
		} else {
			_ = card.Close()
		}
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		err = fmt.Errorf("reader %q: %w: %w", name, ErrBusy, err)
	case errors.Is(err, ErrNoCard), errors.Is(err, ErrRemoved), errors.Is(err, ErrUnknownReader):
		err = nil // it is gone meanwhile
	case err != nil:
		err = fmt.Errorf("reader %q: %w", name, err)
	}
	return accepted && err == nil, err
}

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
