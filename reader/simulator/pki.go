package simulator

import (
	"crypto"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"time"
)

// hierarchy describes a CA and the certificates that it issues. JPKI has two of them: one
// for user authentication, one for signatures.
type hierarchy struct {
	name        string // part of the names of its keys
	unit        string // organizational unit of the CA
	policy      asn1.ObjectIdentifier
	keyUsage    x509.KeyUsage
	extKeyUsage []x509.ExtKeyUsage
	ocsp        string                        // OCSP address in the certificates; empty: none
	subject     func(holder string) pkix.Name // of a holder's certificate
	names       func() []byte                 // subject alternative names of a holder's certificate; nil: none
}

var (
	authentication = hierarchy{
		name:        "authentication",
		unit:        "JPKI for user authentication",
		policy:      asn1.ObjectIdentifier{1, 2, 392, 200149, 8, 5, 1, 3, 30},
		keyUsage:    x509.KeyUsageDigitalSignature,
		extKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		ocsp:        "http://ocsp.jpki-simulator.invalid", // not a real address, so that no real server is queried
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

// issuance creates the credentials of one card.
type issuance struct {
	settings
	generation *generation
	holder     string
	valid      period
	now        time.Time
}

// credential is a key of the card with its certificate and the CA certificate.
type credential struct {
	key             crypto.Signer
	certificate, ca []byte // contents of the files
	issuer          *x509.Certificate
}

// credential returns a credential of the hierarchy, with a certificate of size bytes, or
// of its natural size if that is 0.
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

// name returns the name of an owner's key and certificate. The owner is a holder or, for
// a CA, caOwner.
func (i issuance) name(owner string, h hierarchy) string {
	return i.generation.prefix + owner + "/" + h.name
}

func (i issuance) key(owner string, h hierarchy) (crypto.Signer, error) {
	return i.keys(i.generation.keys, i.name(owner, h))
}
