package fleettls

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/mykeykit/mykeykit/mykey/registry"
)

// How long certificates are valid, and how far their validity begins in the past, for clocks
// that are late.
const (
	caYears      = 10
	serverMonths = 13
	clockSkew    = time.Hour
)

var (
	// ErrCA reports a CA certificate and key that can't be used.
	ErrCA = errors.New("not a CA certificate and its key")
	// ErrLifetime reports a certificate that would be valid for less than a day, or longer
	// than its CA.
	ErrLifetime = errors.New("the certificate would be valid for less than a day or longer than its CA's")
	// ErrHost reports a name of a server that is neither a DNS name nor an IP address.
	ErrHost = errors.New("neither a DNS name nor an IP address")
)

// CA is the CA of a fleet. Printing a CA does not show its key.
type CA struct {
	certificate *x509.Certificate
	key         *secret
}

// NewCA returns a new CA, whose certificate is valid for 10 years.
func NewCA(now time.Time) (*CA, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	number := make([]byte, 4)
	if _, err := rand.Read(number); err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		Subject:               pkix.Name{CommonName: "mykeykit CA " + hex.EncodeToString(number)},
		NotBefore:             now.Add(-clockSkew),
		NotAfter:              now.AddDate(caYears, 0, 0),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
		MaxPathLenZero:        true,
	}
	certificate, err := sign(template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	return &CA{certificate, newSecret(key)}, nil
}

// ParseCA reads a CA from its certificate and its private key (PKCS#8), both in PEM. It
// returns [ErrCA] otherwise. The error does not contain the texts.
func ParseCA(certificate, key []byte) (*CA, error) {
	certificates, err := ParseCertificates(certificate)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCA, err)
	}
	private, err := parseKey(key)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCA, err)
	}
	if len(certificates) != 1 || !certificates[0].IsCA || !samePublic(certificates[0].PublicKey, private.Public()) {
		return nil, ErrCA
	}
	return &CA{certificates[0], newSecret(private)}, nil
}

// Certificate returns the CA's certificate.
func (c *CA) Certificate() *x509.Certificate { return c.certificate }

// CertificateText returns the CA's certificate in PEM.
func (c *CA) CertificateText() []byte { return certificateText(c.certificate) }

// RevealKeyText returns the CA's private key in PEM, for writing a key file.
func (c *CA) RevealKeyText() ([]byte, error) { return c.key.revealText() }

// NewServer makes a key and a certificate for a server, valid for 13 months, or until the CA's
// certificate expires if that is earlier. hosts are its DNS names and IP addresses. NewServer
// returns the private key and the certificate in PEM, as [ReloadCertificate] reads it. It
// returns [ErrHost], or [ErrLifetime] if less than a day is left.
func (c *CA) NewServer(hosts []string, now time.Time) ([]byte, error) {
	template := &x509.Certificate{
		NotBefore:             now.Add(-clockSkew),
		NotAfter:              now.AddDate(0, serverMonths, 0),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
	}
	if err := addHosts(template, hosts); err != nil {
		return nil, err
	}
	if template.NotAfter.After(c.certificate.NotAfter) {
		template.NotAfter = c.certificate.NotAfter
	}
	if template.NotAfter.Sub(now) < 24*time.Hour {
		return nil, ErrLifetime
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	certificate, err := sign(template, c.certificate, key.Public(), c.key.reveal())
	if err != nil {
		return nil, err
	}
	text, err := newSecret(key).revealText()
	if err != nil {
		return nil, err
	}
	return append(text, certificateText(certificate)...), nil
}

func addHosts(template *x509.Certificate, hosts []string) error {
	if len(hosts) == 0 {
		return fmt.Errorf("%w: none given", ErrHost)
	}
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else if isDNSName(host) {
			template.DNSNames = append(template.DNSNames, host)
		} else {
			return fmt.Errorf("%w: %q", ErrHost, host)
		}
	}
	if len(hosts[0]) <= 64 { // the limit of a common name; clients ignore it
		template.Subject.CommonName = hosts[0]
	}
	return nil
}

// isDNSName reports whether a host is a DNS name as Go's and other clients accept it in a
// certificate. Wildcards are not accepted: a server knows its names.
func isDNSName(host string) bool {
	if len(host) > 253 {
		return false
	}
	for label := range strings.SplitSeq(host, ".") {
		if len(label) < 1 || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' ||
			strings.Trim(label, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			return false
		}
	}
	return true
}

// NewBundle makes a key and a certificate for a terminal or a clerk. It returns [ErrName],
// [ErrIdentity] for an unknown role, or [ErrLifetime].
func (c *CA) NewBundle(name string, role registry.Role, days int, now time.Time) (Bundle, error) {
	public, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return Bundle{}, err
	}
	identity := Identity{Name: name, Role: role, Key: public}
	if err := identity.check(); err != nil {
		return Bundle{}, err
	}
	end := now.AddDate(0, 0, days)
	if days < 1 || end.After(c.certificate.NotAfter) {
		return Bundle{}, ErrLifetime
	}
	certificate, err := sign(&x509.Certificate{
		Subject:               pkix.Name{CommonName: name},
		NotBefore:             now.Add(-clockSkew),
		NotAfter:              end,
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		BasicConstraintsValid: true,
		URIs:                  []*url.URL{identity.uri()},
	}, c.certificate, public, c.key.reveal())
	if err != nil {
		return Bundle{}, err
	}
	return Bundle{identity, certificate, []*x509.Certificate{c.certificate}, newSecret(key)}, nil
}

// Issued reports whether the CA issued a bundle's certificate.
func (c *CA) Issued(b Bundle) bool {
	return b.key != nil && b.certificate.CheckSignatureFrom(c.certificate) == nil
}

// sign makes a certificate with a random serial number.
func sign(template, issuer *x509.Certificate, public any, key crypto.Signer) (*x509.Certificate, error) {
	der, err := x509.CreateCertificate(rand.Reader, template, issuer, public, key)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

func certificateText(certificate *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: typeCertificate, Bytes: certificate.Raw})
}
