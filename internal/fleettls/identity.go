// Package fleettls makes and checks the certificates of a fleet: of its CA, of its servers,
// and of its terminals and clerks.
//
// Both sides use TLS 1.3 only. A terminal or a clerk has one Ed25519 key and a certificate
// with its name and its role. The same key signs its changes: see [Bundle.Terminal]. A
// certificate alone admits nobody: the server also compares its key with the enrolled key.
//
// The CA and the servers have P-256 keys. Unlike Ed25519 keys, these are supported by every TLS
// library, load balancer and hardware security module that an operator may use with a server.
package fleettls

import (
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/mykeykit/mykeykit/mykey/registry"
)

// Identity is the owner of a client certificate.
type Identity struct {
	Name string
	Role registry.Role
	Key  ed25519.PublicKey
}

var (
	// ErrName reports a name other than 1 to 64 letters, digits, dots, hyphens and
	// underscores.
	ErrName = errors.New("not a name: a name is 1 to 64 letters, digits, dots, hyphens and underscores")
	// ErrIdentity reports a client certificate that does not name a terminal or a clerk.
	ErrIdentity = errors.New("the certificate names no terminal and no clerk")
	// ErrNoCertificate reports a connection without a verified client certificate.
	ErrNoCertificate = errors.New("no client certificate")
)

var validName = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`) // as in package registry

// scheme is the scheme of the URI that names a certificate's owner, for example
// mykeykit:terminal:counter-1.
const scheme = "mykeykit"

func (i Identity) uri() *url.URL {
	return &url.URL{Scheme: scheme, Opaque: string(i.Role) + ":" + i.Name}
}

func (i Identity) check() error {
	if !validName.MatchString(i.Name) {
		return ErrName
	}
	if i.Role != registry.RoleTerminal && i.Role != registry.RoleClerk {
		return fmt.Errorf("%w: unknown role", ErrIdentity)
	}
	return nil
}

// Identify returns the owner of a client certificate. It does not verify the certificate. It
// returns [ErrIdentity] unless the certificate has an Ed25519 key, exactly one URI with the
// scheme mykeykit, and the name in that URI as its common name.
func Identify(certificate *x509.Certificate) (Identity, error) {
	key, ok := certificate.PublicKey.(ed25519.PublicKey)
	if !ok {
		return Identity{}, fmt.Errorf("%w: not an Ed25519 key", ErrIdentity)
	}
	var own []*url.URL
	for _, uri := range certificate.URIs {
		if uri.Scheme == scheme {
			own = append(own, uri)
		}
	}
	if len(own) != 1 {
		return Identity{}, fmt.Errorf("%w: %d URIs with the scheme %s", ErrIdentity, len(own), scheme)
	}
	role, name, _ := strings.Cut(own[0].Opaque, ":")
	i := Identity{Name: name, Role: registry.Role(role), Key: key}
	if err := i.check(); err != nil {
		return Identity{}, fmt.Errorf("%w: %w", ErrIdentity, err)
	}
	if *own[0] != *i.uri() {
		return Identity{}, fmt.Errorf("%w: its URI has other parts", ErrIdentity)
	}
	if certificate.Subject.CommonName != name {
		return Identity{}, fmt.Errorf("%w: its common name is another", ErrIdentity)
	}
	return i, nil
}

// Peer returns the client of a connection of a server with [ServerConfig]. Call it for each
// request: a connection may outlive its certificate. It returns [ErrNoCertificate],
// [ErrExpired], [ErrNotYetValid] or [ErrIdentity].
func Peer(connection *tls.ConnectionState, now time.Time) (Identity, error) {
	if connection == nil || len(connection.VerifiedChains) == 0 {
		return Identity{}, ErrNoCertificate
	}
	certificate := connection.VerifiedChains[0][0]
	if err := validAt(certificate, now); err != nil {
		return Identity{}, err
	}
	return Identify(certificate)
}

func validAt(certificate *x509.Certificate, now time.Time) error {
	switch {
	case now.After(certificate.NotAfter):
		return ErrExpired
	case now.Before(certificate.NotBefore):
		return ErrNotYetValid
	}
	return nil
}
