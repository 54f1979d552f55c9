package reader

import (
	"context"
	"errors"
	"fmt"
)

// Find returns the reader that name refers to or, if name is empty, the only reader that
// holds a card. If several readers hold a card, Find probes all of them and returns
// the reader of the only card that probe accepts; with a nil probe it fails with an
// [*AmbiguousError]. Probing does not cut a card's power, so it does not disturb
// cards that other programs use.
//
// name is the exact name of a reader or a part of exactly one reader's name, ignoring
// case.
//
// Find fails with [ErrNoReader], [*NameError], [ErrNoCard], [*AmbiguousError],
// [*NoMatchError] or the driver's error. If the driver has not responded at ctx's
// deadline, the error also matches [ErrNoService].
func Find(ctx context.Context, d Driver, name string, probe Probe) (Reader, error) {
	s := search{driver: d, name: name, probe: probe}
	found, err := s.look(ctx)
	if errors.Is(err, ErrNoMatch) && ctx.Err() != nil {
		return Reader{}, ctx.Err()
	}
	return found, err
}

// search is what Find and Wait look for.
type search struct {
	driver Driver
	name   string
	probe  Probe

	probeAlways bool              // also if only one reader holds a card
	results     map[string]result // of the probes, by reader
}

// look looks for the card once. It blames the service if the driver has not responded
// at ctx's deadline.
func (s *search) look(ctx context.Context) (Reader, error) {
	found, err := s.find(ctx)
	if errors.Is(ctx.Err(), context.DeadlineExceeded) && errors.Is(err, context.DeadlineExceeded) && !isTemporary(err) {
		return Reader{}, fmt.Errorf("%w: no answer in time: %w", ErrNoService, err)
	}
	return found, err
}

func (s *search) find(ctx context.Context) (Reader, error) {
	readers, err := s.driver.Readers(ctx)
	switch {
	case err != nil:
		return Reader{}, err
	case len(readers) == 0:
		return Reader{}, ErrNoReader
	case s.name != "":
		return findNamed(readers, s.name)
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
	case len(holding) == 1 && (s.probe == nil || !s.probeAlways):
		return holding[0], nil
	case s.probe == nil:
		return Reader{}, ambiguous(holding)
	}
	s.probeAll(ctx, holding)
	return s.accepted(ctx, holding)
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

// accepted returns the reader of the only card that the probe has accepted.
func (s *search) accepted(ctx context.Context, holding []Reader) (Reader, error) {
	noMatch := &NoMatchError{}
	var accepted []Reader
	for _, r := range holding {
		switch p := s.results[r.Name]; {
		case p.accepted:
			accepted = append(accepted, r)
		case errors.Is(p.err, ErrNoService):
			return Reader{}, p.err
		case p.cardLeft():
		case p.err != nil:
			noMatch.Causes = append(noMatch.Causes, p.err)
		default:
			noMatch.Rejected = append(noMatch.Rejected, r.Name)
		}
	}
	switch {
	case len(accepted) > 0 && ctx.Err() != nil: // some probes were cut short
		return Reader{}, ctx.Err()
	case len(accepted) == 1:
		return accepted[0], nil
	case len(accepted) > 1:
		return Reader{}, ambiguous(accepted)
	case len(noMatch.Rejected) == 0 && len(noMatch.Causes) == 0:
		return Reader{}, ErrNoCard
	}
	return Reader{}, noMatch
}
