package main

import (
	"context"

	"github.com/mykeykit/mykeykit/mykey/registry"
)

// desk is the part of registry.Desk with which terminals and clerks are enrolled and revoked.
type desk interface {
	Enroll(ctx context.Context, operation registry.Operation, e registry.Enrolled) error
	Revoke(ctx context.Context, operation registry.Operation, name string) error
	Close() error
}

func openDesk(ctx context.Context, url, namespace string, as registry.Terminal) (desk, error) {
	d, err := registry.OpenDesk(ctx, url, namespace, nil, as)
	if err != nil {
		return nil, err // not a nil Desk
	}
	return d, nil
}

// finder is the part of registry.Registry that finds the terminal or clerk of a name.
type finder interface {
	Terminal(ctx context.Context, name string) (registry.Enrolled, error)
}
