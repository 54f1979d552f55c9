package fleettls

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/mykeykit/mykeykit/mykey/registry"
)

// ErrBundle reports a text that is not the bundle of a terminal or a clerk.
var ErrBundle = errors.New("not a terminal's bundle: a private key, its certificate and CA certificates in PEM")

// Bundle is everything with which a terminal or a clerk connects to a server: a private key,
// its certificate, and the CA certificates of the servers. Printing a Bundle does not show the
// key. The zero Bundle is not valid.
type Bundle struct {
	identity    Identity
	certificate *x509.Certificate
	serverCAs   []*x509.Certificate
	key         *secret
}

// ParseBundle reads the format of [Bundle.RevealText]: an Ed25519 private key (PKCS#8), its
// certificate and at least one CA certificate, in PEM and in this order. It returns [ErrBundle]
// or [ErrIdentity] otherwise. The error does not contain the text.
func ParseBundle(text []byte) (Bundle, error) {
	found, err := blocks(text)
	if err != nil {
		return Bundle{}, fmt.Errorf("%w: %w", ErrBundle, err)
	}
	key, err := parseKeyBlock(found[0])
	if err != nil {
		return Bundle{}, fmt.Errorf("%w: %w", ErrBundle, err)
	}
	var certificates []*x509.Certificate
	for _, block := range found[1:] {
		certificate, err := x509.ParseCertificate(block.Bytes)
		if block.Type != typeCertificate || err != nil {
			return Bundle{}, fmt.Errorf("%w: a PEM block that is not a certificate", ErrBundle)
		}
		certificates = append(certificates, certificate)
	}
	if len(certificates) < 2 {
		return Bundle{}, fmt.Errorf("%w: %d certificates", ErrBundle, len(certificates))
	}
	own, cas := certificates[0], certificates[1:]
	if !samePublic(own.PublicKey, key.Public()) {
		return Bundle{}, fmt.Errorf("%w: the certificate has another key", ErrBundle)
	}
	for _, ca := range cas {
		if !ca.IsCA {
			return Bundle{}, fmt.Errorf("%w: a certificate that is not a CA certificate", ErrBundle)
		}
	}
	identity, err := Identify(own)
	if err != nil {
		return Bundle{}, err
	}
	return Bundle{identity, own, cas, newSecret(key)}, nil
}

// RevealText returns the bundle in the format that [ParseBundle] reads, for writing a file. It
// returns an error for the zero Bundle.
func (b Bundle) RevealText() ([]byte, error) {
	if b.key == nil {
		return nil, ErrBundle
	}
	text, err := b.key.revealText()
	if err != nil {
		return nil, err
	}
	text = append(text, certificateText(b.certificate)...)
	for _, ca := range b.serverCAs {
		text = append(text, certificateText(ca)...)
	}
	return text, nil
}

// CertificateText returns the owner's certificate in PEM, without the key.
func (b Bundle) CertificateText() []byte { return certificateText(b.certificate) }

// Identity returns the bundle's owner.
func (b Bundle) Identity() Identity { return b.identity }

// NotAfter returns when the certificate expires.
func (b Bundle) NotAfter() time.Time { return b.certificate.NotAfter }

// Serial returns the serial number of the certificate in hexadecimal.
func (b Bundle) Serial() string { return b.certificate.SerialNumber.Text(16) }

// ValidAt returns nil, [ErrExpired] or [ErrNotYetValid] for the certificate.
func (b Bundle) ValidAt(now time.Time) error { return validAt(b.certificate, now) }

// Terminal returns the name and the private key as a terminal of package registry, which signs
// changes.
func (b Bundle) Terminal() (registry.Terminal, error) {
	if b.key == nil {
		return registry.Terminal{}, ErrBundle
	}
	seed := b.key.reveal().(ed25519.PrivateKey).Seed() // see Identify
	defer clear(seed)
	text := hex.AppendEncode([]byte(b.identity.Name+" "), seed)
	defer clear(text)
	return registry.ParseTerminal(text)
}

// String returns the owner's role and name, without the key.
func (b Bundle) String() string {
	return "[bundle of " + string(b.identity.Role) + " " + b.identity.Name + "]"
}

// Format prints [Bundle.String] for every verb and flag.
func (b Bundle) Format(f fmt.State, _ rune) { fmt.Fprint(f, b.String()) }

// MarshalText returns [Bundle.String]. Use [Bundle.RevealText] for the secret.
func (b Bundle) MarshalText() ([]byte, error) { return []byte(b.String()), nil }

// LogValue implements slog.LogValuer with [Bundle.String].
func (b Bundle) LogValue() slog.Value { return slog.StringValue(b.String()) }
