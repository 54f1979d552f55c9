package simulator_test

import (
	"bytes"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/reader/simulator"
)

// extension returns an extension of a certificate.
func extension(t *testing.T, certificate *x509.Certificate, id ...int) pkix.Extension {
	t.Helper()
	for _, e := range certificate.Extensions {
		if e.Id.Equal(id) {
			return e
		}
	}
	require.FailNow(t, "no extension", "%v", id)
	return pkix.Extension{}
}

// contains reports whether der contains the encoding of value.
func contains(t *testing.T, der []byte, value any) bool {
	t.Helper()
	b, err := asn1.Marshal(value)
	require.NoError(t, err)
	return bytes.Contains(der, b)
}

// directoryName returns the first GeneralName, a directoryName (RFC 5280 §4.2.1.6), nested
// in depth outer elements.
func directoryName(t *testing.T, der []byte, depth int) (name pkix.Name) {
	t.Helper()
	for range depth {
		var outer asn1.RawValue
		_, err := asn1.Unmarshal(der, &outer)
		require.NoError(t, err)
		der = outer.Bytes
	}
	var general asn1.RawValue
	_, err := asn1.Unmarshal(der, &general)
	require.NoError(t, err)
	require.Equal(t, 4, general.Tag)
	require.Equal(t, asn1.ClassContextSpecific, general.Class)
	var names pkix.RDNSequence
	_, err = asn1.Unmarshal(general.Bytes, &names)
	require.NoError(t, err)
	name.FillFromRDNSequence(&names)
	return name
}

// extensions returns the names of a certificate's extensions, in their order.
func extensions(certificate *x509.Certificate) string {
	names := map[string]string{
		"2.5.29.15": "key usage", "2.5.29.37": "extended key usage", "2.5.29.17": "subject alternative names",
		"2.5.29.32": "policies", "2.5.29.18": "issuer alternative names", "2.5.29.31": "CRL distribution points",
		"1.3.6.1.5.5.7.1.1": "authority information access", "2.5.29.35": "authority key", "2.5.29.14": "subject key",
	}
	var list []string
	for _, e := range certificate.Extensions {
		name := names[e.Id.String()]
		if e.Critical {
			name += " (critical)"
		}
		list = append(list, name)
	}
	return strings.Join(list, ", ")
}

// The certificates have the names and extensions of a test card's certificates, in the
// same order.
func TestNamesAndExtensions(t *testing.T) {
	card := poweredCard(t, simulator.Contact)
	exchange(t, card, verifyABC123)
	for _, tt := range []struct {
		file, ca   byte
		attributes bool
		extensions string
		localities []string
		commonName int
		ocsp       []string
	}{
		{
			file: 0x0A, ca: 0x0B, commonName: 24, ocsp: []string{"http://ocsp.jpki-simulator.invalid"},
			extensions: "key usage (critical), extended key usage, policies (critical), issuer alternative names, " +
				"CRL distribution points, authority information access, authority key, subject key",
		},
		{
			file: 0x01, ca: 0x02, attributes: true, commonName: 28, localities: []string{"Mogi-ken", "Shiken-shi"},
			extensions: "key usage (critical), subject alternative names, policies (critical), issuer alternative names, " +
				"CRL distribution points, authority key, subject key",
		},
	} {
		leaf, ca := certificate(t, card, tt.file), certificate(t, card, tt.ca)
		assert.Equal(t, tt.extensions, extensions(leaf))
		assert.Equal(t, []string{"JP"}, leaf.Subject.Country)
		assert.Equal(t, tt.localities, leaf.Subject.Locality)
		assert.Len(t, leaf.Subject.CommonName, tt.commonName)
		assert.Len(t, leaf.Subject.Names, 2+len(tt.localities))
		assert.Equal(t, tt.ocsp, leaf.OCSPServer)
		for _, locality := range tt.localities {
			assert.True(t, contains(t, leaf.RawSubject, asn1.RawValue{Tag: asn1.TagUTF8String, Bytes: []byte(locality)}), "in UTF-8")
		}
		assert.Equal(t, []string{"JP"}, ca.Subject.Country)
		assert.Equal(t, []string{"JPKI-SIMULATOR"}, ca.Subject.Organization)
		require.Len(t, ca.Subject.OrganizationalUnit, 2)
		assert.Equal(t, []string{ca.Subject.OrganizationalUnit[0], "Simulated cards of mykeykit, valid nowhere"}, ca.Subject.OrganizationalUnit)

		for _, e := range []pkix.Extension{extension(t, leaf, 2, 5, 29, 18), extension(t, ca, 2, 5, 29, 17)} {
			name := directoryName(t, e.Value, 1)
			assert.Equal(t, []string{"JP"}, name.Country)
			assert.Equal(t, []string{"公的個人認証サービスの模擬"}, name.Organization)
		}
		point := directoryName(t, extension(t, leaf, 2, 5, 29, 31).Value, 4)
		assert.Equal(t, "Simulated City CRLDP", point.CommonName)
		assert.Equal(t, []string{ca.Subject.OrganizationalUnit[0], "CRL Distribution Points", "Simulated Prefecture"}, point.OrganizationalUnit)
		assert.Equal(t, ca.Subject.OrganizationalUnit, directoryName(t, extension(t, ca, 2, 5, 29, 31).Value, 4).OrganizationalUnit)

		policies := extension(t, leaf, 2, 5, 29, 32)
		assert.True(t, policies.Critical)
		assert.True(t, contains(t, policies.Value, asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 2, 1}), "CPS")
		assert.True(t, contains(t, policies.Value, asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 2, 2}), "user notice")

		assert.Equal(t, ca.SubjectKeyId, leaf.AuthorityKeyId)
		issuer := extension(t, leaf, 2, 5, 29, 35).Value
		assert.True(t, bytes.Contains(issuer, ca.RawSubject))
		assert.True(t, bytes.Contains(issuer, ca.SerialNumber.Bytes()))

		for arc := range 7 {
			has := contains(t, leaf.Raw, asn1.ObjectIdentifier{1, 2, 392, 200149, 8, 5, 5, arc})
			assert.Equal(t, tt.attributes && arc > 0, has, "attribute %d", arc)
		}
	}
}
