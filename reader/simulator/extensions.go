package simulator

import (
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/binary"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	tag "golang.org/x/crypto/cryptobyte/asn1"
)

var (
	oidCountry            = asn1.ObjectIdentifier{2, 5, 4, 6}
	oidOrganization       = asn1.ObjectIdentifier{2, 5, 4, 10}
	oidOrganizationalUnit = asn1.ObjectIdentifier{2, 5, 4, 11}
	oidLocality           = asn1.ObjectIdentifier{2, 5, 4, 7}
	oidCommonName         = asn1.ObjectIdentifier{2, 5, 4, 3}

	oidSubjectKeyIdentifier       = asn1.ObjectIdentifier{2, 5, 29, 14}
	oidSubjectAltName             = asn1.ObjectIdentifier{2, 5, 29, 17}
	oidIssuerAltName              = asn1.ObjectIdentifier{2, 5, 29, 18}
	oidCRLDistributionPoints      = asn1.ObjectIdentifier{2, 5, 29, 31}
	oidCertificatePolicies        = asn1.ObjectIdentifier{2, 5, 29, 32}
	oidAuthorityKeyIdentifier     = asn1.ObjectIdentifier{2, 5, 29, 35}
	oidAuthorityInformationAccess = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 1}
	oidOCSP                       = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 48, 1}
	oidCPS                        = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 2, 1}
	oidUserNotice                 = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 2, 2}

	// oidPadding is under the arc 2.999, which is reserved for examples.
	oidPadding = asn1.ObjectIdentifier{2, 999, 1}

	// oidAttributes is the arc of the holder's attributes in a signature certificate.
	oidAttributes = asn1.ObjectIdentifier{1, 2, 392, 200149, 8, 5, 5}
)

var japaneseName = pkix.Name{ExtraNames: []pkix.AttributeTypeAndValue{
	attribute(oidCountry, "JP"),
	attribute(oidOrganization, "公的個人認証サービスの模擬"),
}}

func attribute(id asn1.ObjectIdentifier, value string) pkix.AttributeTypeAndValue {
	return pkix.AttributeTypeAndValue{Type: id, Value: value}
}

// simulatorName returns a name that starts with C=JP, O=JPKI-SIMULATOR, which cannot be
// mistaken for a real one. It keeps the order of the attributes, one in each set.
func simulatorName(rest ...pkix.AttributeTypeAndValue) pkix.Name {
	return pkix.Name{ExtraNames: append([]pkix.AttributeTypeAndValue{
		attribute(oidCountry, "JP"),
		attribute(oidOrganization, "JPKI-SIMULATOR"),
	}, rest...)}
}

// authenticationSubject returns the subject of an authentication certificate. Its common
// name has 24 characters, like a real one.
func authenticationSubject(holder string) pkix.Name {
	hash := sha256.Sum256([]byte(holder))
	return pkix.Name{ExtraNames: []pkix.AttributeTypeAndValue{
		attribute(oidCountry, "JP"),
		attribute(oidCommonName, fmt.Sprintf("SIMULATED%X00000", hash[:5])),
	}}
}

// signatureSubject returns the subject of a signature certificate, with prefecture and
// city. Its common name has 28 characters: date and time, five digits, and the issuing
// office.
func signatureSubject(holder string) pkix.Name {
	hash := sha256.Sum256([]byte(holder))
	number := binary.BigEndian.Uint32(hash[:4]) % 100_000
	utf8 := func(s string) asn1.RawValue { return asn1.RawValue{Tag: asn1.TagUTF8String, Bytes: []byte(s)} }
	return pkix.Name{ExtraNames: []pkix.AttributeTypeAndValue{
		attribute(oidCountry, "JP"),
		{Type: oidLocality, Value: utf8("Mogi-ken")},
		{Type: oidLocality, Value: utf8("Shiken-shi")},
		attribute(oidCommonName, fmt.Sprintf("20000101000000%05dSIMULATED", number)),
	}}
}

func nameDER(n pkix.Name) []byte {
	der, err := asn1.Marshal(n.ToRDNSequence())
	if err != nil {
		panic(err) // this package built the name
	}
	return der
}

// addDirectoryName adds a GeneralName, RFC 5280 §4.2.1.6.
func addDirectoryName(b *cryptobyte.Builder, n pkix.Name) {
	b.AddASN1(tag.Tag(4).ContextSpecific().Constructed(), func(b *cryptobyte.Builder) { b.AddBytes(nameDER(n)) })
}

func directoryNames(n pkix.Name) []byte {
	return build(func(b *cryptobyte.Builder) {
		b.AddASN1(tag.SEQUENCE, func(b *cryptobyte.Builder) { addDirectoryName(b, n) })
	})
}

// crlDistributionPoint returns the extension of RFC 5280 §4.2.1.13. Like a real one it
// has a directory name instead of an address, because only accredited verifiers may get
// the CRL.
func crlDistributionPoint(n pkix.Name) []byte {
	explicit := tag.Tag(0).ContextSpecific().Constructed()
	return build(func(b *cryptobyte.Builder) {
		b.AddASN1(tag.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1(tag.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1(explicit, func(b *cryptobyte.Builder) {
					b.AddASN1(explicit, func(b *cryptobyte.Builder) { addDirectoryName(b, n) })
				})
			})
		})
	})
}

// ocspAddress returns the authority information access extension of RFC 5280 §4.2.2.1.
func ocspAddress(address string) []byte {
	return build(func(b *cryptobyte.Builder) {
		b.AddASN1(tag.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1(tag.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1ObjectIdentifier(oidOCSP)
				b.AddASN1(tag.Tag(6).ContextSpecific(), func(b *cryptobyte.Builder) { b.AddBytes([]byte(address)) })
			})
		})
	})
}

func octetString(value []byte) []byte {
	return build(func(b *cryptobyte.Builder) { b.AddASN1OctetString(value) })
}

func certificatePolicies(policy asn1.ObjectIdentifier) []byte {
	return build(func(b *cryptobyte.Builder) {
		b.AddASN1(tag.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1(tag.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1ObjectIdentifier(policy)
				b.AddASN1(tag.SEQUENCE, func(b *cryptobyte.Builder) {
					b.AddASN1(tag.SEQUENCE, func(b *cryptobyte.Builder) {
						b.AddASN1ObjectIdentifier(oidCPS)
						b.AddASN1(tag.IA5String, func(b *cryptobyte.Builder) {
							b.AddBytes([]byte("http://jpki-simulator.invalid/cps.html"))
						})
					})
					b.AddASN1(tag.SEQUENCE, func(b *cryptobyte.Builder) {
						b.AddASN1ObjectIdentifier(oidUserNotice)
						b.AddASN1(tag.SEQUENCE, func(b *cryptobyte.Builder) {
							b.AddASN1(tag.UTF8String, func(b *cryptobyte.Builder) {
								b.AddBytes([]byte("Made by a simulator for tests. Valid nowhere, and nobody's."))
							})
						})
					})
				})
			})
		})
	})
}

// authorityKeyIdentifier returns the extension of RFC 5280 §4.2.1.1 with the CA's key
// identifier, name and serial number.
func authorityKeyIdentifier(ca *x509.Certificate) []byte {
	return build(func(b *cryptobyte.Builder) {
		b.AddASN1(tag.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1(tag.Tag(0).ContextSpecific(), func(b *cryptobyte.Builder) { b.AddBytes(ca.SubjectKeyId) })
			b.AddASN1(tag.Tag(1).ContextSpecific().Constructed(), func(b *cryptobyte.Builder) {
				b.AddASN1(tag.Tag(4).ContextSpecific().Constructed(), func(b *cryptobyte.Builder) { b.AddBytes(ca.RawIssuer) })
			})
			b.AddASN1(tag.Tag(2).ContextSpecific(), func(b *cryptobyte.Builder) { b.AddBytes(ca.SerialNumber.Bytes()) })
		})
	})
}

// syntheticAttributes returns the name, address, date of birth and sex in a signature
// certificate, of a holder who does not exist.
func syntheticAttributes() []byte {
	values := []struct {
		arc   int
		value string
	}{
		{1, "模擬　花子"}, {4, "419900401"}, {3, "2"},
		{5, "模擬県試験市見本町１－２－３"}, {2, "00000"}, {6, "00000000000000"},
	}
	explicit := tag.Tag(0).ContextSpecific().Constructed()
	return build(func(b *cryptobyte.Builder) {
		b.AddASN1(tag.SEQUENCE, func(b *cryptobyte.Builder) {
			for _, v := range values {
				b.AddASN1(explicit, func(b *cryptobyte.Builder) {
					b.AddASN1ObjectIdentifier(append(oidAttributes[:len(oidAttributes):len(oidAttributes)], v.arc))
					b.AddASN1(explicit, func(b *cryptobyte.Builder) {
						b.AddASN1(tag.UTF8String, func(b *cryptobyte.Builder) { b.AddBytes([]byte(v.value)) })
					})
				})
			}
		})
	})
}

func build(f cryptobyte.BuilderContinuation) []byte {
	var b cryptobyte.Builder
	f(&b)
	return b.BytesOrPanic() // can't panic: all callers are in this package
}
