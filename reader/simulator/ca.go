package simulator

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/binary"
	"fmt"
	"math/big"
	"time"
)

// caOwner is the owner in the names of the CAs' keys. Seeded keys are derived from these
// names, so changing it changes every seeded certificate.
const caOwner = "authority"

// issuingCA is a CA of the simulator.
type issuingCA struct {
	hierarchy   hierarchy
	key         crypto.Signer
	algorithm   x509.SignatureAlgorithm
	certificate *x509.Certificate
}

// issuingCA creates a self-signed CA. Its certificate is valid for twice as long as a
// holder's, and half of that has passed.
func (i issuance) issuingCA(h hierarchy) (*issuingCA, error) {
	key, err := i.key(caOwner, h)
	if err != nil {
		return nil, err
	}
	year := time.Date(i.now.UTC().Year(), 1, 1, 0, 0, 0, 0, time.UTC)
	valid := period{start: year.AddDate(-i.generation.years, 0, 0), end: year.AddDate(i.generation.years, 0, 0)}
	subject := simulatorName(
		attribute(oidOrganizationalUnit, h.unit),
		attribute(oidOrganizationalUnit, "Simulated cards of mykeykit, valid nowhere"),
	)
	template := &x509.Certificate{
		SerialNumber:          serialNumber(key.Public()),
		Subject:               subject,
		NotBefore:             valid.start,
		NotAfter:              valid.end,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
		SubjectKeyId:          keyIdentifier(key.Public()),
		SignatureAlgorithm:    i.generation.keys.algorithm,
		ExtraExtensions: []pkix.Extension{
			{Id: oidSubjectAltName, Value: directoryNames(japaneseName)},
			{Id: oidCRLDistributionPoints, Value: crlDistributionPoint(subject)},
		},
	}
	der, err := i.certificates(i.name(caOwner, h), valid.terms(0), func() ([]byte, error) {
		return x509.CreateCertificate(nil, template, template, key.Public(), key)
	})
	if err != nil {
		return nil, err
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return &issuingCA{hierarchy: h, key: key, algorithm: i.generation.keys.algorithm, certificate: certificate}, nil
}

// issue returns a holder's certificate in DER, which has about 1.6 kB with RSA keys. It
// has the extensions of a test card's certificate in the same order; package x509 puts
// the key usages first. CreateCertificate gets no source of randomness, so that an ECDSA
// signature is deterministic (RFC 6979) and the same in every run.
func (ca *issuingCA) issue(key crypto.PublicKey, subject pkix.Name, valid period, extra ...pkix.Extension) ([]byte, error) {
	h := ca.hierarchy
	point := simulatorName(
		attribute(oidOrganizationalUnit, h.unit),
		attribute(oidOrganizationalUnit, "CRL Distribution Points"),
		attribute(oidOrganizationalUnit, "Simulated Prefecture"),
		attribute(oidCommonName, "Simulated City CRLDP"),
	)
	var extensions []pkix.Extension
	if h.names != nil {
		extensions = append(extensions, pkix.Extension{Id: oidSubjectAltName, Value: h.names()})
	}
	extensions = append(extensions,
		pkix.Extension{Id: oidCertificatePolicies, Critical: true, Value: certificatePolicies(h.policy)},
		pkix.Extension{Id: oidIssuerAltName, Value: directoryNames(japaneseName)},
		pkix.Extension{Id: oidCRLDistributionPoints, Value: crlDistributionPoint(point)},
	)
	if h.ocsp != "" {
		extensions = append(extensions, pkix.Extension{Id: oidAuthorityInformationAccess, Value: ocspAddress(h.ocsp)})
	}
	extensions = append(extensions,
		pkix.Extension{Id: oidAuthorityKeyIdentifier, Value: authorityKeyIdentifier(ca.certificate)},
		pkix.Extension{Id: oidSubjectKeyIdentifier, Value: octetString(keyIdentifier(key))},
	)
	template := &x509.Certificate{
		SerialNumber:       serialNumber(key),
		Subject:            subject,
		NotBefore:          valid.start.UTC().Truncate(time.Second),
		NotAfter:           valid.end.UTC().Truncate(time.Second),
		KeyUsage:           h.keyUsage,
		ExtKeyUsage:        h.extKeyUsage,
		SignatureAlgorithm: ca.algorithm,
		ExtraExtensions:    append(extensions, extra...),
	}
	return x509.CreateCertificate(nil, template, ca.certificate, key, ca.key)
}

// issueOfSize is like issue but pads the certificate to size bytes, unless that is 0.
func (ca *issuingCA) issueOfSize(size int, key crypto.PublicKey, subject pkix.Name, valid period) ([]byte, error) {
	if size == 0 {
		return ca.issue(key, subject, valid)
	}
	padding := []byte{}
	for round := range 64 { // DER length fields grow with the padding, so one round is not enough
		certificate, err := ca.issue(key, subject, valid, pkix.Extension{Id: oidPadding, Value: padding})
		if err != nil || len(certificate) == size {
			return certificate, err
		}
		n := len(padding) + size - len(certificate)
		if n < 0 {
			break
		}
		padding = make([]byte, n)
		if n > 0 {
			padding[0] = byte(round / 8) // varies an ECDSA signature, whose length varies too
		}
	}
	return nil, fmt.Errorf("can't make a certificate of %d bytes", size)
}

// serialNumber returns a serial number of four bytes, derived from the key.
func serialNumber(key crypto.PublicKey) *big.Int {
	encoded := encodedKey(key)
	if key, ok := key.(*rsa.PublicKey); ok {
		encoded = key.N.Bytes()
	}
	hash := sha256.Sum256(encoded)
	return big.NewInt(int64(binary.BigEndian.Uint32(hash[:4])>>4 | 0x01000000))
}

// keyIdentifier returns the key identifier of RFC 5280 §4.2.1.2, method 1.
func keyIdentifier(key crypto.PublicKey) []byte {
	id := sha1.Sum(encodedKey(key))
	return id[:]
}

// encodedKey returns the key as in the BIT STRING of a SubjectPublicKeyInfo.
func encodedKey(key crypto.PublicKey) []byte {
	var info struct {
		Algorithm pkix.AlgorithmIdentifier
		Key       asn1.BitString
	}
	der, err := x509.MarshalPKIXPublicKey(key)
	if err == nil {
		_, err = asn1.Unmarshal(der, &info)
	}
	if err != nil {
		panic(err) // this package generated the key
	}
	return info.Key.Bytes
}
