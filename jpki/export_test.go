package jpki

import (
	"crypto/sha256"
	"crypto/x509"
)

// WithPinned stands in for the production authorities, whose keys no test has.
func WithPinned(authority *x509.Certificate) Option {
	return func(c *config) { c.believe().pinned = []fingerprint{sha256.Sum256(authority.Raw)} }
}

// Production are the fingerprints that are pinned.
func Production() []fingerprint { return production }
