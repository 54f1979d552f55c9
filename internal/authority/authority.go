// Package authority reads files of authorities' certificates, which an operator says
// are to be trusted.
package authority

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

// Read reads a regular file of authorities' certificates, as PEM or DER. Anything else
// in it is an error, which quotes nothing of the file, and so is a certificate that
// [trust.CheckCACertificate] refuses.
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
				return nil, errors.New("PEM of something else than certificates")
			}
			der = append(der, block.Bytes...)
		}
	}
	authorities, err := x509.ParseCertificates(der)
	if err != nil || len(authorities) == 0 {
		return nil, errors.New("not a certificate") // the parser's words may quote it
	}
	for i, c := range authorities {
		if err := trust.CheckCACertificate(c); err != nil {
			return nil, fmt.Errorf("certificate %d: %w", i+1, err)
		}
	}
	return authorities, nil
}
