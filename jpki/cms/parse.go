package cms

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
	"time"

	"golang.org/x/crypto/cryptobyte"
	tag "golang.org/x/crypto/cryptobyte/asn1"
)

// ErrMalformed reports a message that is not one CMS SignedData in DER, or that uses a feature which this
// package does not support, such as a signature without signed attributes.
var ErrMalformed = errors.New("malformed CMS message")

func malformed(what string) error { return fmt.Errorf("%w: %s", ErrMalformed, what) }

// maxSigners bounds the work that a message can ask for.
const maxSigners, maxCertificates = 16, 64

// message is a parsed SignedData.
type message struct {
	digests      []asn1.ObjectIdentifier
	contentType  asn1.ObjectIdentifier
	content      []byte // of an attached signature
	attached     bool
	certificates []*x509.Certificate
	signers      []signerInfo
}

// signerInfo is a parsed SignerInfo. It names the certificate by issuer and serial number, or by key
// identifier.
type signerInfo struct {
	issuer       []byte
	serial       *big.Int
	keyID        []byte
	digest       asn1.ObjectIdentifier
	signed       []byte // the signed attributes as they were signed: a SET
	contentType  asn1.ObjectIdentifier
	contentHash  []byte
	signingTime  time.Time // zero: not there
	certificates []byte    // the value of the attribute signing certificate v2, or nil
	algorithm    asn1.ObjectIdentifier
	signature    []byte
	timestamps   [][]byte
}

func parse(der []byte) (*message, error) {
	input := cryptobyte.String(der)
	var info, explicit, data cryptobyte.String
	var id asn1.ObjectIdentifier
	if !input.ReadASN1(&info, tag.SEQUENCE) || !input.Empty() || !info.ReadASN1ObjectIdentifier(&id) {
		return nil, malformed("no ContentInfo in DER")
	}
	if !id.Equal(oidSignedData) {
		return nil, malformed("not SignedData")
	}
	if !info.ReadASN1(&explicit, explicit0) || !info.Empty() || !explicit.ReadASN1(&data, tag.SEQUENCE) || !explicit.Empty() {
		return nil, malformed("no SignedData in DER")
	}
	return parseSignedData(data)
}

func parseSignedData(data cryptobyte.String) (*message, error) {
	var version int64
	var digests, encapsulated, certificates, signers cryptobyte.String
	var hasCertificates bool
	m := &message{}
	if !data.ReadASN1Integer(&version) || version < 1 || version > 5 ||
		!data.ReadASN1(&digests, tag.SET) || !data.ReadASN1(&encapsulated, tag.SEQUENCE) ||
		!data.ReadOptionalASN1(&certificates, &hasCertificates, explicit0) ||
		!data.SkipOptionalASN1(tag.Tag(1).ContextSpecific().Constructed()) ||
		!data.ReadASN1(&signers, tag.SET) || !data.Empty() {
		return nil, malformed("SignedData")
	}
	for !digests.Empty() {
		id, ok := readAlgorithm(&digests)
		if !ok || len(m.digests) == maxSigners {
			return nil, malformed("digest algorithms")
		}
		m.digests = append(m.digests, id)
	}
	var content, octets cryptobyte.String
	if !encapsulated.ReadASN1ObjectIdentifier(&m.contentType) || !encapsulated.ReadOptionalASN1(&content, &m.attached, explicit0) ||
		!encapsulated.Empty() || m.attached && (!content.ReadASN1(&octets, tag.OCTET_STRING) || !content.Empty()) {
		return nil, malformed("content")
	}
	m.content = octets
	if err := m.readCertificates(certificates); err != nil {
		return nil, err
	}
	for !signers.Empty() {
		var info cryptobyte.String
		if !signers.ReadASN1(&info, tag.SEQUENCE) || len(m.signers) == maxSigners {
			return nil, malformed("signers")
		}
		s, err := parseSigner(info)
		if err != nil {
			return nil, err
		}
		m.signers = append(m.signers, s)
	}
	return m, nil
}

// readCertificates reads the certificates of a message. Those that can't be parsed are no signer's
// certificate and no CA's, so they are left out.
func (m *message) readCertificates(set cryptobyte.String) error {
	for n := 0; !set.Empty(); n++ {
		var der cryptobyte.String
		var t tag.Tag
		if !set.ReadAnyASN1Element(&der, &t) || n == maxCertificates {
			return malformed("certificates")
		}
		certificate, err := x509.ParseCertificate(der)
		if t != tag.SEQUENCE || err != nil {
			continue
		}
		for _, c := range m.certificates {
			if bytes.Equal(c.RawIssuer, certificate.RawIssuer) && c.SerialNumber.Cmp(certificate.SerialNumber) == 0 && !c.Equal(certificate) {
				return malformed("two certificates with one issuer and serial number")
			}
		}
		m.certificates = append(m.certificates, certificate)
	}
	return nil
}

func parseSigner(info cryptobyte.String) (signerInfo, error) {
	var s signerInfo
	var version int64
	if !info.ReadASN1Integer(&version) {
		return s, malformed("signer")
	}
	var name, issuer cryptobyte.String
	switch version { // RFC 5652 §5.3
	case 1:
		s.serial = new(big.Int)
		if !info.ReadASN1(&name, tag.SEQUENCE) || !name.ReadASN1Element(&issuer, tag.SEQUENCE) || !name.ReadASN1Integer(s.serial) || !name.Empty() {
			return s, malformed("signer's issuer and serial number")
		}
		s.issuer = issuer
	case 3:
		if !info.ReadASN1(&name, tag.Tag(0).ContextSpecific()) || len(name) == 0 {
			return s, malformed("signer's key identifier")
		}
		s.keyID = name
	default:
		return s, malformed("version of a signer")
	}
	var ok bool
	if s.digest, ok = readAlgorithm(&info); !ok {
		return s, malformed("signer's digest algorithm")
	}
	var signed, unsigned cryptobyte.String
	var hasUnsigned bool
	if !info.ReadASN1(&signed, explicit0) {
		return s, malformed("no signed attributes")
	}
	s.signed = encoded(tag.SET, signed)
	if err := s.readSigned(signed); err != nil {
		return s, err
	}
	if next := info; !next.SkipASN1(tag.SEQUENCE) {
		return s, malformed("signer's signature algorithm")
	} else if s.algorithm, ok = readAlgorithm(&info); !ok { // PSS has parameters
		return s, fmt.Errorf("%w: a signature with parameters", ErrAlgorithm)
	}
	var signature cryptobyte.String
	if !info.ReadASN1(&signature, tag.OCTET_STRING) ||
		!info.ReadOptionalASN1(&unsigned, &hasUnsigned, tag.Tag(1).ContextSpecific().Constructed()) || !info.Empty() {
		return s, malformed("signature")
	}
	s.signature = signature
	return s, eachAttribute(unsigned, func(id asn1.ObjectIdentifier, values cryptobyte.String) bool {
		for id.Equal(oidTimestampToken) && !values.Empty() {
			var token cryptobyte.String
			if !values.ReadASN1Element(&token, tag.SEQUENCE) {
				return false
			}
			s.timestamps = append(s.timestamps, token)
		}
		return true
	})
}

// readSigned reads the signed attributes. Each may be there once and has one value (RFC 5652 §11).
func (s *signerInfo) readSigned(attributes cryptobyte.String) error {
	seen := map[string]bool{}
	err := eachAttribute(attributes, func(id asn1.ObjectIdentifier, values cryptobyte.String) bool {
		var value cryptobyte.String
		if seen[id.String()] || !values.ReadAnyASN1Element(&value, nil) || !values.Empty() {
			return false
		}
		seen[id.String()] = true
		var ok = true
		switch {
		case id.Equal(oidContentType):
			ok = value.ReadASN1ObjectIdentifier(&s.contentType)
		case id.Equal(oidMessageDigest):
			ok = value.ReadASN1Bytes(&s.contentHash, tag.OCTET_STRING)
		case id.Equal(oidSigningTime) && value.PeekASN1Tag(tag.UTCTime):
			ok = value.ReadASN1UTCTime(&s.signingTime)
		case id.Equal(oidSigningTime):
			ok = value.ReadASN1GeneralizedTime(&s.signingTime)
		case id.Equal(oidSigningCertificateV2):
			s.certificates, value = value, nil
		default:
			value = nil
		}
		return ok && value.Empty()
	})
	if err == nil && (s.contentType == nil || s.contentHash == nil) {
		return malformed("content type or message digest missing")
	}
	return err
}

func eachAttribute(attributes cryptobyte.String, use func(id asn1.ObjectIdentifier, values cryptobyte.String) bool) error {
	for !attributes.Empty() {
		var attribute, values cryptobyte.String
		var id asn1.ObjectIdentifier
		if !attributes.ReadASN1(&attribute, tag.SEQUENCE) || !attribute.ReadASN1ObjectIdentifier(&id) ||
			!attribute.ReadASN1(&values, tag.SET) || !attribute.Empty() || !use(id, values) {
			return malformed("attribute")
		}
	}
	return nil
}

// find returns the certificate that the signer names.
func (m *message) find(s signerInfo) (*x509.Certificate, error) {
	var found *x509.Certificate
	for _, c := range m.certificates {
		named := s.keyID != nil && bytes.Equal(c.SubjectKeyId, s.keyID) ||
			s.keyID == nil && bytes.Equal(c.RawIssuer, s.issuer) && c.SerialNumber.Cmp(s.serial) == 0
		switch {
		case !named || found != nil && found.Equal(c):
		case found != nil:
			return nil, malformed("two certificates with the signer's key identifier")
		default:
			found = c
		}
	}
	if found == nil {
		return nil, ErrNoCertificate
	}
	return found, nil
}

// matches checks the attribute signing certificate v2: its first digest must be the certificate's.
// It reports whether there is one.
func (s signerInfo) matches(certificate *x509.Certificate) (bool, error) {
	if s.certificates == nil {
		return false, nil
	}
	value := cryptobyte.String(s.certificates)
	var sequence, list, first, digest cryptobyte.String
	a := algorithms[0] // the default, SHA-256
	if !value.ReadASN1(&sequence, tag.SEQUENCE) || !sequence.ReadASN1(&list, tag.SEQUENCE) || !list.ReadASN1(&first, tag.SEQUENCE) {
		return false, malformed("signing certificate")
	}
	if first.PeekASN1Tag(tag.SEQUENCE) {
		id, ok := readAlgorithm(&first)
		if !ok {
			return false, malformed("signing certificate's digest algorithm")
		}
		var err error
		if a, err = algorithmByDigest(id); err != nil {
			return false, err
		}
	}
	if !first.ReadASN1(&digest, tag.OCTET_STRING) {
		return false, malformed("signing certificate's digest")
	}
	if !bytes.Equal(digest, sum(a.hash, certificate.Raw)) {
		return false, ErrOtherCertificate
	}
	return true, nil
}
