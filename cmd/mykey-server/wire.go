package main

import (
	"context"
	"errors"
	"net/http"

	"github.com/mykeykit/mykeykit/internal/fleettls"
	"github.com/mykeykit/mykeykit/jpki/proof"
	"github.com/mykeykit/mykeykit/mykey/registry"
)

// newAPI returns the handler of the terminals' requests.
func newAPI(_ *registry.Registry, _ proof.Verifier, _ []byte) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		refuse(w, r, http.StatusServiceUnavailable, "unavailable", errors.ErrUnsupported)
	})
}

type callerKey struct{}

func withCaller(ctx context.Context, caller fleettls.Identity) context.Context {
	return context.WithValue(ctx, callerKey{}, caller)
}

// openDesk opens a desk in the registry of a namespace.
func openDesk(context.Context, string, string, registry.Terminal) (desk, error) {
	return nil, errors.ErrUnsupported
}

// openLister opens the registry of a namespace for reading.
func openLister(context.Context, string, string) (lister, error) { return nil, errors.ErrUnsupported }

// newFinder returns the finder of a registry.
func newFinder(*registry.Registry) finder { return noTerminals{} }

type noTerminals struct{}

func (noTerminals) Find(context.Context, string) (enrollment, error) {
	return enrollment{}, errUnknownTerminal
}

func callerOf(ctx context.Context) (fleettls.Identity, bool) {
	caller, ok := ctx.Value(callerKey{}).(fleettls.Identity)
	return caller, ok
}
