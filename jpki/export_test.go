package jpki

import (
	"crypto/sha256"
	"crypto/x509"

	"github.com/mykeykit/mykeykit/jpki/trust"
)

// WithPinned replaces J-LIS's CA certificates, whose keys no test has.
func WithPinned(ca *x509.Certificate) Option {
	return option(func(c *config) {
		c.policy().Anchors = []trust.Anchor{{Fingerprint: sha256.Sum256(ca.Raw), KeyID: ca.SubjectKeyId}}
	})
}
