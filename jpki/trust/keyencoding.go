package trust

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	tag "golang.org/x/crypto/cryptobyte/asn1"
)

// checkKeyEncoding returns an error if the certificate's key is not encoded as package
// x509 encodes it: the parser accepts bytes where none belong, and identifiers are
// derived from the encoding. A key that x509 can't encode is not used.
//
// RSA and ECDSA keys are read here, because encoding them again takes longer than all other
// checks of a certificate together.
func checkKeyEncoding(certificate *x509.Certificate) error {
	spki := cryptobyte.String(certificate.RawSubjectPublicKeyInfo)
	var canonical bool
	switch key := certificate.PublicKey.(type) {
	case *rsa.PublicKey:
		canonical = isCanonicalRSA(spki)
	case *ecdsa.PublicKey:
		canonical = isCanonicalECDSA(spki, (key.Curve.Params().BitSize+7)/8)
	default:
		encoded, err := x509.MarshalPKIXPublicKey(certificate.PublicKey)
		canonical = err != nil || bytes.Equal(encoded, spki)
	}
	if !canonical {
		return fmt.Errorf("%w: its key is not encoded in DER", ErrMalformed)
	}
	return nil
}

var (
	oidRSA   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 1} // rsaEncryption, RFC 8017 §A.1
	oidECDSA = asn1.ObjectIdentifier{1, 2, 840, 10045, 2, 1}     // id-ecPublicKey, RFC 5480 §2.1.1
)

// publicKeyInfo splits a SubjectPublicKeyInfo (RFC 5280 §4.1.2.7) with an algorithm into the
// algorithm's parameters and the key's bits. It returns false if there is anything else in
// it. Package cryptobyte accepts lengths in DER only.
func publicKeyInfo(spki cryptobyte.String, algorithm asn1.ObjectIdentifier) (parameters, key cryptobyte.String, ok bool) {
	var info, bits cryptobyte.String
	var found asn1.ObjectIdentifier
	ok = spki.ReadASN1(&info, tag.SEQUENCE) && spki.Empty() &&
		info.ReadASN1(&parameters, tag.SEQUENCE) && parameters.ReadASN1ObjectIdentifier(&found) && found.Equal(algorithm) &&
		info.ReadASN1(&bits, tag.BIT_STRING) && info.Empty() &&
		len(bits) > 0 && bits[0] == 0 // unused bits
	if !ok {
		return nil, nil, false
	}
	return parameters, bits[1:], true
}

func isCanonicalRSA(spki cryptobyte.String) bool {
	parameters, key, ok := publicKeyInfo(spki, oidRSA)
	var null, numbers cryptobyte.String
	return ok && parameters.ReadASN1(&null, tag.NULL) && null.Empty() && parameters.Empty() &&
		key.ReadASN1(&numbers, tag.SEQUENCE) && key.Empty() &&
		readPositive(&numbers) && readPositive(&numbers) && numbers.Empty()
}

// readPositive skips a positive integer in the fewest bytes.
func readPositive(s *cryptobyte.String) bool {
	var b cryptobyte.String
	if !s.ReadASN1(&b, tag.INTEGER) || len(b) == 0 {
		return false
	}
	if b[0] == 0 {
		return len(b) > 1 && b[1]&0x80 != 0
	}
	return b[0]&0x80 == 0
}

// isCanonicalECDSA accepts an uncompressed point of coordinates with a size in bytes (SEC 1
// §2.3.3), on a curve with a name.
func isCanonicalECDSA(spki cryptobyte.String, size int) bool {
	parameters, point, ok := publicKeyInfo(spki, oidECDSA)
	return ok && parameters.SkipASN1(tag.OBJECT_IDENTIFIER) && parameters.Empty() && len(point) == 1+2*size && point[0] == 4
}
