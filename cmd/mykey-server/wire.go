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

// openTerminals opens the enrolled terminals of a namespace.
func openTerminals(context.Context, string, string) (terminals, error) {
	return nil, errors.ErrUnsupported
}

func callerOf(ctx context.Context) (fleettls.Identity, bool) {
	caller, ok := ctx.Value(callerKey{}).(fleettls.Identity)
	return caller, ok
}
