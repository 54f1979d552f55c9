package reader

import (
	"fmt"
	"strings"
)

// FullName returns the reader that name refers to: the one with exactly that name or else
// the only one whose name contains it, ignoring case. It fails with a [*NameError] or
// an [*AmbiguousError].
func FullName(readers []string, name string) (string, error) {
	var matching []string
	for _, full := range readers {
		if full == name {
			return full, nil
		}
		if strings.Contains(strings.ToLower(full), strings.ToLower(name)) {
			matching = append(matching, full)
		}
	}
	switch len(matching) {
	case 0:
		return "", &NameError{Name: name, Readers: readers}
	case 1:
		return matching[0], nil
	}
	return "", &AmbiguousError{Name: name, Readers: matching}
}

// NameError reports that no reader has the given name. It unwraps to
// [ErrUnknownReader].
type NameError struct {
	Name    string
	Readers []string // the available readers
}

func (e *NameError) Error() string {
	return fmt.Sprintf("%v: %q; available: %q", ErrUnknownReader, e.Name, e.Readers)
}

// Unwrap returns [ErrUnknownReader].
func (e *NameError) Unwrap() error { return ErrUnknownReader }

// AmbiguousError reports that several readers hold a matching card or have a matching
// name, so that none was chosen.
type AmbiguousError struct {
	Readers []string // the readers that match
	Name    string   // the name that they match; empty if they hold matching cards
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
