// Package redacttest tests that types with secrets or personal data do not print them,
// with any verb or encoder and inside any other type, and that no exported type was
// forgotten.
package redacttest

import (
	"reflect"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/mykeykit/mykeykit/internal/sourcetest"
)

// Type is an exported type of the module, as the tests print it.
type Type struct {
	Name string // with its package's, as in "jpki.PIN"
	Test func(t *testing.T)
}

// Plain is a type without secrets and personal data: it is printed as its zero
// value only.
func Plain[T any]() Type {
	return Type{reflect.TypeFor[T]().String(), func(t *testing.T) { zero[T](t) }}
}

// Holder is a type that holds canaries in value, which no way of printing shows:
// not those that follow pointers either.
func Holder[T any](value T, canaries ...Canary) Type {
	return holder[T](canaries, append(ways(value), way{"following pointers", follow(value)}))
}

// PublicHolder is a [Holder] that points to a certificate, which a printer that
// follows pointers shows. Programs get such a type by a pointer itself, of which
// package fmt shows in another struct the address, or the fields without what they
// point to.
func PublicHolder[T any](value *T, canaries ...Canary) Type {
	return holder[T](canaries, ways(value))
}

func holder[T any](canaries []Canary, printed []way) Type {
	return Type{reflect.TypeFor[T]().String(), func(t *testing.T) {
		zero[T](t)
		for _, way := range printed {
			assert.NotContains(t, way.text, "PANIC", way.name)
			for _, canary := range canaries {
				canary.absent(t, way)
			}
		}
	}}
}

// zero prints the zero value, which must not panic. Package fmt turns a panic into
// text.
func zero[T any](t *testing.T) {
	t.Helper()
	var value T
	for _, way := range append(ways(value), ways(new(T))...) {
		assert.NotContains(t, way.text, "PANIC", way.name)
		assert.NotContains(t, way.text, "panicked", way.name)
	}
}

// Run tests the types, and that they are all exported types of the packages in the
// directories: a new one has to be looked at.
func Run(t *testing.T, types []Type, directories ...string) {
	t.Helper()
	var names []string
	for _, tested := range types {
		names = append(names, tested.Name)
		t.Run(tested.Name, tested.Test)
	}
	slices.Sort(names)
	var exported []string
	for _, directory := range directories {
		exported = append(exported, sourcetest.Types(t, directory)...)
	}
	slices.Sort(exported)
	assert.Equal(t, exported, names, "the exported types, and those that this test prints")
}
