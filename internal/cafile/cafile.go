// Package cafile reads the files with CA certificates that an operator trusts.
package cafile

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"

	"github.com/mykeykit/mykeykit/internal/keyfile"
	"github.com/mykeykit/mykeykit/jpki/trust"
)

// longest bounds a file, in bytes. A certificate has about 1300.
const longest = 1 << 20

// Read reads CA certificates in PEM or DER from a regular file. It returns an error for
// anything else in the file, and for a certificate that [trust.CheckCACertificate] rejects. No
// error quotes the file.
func Read(path string) ([]*x509.Certificate, error) {
	content, _, err := keyfile.Read(path, longest)
	if err != nil {
		return nil, err
	}
	return parse(content)
}

func parse(content []byte) ([]*x509.Certificate, error) {
	der := content
	if block, rest := pem.Decode(content); block != nil {
		der = nil
		for ; block != nil; block, rest = pem.Decode(rest) {
			if block.Type != "CERTIFICATE" {
				return nil, errors.New("PEM block that is not a certificate")
			}
			der = append(der, block.Bytes...)
		}
	}
	certificates, err := x509.ParseCertificates(der)
	if err != nil || len(certificates) == 0 {
		return nil, errors.New("not a certificate") // the parser's text may quote it
	}
	for i, c := range certificates {
		if err := trust.CheckCACertificate(c); err != nil {
			return nil, fmt.Errorf("certificate %d: %w", i+1, err)
		}
	}
	return certificates, nil
}
