package jpki

import (
	"crypto/sha256"
	"crypto/x509"
	"fmt"
)

// WithPinned stands in for the production authorities, whose keys no test has.
func WithPinned(authority *x509.Certificate) Option {
	return func(c *config) {
		c.believe().pinned = []anchor{{fingerprint: sha256.Sum256(authority.Raw), key: authority.SubjectKeyId}}
	}
}

// Production are the fingerprints that are pinned, each with its key's
// identifier.
func Production() (list []string) {
	for _, a := range production {
		list = append(list, fmt.Sprintf("%x %x", a.fingerprint, a.key))
	}
	return list
}
