// Package publickey returns the public key from which identifiers and handles are
// derived.
package publickey

import (
	"bytes"
	"crypto/x509"
)

// Of returns a certificate's SubjectPublicKeyInfo. It returns false if the
// certificate has none, or if x509 would encode the same key differently: with two
// encodings a holder would have two identifiers.
func Of(certificate *x509.Certificate) (spki []byte, ok bool) {
	if certificate == nil {
		return nil, false
	}
	key, err := x509.ParsePKIXPublicKey(certificate.RawSubjectPublicKeyInfo)
	if err != nil {
		return nil, false
	}
	canonical, err := x509.MarshalPKIXPublicKey(key)
	if err != nil || !bytes.Equal(canonical, certificate.RawSubjectPublicKeyInfo) {
		return nil, false
	}
	return canonical, true
}
