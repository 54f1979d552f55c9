package cardtls

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
)

// Dialer dials with a config of [Config], as tls.Dialer does, and says whole what
// the card's part in a handshake failed with.
type Dialer struct {
	NetDialer *net.Dialer // nil: the zero one
	Config    *tls.Config
}

// DialContext connects and shakes hands; the returned connection is a *tls.Conn.
// The context ends the handshake, and asking for the PIN in it.
func (d *Dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	var failure error
	dialer := tls.Dialer{NetDialer: d.NetDialer, Config: d.Config}
	conn, err := dialer.DialContext(context.WithValue(ctx, failureKey{}, &failure), network, address)
	switch {
	case err == nil:
		return conn, nil
	case failure != nil:
		return nil, fmt.Errorf("TLS handshake: %w", failure)
	}
	return nil, err
}

// failureKey is of a context whose handshake's failure is kept, a *error.
type failureKey struct{}

// remember keeps an error for the handshake's Dialer, if it has one: TLS 1.3 in
// package crypto/tls makes a text of what a key fails with.
func remember(ctx context.Context, err error) error {
	if failure, ok := ctx.Value(failureKey{}).(*error); ok && err != nil {
		*failure = err
	}
	return err
}
