package reader

import (
	"context"
	"errors"
	"fmt"
)

// Find returns the reader called name or, with an empty name, the one reader
// that holds a card. It fails with [ErrNoReader], [ErrUnknownReader],
// [ErrNoCard], a [*AmbiguousError], or the driver's error.
func Find(ctx context.Context, d Driver, name string) (Reader, error) {
	readers, err := d.Readers(ctx)
	if err != nil {
		return Reader{}, err
	}
	if len(readers) == 0 {
		return Reader{}, ErrNoReader
	}

	var holding []Reader
	var names []string
	for _, r := range readers {
		switch {
		case name != "" && r.Name != name:
			continue
		case r.Present:
			holding = append(holding, r)
			names = append(names, r.Name)
		case r.Name == name:
			return Reader{}, fmt.Errorf("%w %q", ErrNoCard, name)
		}
	}
	switch {
	case len(holding) == 1:
		return holding[0], nil
	case len(holding) > 1:
		return Reader{}, &AmbiguousError{Readers: names}
	case name != "":
		return Reader{}, fmt.Errorf("%w: %q", ErrUnknownReader, name)
	default:
		return Reader{}, ErrNoCard
	}
}

// Wait is [Find] that waits, until ctx ends, while there is no service, no
// reader or no card. At a deadline it fails with what Find said last, and
// otherwise with ctx's error.
func Wait(ctx context.Context, d Driver, name string) (Reader, error) {
	found, err := Find(ctx, d, name)
	if !worthWaiting(err) {
		return found, err
	}
	for _, watchErr := range d.Watch(ctx) {
		if watchErr != nil {
			return Reader{}, watchErr
		}
		now, nowErr := Find(ctx, d, name)
		if ctx.Err() != nil {
			break
		}
		if found, err = now, nowErr; !worthWaiting(err) {
			return found, err
		}
	}
	if errors.Is(ctx.Err(), context.Canceled) {
		return Reader{}, ctx.Err()
	}
	return Reader{}, err
}

func worthWaiting(err error) bool {
	return errors.Is(err, ErrNoService) || errors.Is(err, ErrNoReader) || errors.Is(err, ErrNoCard)
}
