package fleettls

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"time"
)

// ServerConfig returns the configuration of a server that requires client certificates of one
// of the CAs. certificate returns the server's certificate for each connection: see
// [ReloadCertificate]. [Peer] returns the client of a connection.
//
// The configuration rejects TLS 1.2, and does not resume sessions: each connection verifies the
// client's certificate again.
func ServerConfig(clientCAs []*x509.Certificate, certificate func() (*tls.Certificate, error)) *tls.Config {
	return &tls.Config{
		MinVersion:             tls.VersionTLS13,
		GetCertificate:         func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return certificate() },
		ClientAuth:             tls.RequireAndVerifyClientCert,
		ClientCAs:              pool(clientCAs),
		SessionTicketsDisabled: true,
		VerifyConnection: func(state tls.ConnectionState) error {
			if len(state.VerifiedChains) == 0 {
				return ErrNoCertificate
			}
			_, err := Identify(state.VerifiedChains[0][0])
			return err
		},
	}
}

// ClientConfig returns the configuration of a terminal or a clerk that connects to a server. The
// server's certificate must be issued by one of the bundle's CAs. Callers may set Time.
func ClientConfig(b Bundle) (*tls.Config, error) {
	if b.key == nil {
		return nil, ErrBundle
	}
	own := tls.Certificate{Certificate: [][]byte{b.certificate.Raw}, PrivateKey: b.key.reveal(), Leaf: b.certificate}
	return &tls.Config{
		MinVersion: tls.VersionTLS13,
		RootCAs:    pool(b.serverCAs),
		// Send the certificate even if the server lists other CAs, so that the server can say
		// why it rejects it.
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &own, nil },
	}, nil
}

func pool(certificates []*x509.Certificate) *x509.CertPool {
	p := x509.NewCertPool()
	for _, certificate := range certificates {
		p.AddCert(certificate)
	}
	return p
}

var (
	// ErrExpired reports a certificate that has expired.
	ErrExpired = errors.New("the certificate has expired")
	// ErrNotYetValid reports a certificate that is not yet valid. A clock may be wrong.
	ErrNotYetValid = errors.New("the certificate is not yet valid")
	// ErrUnknownCA reports a certificate that none of the CAs issued.
	ErrUnknownCA = errors.New("none of the CAs issued the certificate")
	// ErrUsage reports a server's certificate used by a client, or the other way round.
	ErrUsage = errors.New("the certificate has another usage")
	// ErrOtherHost reports a server's certificate for other names.
	ErrOtherHost = errors.New("the certificate is another server's")
	// ErrRejected reports that the other side rejected the connection, mostly because of this
	// side's certificate. The error contains the alert that the other side sent.
	ErrRejected = errors.New("the other side rejected the connection")
)

// Explain adds the reason to the error of a connection: [ErrExpired], [ErrNotYetValid],
// [ErrUnknownCA], [ErrUsage] and [ErrOtherHost] if this side rejected the other side's
// certificate at the time now, and [ErrRejected] if the other side rejected the connection. It
// returns other errors unchanged.
//
// With TLS 1.3, a client learns from its first read that the server has rejected it.
func Explain(err error, now time.Time) error {
	if reason := reasonOf(err, now); reason != nil {
		return fmt.Errorf("%w: %w", reason, err)
	}
	return err
}

func reasonOf(err error, now time.Time) error {
	var remote *net.OpError
	if errors.As(err, &remote) && remote.Op == "remote error" {
		return ErrRejected
	}
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &x509.UnknownAuthorityError{}):
		return ErrUnknownCA
	case errors.As(err, &x509.HostnameError{}):
		return ErrOtherHost
	case !errors.As(err, &invalid):
		return nil
	case invalid.Reason == x509.IncompatibleUsage:
		return ErrUsage
	case invalid.Reason == x509.Expired && now.Before(invalid.Cert.NotBefore):
		return ErrNotYetValid
	case invalid.Reason == x509.Expired:
		return ErrExpired
	}
	return nil
}
