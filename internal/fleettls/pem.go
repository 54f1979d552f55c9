package fleettls

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"

	"github.com/mykeykit/mykeykit/internal/hidden"
)

// The types of PEM blocks.
const (
	typeCertificate = "CERTIFICATE"
	typeKey         = "PRIVATE KEY"
)

// secret is a private key that is not printed.
type secret struct{ key hidden.Value[crypto.Signer] }

func newSecret(key crypto.Signer) *secret { return &secret{hidden.New(key)} }

func (s *secret) reveal() crypto.Signer { return s.key.Reveal() }

// revealText returns the key in PEM (PKCS#8).
func (s *secret) revealText() ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(s.reveal())
	if err != nil {
		return nil, err
	}
	defer clear(der)
	return pem.EncodeToMemory(&pem.Block{Type: typeKey, Bytes: der}), nil
}

// blocks returns the PEM blocks of a text. It returns an error if there are none or if there
// is anything but comments, lines that begin with #, between them.
func blocks(text []byte) (list []*pem.Block, err error) {
	for rest := skipComments(text); len(rest) > 0; rest = skipComments(rest) {
		if !bytes.HasPrefix(rest, []byte("-----BEGIN ")) {
			return nil, errors.New("not PEM")
		}
		block, after := pem.Decode(rest)
		if block == nil || bytes.Count(rest[:len(rest)-len(after)], []byte("-----BEGIN ")) != 1 {
			return nil, errors.New("a damaged PEM block")
		}
		list, rest = append(list, block), after
	}
	if len(list) == 0 {
		return nil, errors.New("the file is empty")
	}
	return list, nil
}

func skipComments(text []byte) []byte {
	for text = bytes.TrimSpace(text); bytes.HasPrefix(text, []byte("#")); text = bytes.TrimSpace(text) {
		_, text, _ = bytes.Cut(text, []byte("\n"))
	}
	return text
}

// ParseCertificates reads one or more certificates in PEM and nothing else.
func ParseCertificates(text []byte) (list []*x509.Certificate, err error) {
	found, err := blocks(text)
	if err != nil {
		return nil, err
	}
	for _, block := range found {
		if block.Type != typeCertificate {
			return nil, errors.New("a PEM block that is not a certificate")
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, errors.New("a malformed certificate") // the parser's text may quote it
		}
		list = append(list, certificate)
	}
	return list, nil
}

// parseKey reads one private key (PKCS#8) in PEM and nothing else.
func parseKey(text []byte) (crypto.Signer, error) {
	found, err := blocks(text)
	if err != nil {
		return nil, err
	}
	if len(found) != 1 {
		return nil, errors.New("more than one PEM block")
	}
	return parseKeyBlock(found[0])
}

func parseKeyBlock(block *pem.Block) (crypto.Signer, error) {
	defer clear(block.Bytes)
	if block.Type != typeKey {
		return nil, errors.New("a PEM block that is not a private key in PKCS#8")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	signer, ok := key.(crypto.Signer)
	if err != nil || !ok {
		return nil, errors.New("a malformed private key")
	}
	return signer, nil
}

// samePublic reports whether two public keys are the same.
func samePublic(a any, b crypto.PublicKey) bool {
	key, ok := a.(interface{ Equal(crypto.PublicKey) bool })
	return ok && key.Equal(b)
}
