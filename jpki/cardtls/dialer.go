package cardtls

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
)

// Dialer is like tls.Dialer but returns the card's errors themselves, so that errors.As
// works. It is safe for concurrent use.
type Dialer struct {
	NetDialer *net.Dialer // nil: the zero net.Dialer
	Config    *tls.Config
}

// DialContext connects and performs the handshake. It returns a *tls.Conn. The context
// bounds the handshake, including the time for the PIN.
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

// failureKey is the context key for a *error with the handshake's failure.
type failureKey struct{}

// remember stores an error for the handshake's Dialer, if there is one: with TLS 1.3,
// package crypto/tls keeps only the text of a key's error.
func remember(ctx context.Context, err error) error {
	if failure, ok := ctx.Value(failureKey{}).(*error); ok && err != nil {
		*failure = err
	}
	return err
}
