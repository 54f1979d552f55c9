package cms_test

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509/pkix"
	"encoding/asn1"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/signtest"
	"github.com/mykeykit/mykeykit/jpki/cms"
)

var (
	sha1Digest              = pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 3, 14, 3, 2, 26}}
	md5WithRSA              = pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 4}, Parameters: asn1.NullRawValue}
	oidTimestampInfo        = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 1, 4}
	oidSigningCertificateV2 = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 47}
)

// essCertificate is a SigningCertificateV2 with one digest (RFC 5035 §3).
func essCertificate(digest []byte) any {
	type certID struct{ Hash []byte }
	return struct{ Certificates []certID }{[]certID{{digest}}}
}

// Messages whose signature is right, and that are refused for something else.
//
// Faults: F151.
func TestWellSignedMessagesAreRefused(t *testing.T) {
	signer, another := signtest.New(t, nil), signtest.Another(t)
	for name, tt := range map[string]struct {
		change func(m *signtest.Message)
		err    error // nil: accepted
	}{
		"as it is": {},
		"key identifier": {change: func(m *signtest.Message) {
			m.Signers[0].Version = 3
			m.Signers[0].Name = asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 0, Bytes: signer.Certificate().SubjectKeyId}
		}},
		"another key identifier": {change: func(m *signtest.Message) {
			m.Signers[0].Version = 3
			m.Signers[0].Name = asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 0, Bytes: []byte("nobody")}
		}, err: cms.ErrNoCertificate},
		"empty key identifier": {change: func(m *signtest.Message) {
			m.Signers[0].Version = 3
			m.Signers[0].Name = asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 0}
		}, err: cms.ErrMalformed},
		"key identifier of two certificates": {change: func(m *signtest.Message) {
			m.Signers[0].Version = 3
			m.Signers[0].Name = asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 0, Bytes: signer.Certificate().SubjectKeyId}
			m.Certificates.Bytes = append(bytes.Clone(m.Certificates.Bytes), another.Certificate().Raw...)
		}, err: cms.ErrMalformed},
		"version that does not fit": {change: func(m *signtest.Message) { m.Signers[0].Version = 3 }, err: cms.ErrMalformed},
		"no signer":                 {change: func(m *signtest.Message) { m.Signers = nil }, err: cms.ErrNoSigner},
		"one signer twice":          {change: func(m *signtest.Message) { m.Signers = append(m.Signers, m.Signers[0]) }, err: cms.ErrSignerTwice},
		"17 signers": {change: func(m *signtest.Message) {
			for range 16 {
				m.Signers = append(m.Signers, m.Signers[0])
			}
		}, err: cms.ErrMalformed},
		"no certificate":           {change: func(m *signtest.Message) { m.Certificates.Bytes = nil }, err: cms.ErrNoCertificate},
		"another certificate":      {change: func(m *signtest.Message) { m.Certificates.Bytes = another.Certificate().Raw }, err: cms.ErrNoCertificate},
		"65 certificates":          {change: func(m *signtest.Message) { m.Certificates.Bytes = bytes.Repeat(m.Certificates.Bytes, 65) }, err: cms.ErrMalformed},
		"the certificate repeated": {change: func(m *signtest.Message) { m.Certificates.Bytes = bytes.Repeat(m.Certificates.Bytes, 2) }},
		"rubbish among the certificates": {change: func(m *signtest.Message) {
			m.Certificates.Bytes = append([]byte{0x30, 3, 1, 2, 3}, m.Certificates.Bytes...)
		}},
		"no content type":             {change: func(m *signtest.Message) { m.Attributes = m.Attributes[1:] }, err: cms.ErrMalformed},
		"no digest":                   {change: func(m *signtest.Message) { m.Attributes = m.Attributes[:1] }, err: cms.ErrMalformed},
		"digest twice":                {change: func(m *signtest.Message) { m.Attributes = append(m.Attributes, m.Attributes[1]) }, err: cms.ErrMalformed},
		"digest with two values":      {change: func(m *signtest.Message) { m.Attributes[1].Values = append(m.Attributes[1].Values, []byte("x")) }, err: cms.ErrMalformed},
		"digest of no value":          {change: func(m *signtest.Message) { m.Attributes[1].Values = nil }, err: cms.ErrMalformed},
		"digest is empty":             {change: func(m *signtest.Message) { m.Attributes[1].Values = []any{[]byte{}} }, err: cms.ErrContent},
		"another content type signed": {change: func(m *signtest.Message) { m.Attributes[0].Values[0] = oidTimestampInfo }, err: cms.ErrMalformed},
		"a time stamp as content": {change: func(m *signtest.Message) {
			m.Attributes[0].Values[0], m.Content.Type = oidTimestampInfo, oidTimestampInfo
		}, err: cms.ErrMalformed},
		"content inside as well":    {change: func(m *signtest.Message) { m.Content.Content = []byte(text) }, err: cms.ErrMalformed},
		"SHA-1":                     {change: func(m *signtest.Message) { m.Signers[0].DigestAlgorithm = sha1Digest }, err: cms.ErrAlgorithm},
		"MD5 in the signature":      {change: func(m *signtest.Message) { m.Signers[0].SignatureAlgorithm = md5WithRSA }, err: cms.ErrAlgorithm},
		"digest that is not listed": {change: func(m *signtest.Message) { m.DigestAlgorithms[0] = sha1Digest }, err: cms.ErrMalformed},
		"digest with parameters": {change: func(m *signtest.Message) {
			m.Signers[0].DigestAlgorithm.Parameters = asn1.RawValue{FullBytes: []byte{4, 1, 0}}
		}, err: cms.ErrMalformed},
		"version 0": {change: func(m *signtest.Message) { m.Version = 0 }, err: cms.ErrMalformed},
		"certificate named by digest": {change: func(m *signtest.Message) {
			digest := sha256.Sum256(signer.Certificate().Raw)
			m.Attributes = append(m.Attributes, signtest.Attribute{ID: oidSigningCertificateV2, Values: []any{essCertificate(digest[:])}})
		}},
		"another certificate named by digest": {change: func(m *signtest.Message) {
			digest := sha256.Sum256(another.Certificate().Raw)
			m.Attributes = append(m.Attributes, signtest.Attribute{ID: oidSigningCertificateV2, Values: []any{essCertificate(digest[:])}})
		}, err: cms.ErrOtherCertificate},
		"digest of a certificate that is none": {change: func(m *signtest.Message) {
			m.Attributes = append(m.Attributes, signtest.Attribute{ID: oidSigningCertificateV2, Values: []any{7}})
		}, err: cms.ErrMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			der := signer.Message(t, []byte(text), tt.change)
			signatures, err := verifier(t).Verify(t.Context(), der, strings.NewReader(text))
			require.ErrorIs(t, err, tt.err)
			assert.Equal(t, tt.err == nil, signatures != nil)
		})
	}
}
