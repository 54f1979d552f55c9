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

func callerOf(ctx context.Context) (fleettls.Identity, bool) {
	caller, ok := ctx.Value(callerKey{}).(fleettls.Identity)
	return caller, ok
}
