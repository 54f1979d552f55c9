package simulator

import (
	"crypto"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"time"
)

// hierarchy is one of the two: user authentication and signature.
type hierarchy struct {
	name        string // in the names of its keys
	unit        string // of the CA's name
	policy      asn1.ObjectIdentifier
	keyUsage    x509.KeyUsage
	extKeyUsage []x509.ExtKeyUsage
	ocsp        string                        // address in the certificate; empty: none
	subject     func(holder string) pkix.Name // of a holder's certificate
	names       func() []byte                 // its subject's alternative names; nil: none
}

var (
	authentication = hierarchy{
		name:        "authentication",
		unit:        "JPKI for user authentication",
		policy:      asn1.ObjectIdentifier{1, 2, 392, 200149, 8, 5, 1, 3, 30},
		keyUsage:    x509.KeyUsageDigitalSignature,
		extKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		ocsp:        "http://ocsp.jpki-simulator.invalid", // a real one must not be asked
		subject:     authenticationSubject,
	}
	digitalSignature = hierarchy{
		name:     "signature",
		unit:     "JPKI for digital signature",
		policy:   asn1.ObjectIdentifier{1, 2, 392, 200149, 8, 5, 1, 1, 20},
		keyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageContentCommitment,
		subject:  signatureSubject,
		names:    syntheticAttributes,
	}
)

type period struct{ start, end time.Time }

func (p period) terms(size int) certificateTerms {
	return certificateTerms{p.start.Unix(), p.end.Unix(), size}
}

// issuance is what the credentials of a card are made from.
type issuance struct {
	settings
	generation *generation
	holder     string
	valid      period
	now        time.Time
}

// credential is a key of the card, and the files of its certificate and of the CA
// certificate that goes with it.
type credential struct {
	key             crypto.Signer
	certificate, ca []byte
	issuer          *x509.Certificate
}

// credential makes the one of a hierarchy, with a certificate of size bytes; 0 is as
// it comes.
func (i issuance) credential(h hierarchy, size int) (credential, error) {
	key, err := i.key(i.holder, h)
	if err != nil {
		return credential{}, err
	}
	ca, err := i.issuingCA(h)
	if err != nil {
		return credential{}, err
	}
	certificate, err := i.certificates(i.name(i.holder, h), i.valid.terms(size), func() ([]byte, error) {
		return ca.issueOfSize(size, key.Public(), h.subject(i.holder), i.valid)
	})
	if err != nil {
		return credential{}, err
	}
	return credential{key: key, certificate: padded(certificate), ca: padded(ca.certificate.Raw), issuer: ca.certificate}, nil
}

// name names an owner's key and certificate. The CAs' keys are called "authority".
func (i issuance) name(owner string, h hierarchy) string {
	return i.generation.prefix + owner + "/" + h.name
}

func (i issuance) key(owner string, h hierarchy) (crypto.Signer, error) {
	return i.keys(i.generation.keys, i.name(owner, h))
}
