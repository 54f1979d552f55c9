// Package hidden holds secrets and personal data so that they are not printed by
// accident.
//
// A type can redact itself with methods, but fmt and other printers read the unexported
// fields of a struct by reflection without calling methods, and some follow pointers.
// They print no more than the address of a function, so this package keeps values in
// closures.
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
func (v Value[T]) Reveal() (value T) {
	if v.reveal != nil {
		value = v.reveal()
	}
	return value
}

const text = "[hidden]"

// String returns "[hidden]".
func (v Value[T]) String() string { return text }

// Format prints [Value.String] for every verb and flag.
func (v Value[T]) Format(f fmt.State, _ rune) { fmt.Fprint(f, text) }

// MarshalText returns [Value.String]. JSON uses it too.
func (v Value[T]) MarshalText() ([]byte, error) { return []byte(text), nil }

// LogValue implements [slog.LogValuer] with [Value.String].
func (v Value[T]) LogValue() slog.Value { return slog.StringValue(text) }
