package simulator

import (
	"crypto/rand"
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

// kind is one of the two hierarchies: user authentication and signature.
type kind struct {
	unit        string // of the authority's name
	policy      asn1.ObjectIdentifier
	keyUsage    x509.KeyUsage
	extKeyUsage []x509.ExtKeyUsage
	ocsp        string // address in the certificate; empty: none
}

var (
	authentication = kind{
		unit:        "JPKI for user authentication",
		policy:      asn1.ObjectIdentifier{1, 2, 392, 200149, 8, 5, 1, 3, 30},
		keyUsage:    x509.KeyUsageDigitalSignature,
		extKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		ocsp:        "http://ocsp.jpki-simulator.invalid", // a real one must not be asked
	}
	digitalSignature = kind{
		unit:     "JPKI for digital signature",
		policy:   asn1.ObjectIdentifier{1, 2, 392, 200149, 8, 5, 1, 1, 20},
		keyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageContentCommitment,
	}
)

type period struct{ start, end time.Time }

func (p period) terms(size int) certificateTerms {
	return certificateTerms{p.start.Unix(), p.end.Unix(), size}
}

// authority is a certification authority of the simulator.
type authority struct {
	kind        kind
	key         *rsa.PrivateKey
	certificate *x509.Certificate
	der         []byte
}

// newAuthority makes a self-signed authority that has been valid for five years
// and will be for five more.
func newAuthority(k kind, key *rsa.PrivateKey, held certificateSource, now time.Time) (*authority, error) {
	year := time.Date(now.UTC().Year(), 1, 1, 0, 0, 0, 0, time.UTC)
	subject := simulatorName(
		attribute(oidOrganizationalUnit, k.unit),
		attribute(oidOrganizationalUnit, "Simulated cards of mykeykit, valid nowhere"),
	)
	template := &x509.Certificate{
		SerialNumber:          serialNumber(&key.PublicKey),
		Subject:               subject,
		NotBefore:             year.AddDate(-5, 0, 0),
		NotAfter:              year.AddDate(5, 0, 0),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
		SubjectKeyId:          keyIdentifier(&key.PublicKey),
		SignatureAlgorithm:    x509.SHA256WithRSA,
		ExtraExtensions: []pkix.Extension{
			{Id: oidSubjectAltName, Value: directoryNames(japaneseName)},
			{Id: oidCRLDistributionPoints, Value: crlDistributionPoint(subject)},
		},
	}
	der, err := held(k.unit, certificateTerms{start: template.NotBefore.Unix(), end: template.NotAfter.Unix()}, func() ([]byte, error) {
		return x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	})
	if err != nil {
		return nil, err
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return &authority{kind: k, key: key, certificate: certificate, der: der}, nil
}

// holder is what a certificate says of whom it is for.
type holder struct {
	subject pkix.Name
	names   []byte // the subject's alternative names; nil: none
}

// issue makes a holder's certificate, about 1.6 kB of DER, with the extensions of a
// test card's and in their order: x509 puts the key usages before those given.
func (a *authority) issue(key *rsa.PrivateKey, of holder, valid period, extra ...pkix.Extension) ([]byte, error) {
	point := simulatorName(
		attribute(oidOrganizationalUnit, a.kind.unit),
		attribute(oidOrganizationalUnit, "CRL Distribution Points"),
		attribute(oidOrganizationalUnit, "Simulated Prefecture"),
		attribute(oidCommonName, "Simulated City CRLDP"),
	)
	var extensions []pkix.Extension
	if of.names != nil {
		extensions = append(extensions, pkix.Extension{Id: oidSubjectAltName, Value: of.names})
	}
	extensions = append(extensions,
		pkix.Extension{Id: oidCertificatePolicies, Critical: true, Value: certificatePolicies(a.kind.policy)},
		pkix.Extension{Id: oidIssuerAltName, Value: directoryNames(japaneseName)},
		pkix.Extension{Id: oidCRLDistributionPoints, Value: crlDistributionPoint(point)},
	)
	if a.kind.ocsp != "" {
		extensions = append(extensions, pkix.Extension{Id: oidAuthorityInformationAccess, Value: ocspAddress(a.kind.ocsp)})
	}
	extensions = append(extensions,
		pkix.Extension{Id: oidAuthorityKeyIdentifier, Value: authorityKeyIdentifier(a.certificate)},
		pkix.Extension{Id: oidSubjectKeyIdentifier, Value: octetString(keyIdentifier(&key.PublicKey))},
	)
	template := &x509.Certificate{
		SerialNumber:       serialNumber(&key.PublicKey),
		Subject:            of.subject,
		NotBefore:          valid.start.UTC().Truncate(time.Second),
		NotAfter:           valid.end.UTC().Truncate(time.Second),
		KeyUsage:           a.kind.keyUsage,
		ExtKeyUsage:        a.kind.extKeyUsage,
		SignatureAlgorithm: x509.SHA256WithRSA,
		ExtraExtensions:    append(extensions, extra...),
	}
	return x509.CreateCertificate(rand.Reader, template, a.certificate, &key.PublicKey, a.key)
}

// issueOfSize pads a certificate to a length in bytes; 0 is as it comes.
func (a *authority) issueOfSize(size int, key *rsa.PrivateKey, of holder, valid period) ([]byte, error) {
	if size == 0 {
		return a.issue(key, of, valid)
	}
	filling := 0
	for range 8 { // the lengths before the filling grow with it
		certificate, err := a.issue(key, of, valid, pkix.Extension{Id: oidFilling, Value: make([]byte, filling)})
		if err != nil || len(certificate) == size {
			return certificate, err
		}
		if filling += size - len(certificate); filling < 0 {
			break
		}
	}
	return nil, fmt.Errorf("no certificate of %d bytes", size)
}

// signatureSide is everything that the signature password guards.
type signatureSide struct {
	key             *rsa.PrivateKey
	certificate, ca []byte
}

func newSignatureSide(s settings, name string, valid period, now time.Time) (signatureSide, error) {
	authorityKey, err := s.keys("authority/signature")
	if err != nil {
		return signatureSide{}, err
	}
	key, err := s.keys(name + "/signature")
	if err != nil {
		return signatureSide{}, err
	}
	ca, err := newAuthority(digitalSignature, authorityKey, s.certificates, now)
	if err != nil {
		return signatureSide{}, err
	}
	certificate, err := s.certificates(name+"/signature", valid.terms(0), func() ([]byte, error) {
		return ca.issue(key, holder{signatureSubject(name), syntheticAttributes()}, valid)
	})
	return signatureSide{key: key, certificate: certificate, ca: ca.der}, err
}

// serialNumber is four bytes that follow from the key.
func serialNumber(key *rsa.PublicKey) *big.Int {
	hash := sha256.Sum256(key.N.Bytes())
	return big.NewInt(int64(binary.BigEndian.Uint32(hash[:4])>>4 | 0x01000000))
}

// keyIdentifier is RFC 5280 §4.2.1.2, method 1.
func keyIdentifier(key *rsa.PublicKey) []byte {
	id := sha1.Sum(x509.MarshalPKCS1PublicKey(key))
	return id[:]
}
