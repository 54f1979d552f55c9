package signtest

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"
)

// Identifiers that a message has unless a test changes them.
var (
	SHA256  = pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}}
	OIDData = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1}

	oidSignedData    = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}
	oidContentType   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 3}
	oidMessageDigest = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 4}
	rsaEncryption    = pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 1}, Parameters: asn1.NullRawValue}
)

// Message is CMS SignedData (RFC 5652 §5.1). It is written with encoding/asn1, so that package cms is tested
// against another encoder.
type Message struct {
	Version          int
	DigestAlgorithms []pkix.AlgorithmIdentifier
	Content          Content
	Certificates     asn1.RawValue
	Signers          []SignerInfo
	Attributes       []Attribute // signed by every signer
}

// Content is EncapsulatedContentInfo. A nil Content.Content is left out.
type Content struct {
	Type    asn1.ObjectIdentifier
	Content []byte `asn1:"explicit,tag:0,optional"`
}

// Attribute is a signed or unsigned attribute.
type Attribute struct {
	ID     asn1.ObjectIdentifier
	Values []any `asn1:"set"`
}

// SignerInfo is a signer. Name is an IssuerAndSerial or a key identifier.
type SignerInfo struct {
	Version            int
	Name               asn1.RawValue
	DigestAlgorithm    pkix.AlgorithmIdentifier
	Attributes         asn1.RawValue
	SignatureAlgorithm pkix.AlgorithmIdentifier
	Signature          []byte
}

// Message returns a detached signature of content. change may be nil. It is called before the attributes are
// signed, and sees one signer without a signature.
func (s *Signer) Message(t testing.TB, content []byte, change func(*Message)) []byte {
	t.Helper()
	digest := sha256.Sum256(content)
	name := marshal(t, struct {
		Issuer asn1.RawValue
		Serial *big.Int
	}{asn1.RawValue{FullBytes: s.certificate.RawIssuer}, s.certificate.SerialNumber}, "")
	m := Message{
		Version: 1, DigestAlgorithms: []pkix.AlgorithmIdentifier{SHA256}, Content: Content{Type: OIDData},
		Certificates: asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 0, IsCompound: true, Bytes: s.certificate.Raw},
		Signers: []SignerInfo{{
			Version: 1, Name: asn1.RawValue{FullBytes: name}, DigestAlgorithm: SHA256, SignatureAlgorithm: rsaEncryption,
		}},
		Attributes: []Attribute{{oidContentType, []any{OIDData}}, {oidMessageDigest, []any{digest[:]}}},
	}
	if change != nil {
		change(&m)
	}
	if len(m.Signers) > 0 {
		attributes := marshal(t, m.Attributes, "set")
		hash := sha256.Sum256(attributes)
		signature, err := rsa.SignPKCS1v15(nil, s.Key, crypto.SHA256, hash[:])
		require.NoError(t, err)
		attributes[0] = 0xA0 // [0] IMPLICIT
		for i := range m.Signers {
			m.Signers[i].Attributes, m.Signers[i].Signature = asn1.RawValue{FullBytes: attributes}, signature
		}
	}
	return marshal(t, struct {
		Type    asn1.ObjectIdentifier
		Content any `asn1:"explicit,tag:0"`
	}{oidSignedData, struct {
		Version          int
		DigestAlgorithms []pkix.AlgorithmIdentifier `asn1:"set"`
		Content          Content
		Certificates     asn1.RawValue
		Signers          []SignerInfo `asn1:"set"`
	}{m.Version, m.DigestAlgorithms, m.Content, m.Certificates, m.Signers}}, "")
}

func marshal(t testing.TB, value any, parameters string) []byte {
	t.Helper()
	der, err := asn1.MarshalWithParams(value, parameters)
	require.NoError(t, err)
	return der
}
