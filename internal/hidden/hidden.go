// Package hidden holds secrets and personal data where nothing prints them by
// accident.
//
// A type can redact itself with methods, but fmt and other printers read the
// unexported fields of a struct by reflection, without calling methods, and some
// follow pointers. Of a function they show the address at most.
package hidden

import (
	"fmt"
	"log/slog"
)

// Value holds a T. The zero Value holds the zero value of T.
type Value[T any] struct{ reveal func() T }

// New returns a Value that holds v.
func New[T any](v T) Value[T] { return Value[T]{func() T { return v }} }

// Reveal returns what v holds.
func (v Value[T]) Reveal() (held T) {
	if v.reveal != nil {
		held = v.reveal()
	}
	return held
}

const text = "[hidden]"

// String returns "[hidden]", whatever v holds.
func (v Value[T]) String() string { return text }

// Format prints [Value.String] for every verb and flag.
func (v Value[T]) Format(f fmt.State, _ rune) { fmt.Fprint(f, text) }

// MarshalText returns [Value.String], for JSON too.
func (v Value[T]) MarshalText() ([]byte, error) { return []byte(text), nil }

// LogValue implements [slog.LogValuer] with [Value.String].
func (v Value[T]) LogValue() slog.Value { return slog.StringValue(text) }
