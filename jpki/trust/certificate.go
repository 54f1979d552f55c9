package trust

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"slices"
)

var (
	// ErrMalformed reports something other than one certificate in DER.
	ErrMalformed = errors.New("malformed certificate")
	// ErrWrongKind reports a certificate that is for something else: a CA
	// certificate, or a signature certificate in place of the authentication
	// certificate, or vice versa.
	ErrWrongKind = errors.New("wrong kind of certificate")
	// ErrUnsupportedKey reports a certificate whose key this toolkit can't use. It
	// wraps [errors.ErrUnsupported].
	ErrUnsupportedKey = fmt.Errorf("this kind of key is not supported: %w", errors.ErrUnsupported)
)

// Parse parses one DER certificate and rejects trailing or unexpected data. Its errors match
// [ErrMalformed] and contain nothing of the input.
func Parse(der []byte) (*x509.Certificate, error) {
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, ErrMalformed // the parser's text may quote the certificate
	}
	// RFC 5280 §4.1; the parser accepts more parts.
	var parts []asn1.RawValue
	if _, err := asn1.Unmarshal(der, &parts); err != nil || len(parts) != 3 {
		return nil, fmt.Errorf("%w: data after the certificate", ErrMalformed)
	}
	if err := checkKeyEncoding(certificate); err != nil {
		return nil, err
	}
	return certificate, nil
}

// signaturePolicies are those of signature certificates (署名用電子証明書), of
// production and of test cards. Observed; not in a public specification.
var signaturePolicies = []string{"1.2.392.200149.8.5.1.1.20", "1.2.392.200149.8.5.1.0.20"}

// CheckAuthenticationCertificate returns an error that matches [ErrWrongKind] if a certificate is
// not for user authentication. The key usage must include digital signature and not content
// commitment; the extended key usage, if there is one, must be clientAuth only. The certificate
// policy (OID) of authentication certificates is not required, because it is known from one source
// only. A certificate with the policy for signature certificates is rejected.
func CheckAuthenticationCertificate(certificate *x509.Certificate) error {
	usage := certificate.KeyUsage
	switch {
	case certificate.IsCA, usage&x509.KeyUsageCertSign != 0:
		return fmt.Errorf("%w: a CA certificate", ErrWrongKind)
	case usage&x509.KeyUsageContentCommitment != 0, slices.ContainsFunc(certificate.Policies, isSignaturePolicy):
		return fmt.Errorf("%w: a signature certificate", ErrWrongKind)
	case usage&x509.KeyUsageDigitalSignature == 0:
		return fmt.Errorf("%w: its key usage is not digital signature", ErrWrongKind)
	case !isForClients(certificate):
		return fmt.Errorf("%w: its extended key usage is not client authentication alone", ErrWrongKind)
	}
	return nil
}

// CheckSignatureCertificate returns an error that matches [ErrWrongKind] if a certificate is a CA
// certificate or its key usage does not include content commitment. It verifies no signature.
func CheckSignatureCertificate(certificate *x509.Certificate) error {
	usage := certificate.KeyUsage
	switch {
	case certificate.IsCA, usage&x509.KeyUsageCertSign != 0:
		return fmt.Errorf("%w: a CA certificate", ErrWrongKind)
	case usage&x509.KeyUsageContentCommitment == 0:
		return fmt.Errorf("%w: not a signature certificate", ErrWrongKind)
	}
	return nil
}

func isSignaturePolicy(policy x509.OID) bool {
	return slices.Contains(signaturePolicies, policy.String())
}

// Extensions of RFC 5280 §4.2.1 whose presence is checked.
var (
	oidKeyUsage         = asn1.ObjectIdentifier{2, 5, 29, 15}
	oidNameConstraints  = asn1.ObjectIdentifier{2, 5, 29, 30}
	oidExtendedKeyUsage = asn1.ObjectIdentifier{2, 5, 29, 37}
)

func hasExtension(certificate *x509.Certificate, id asn1.ObjectIdentifier) bool {
	return slices.ContainsFunc(certificate.Extensions, func(e pkix.Extension) bool { return e.Id.Equal(id) })
}

// isForClients reports whether the certificate's extended key usage is client
// authentication and nothing else. It may have none: production cards were not observed.
func isForClients(certificate *x509.Certificate) bool {
	return !hasExtension(certificate, oidExtendedKeyUsage) ||
		len(certificate.UnknownExtKeyUsage) == 0 && slices.Equal(certificate.ExtKeyUsage, []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth})
}

// Bits of an RSA modulus, and the public exponents that crypto/rsa verifies with. Today's
// cards have 2048 and 65537.
const (
	minModulus  = 2048
	maxModulus  = 4096
	minExponent = 3
	maxExponent = 1<<31 - 1
)

// CheckKey returns an error if this toolkit does not support the certificate's key:
// [ErrUnsupportedKey] unless it is RSA with 2048 to 4096 bits or ECDSA on P-256 or P-384,
// and [ErrMalformed] if it is not encoded in DER.
func CheckKey(certificate *x509.Certificate) error {
	if err := checkKeyEncoding(certificate); err != nil {
		return err
	}
	return CheckPublicKey(certificate.PublicKey)
}

// CheckPublicKey is like [CheckKey] for a key without a certificate.
func CheckPublicKey(key crypto.PublicKey) error {
	switch key := key.(type) {
	case *rsa.PublicKey:
		switch bits := key.N.BitLen(); {
		case bits < minModulus, bits > maxModulus:
			return fmt.Errorf("%w: RSA with %d bits", ErrUnsupportedKey, bits)
		case key.N.Bit(0) == 0:
			return fmt.Errorf("%w: RSA with an even modulus", ErrUnsupportedKey)
		case key.E < minExponent, key.E > maxExponent, key.E%2 == 0:
			return fmt.Errorf("%w: RSA with exponent %d", ErrUnsupportedKey, key.E)
		}
		return nil
	case *ecdsa.PublicKey:
		if key.Curve == elliptic.P256() || key.Curve == elliptic.P384() {
			return nil
		}
		return fmt.Errorf("%w: ECDSA on %s", ErrUnsupportedKey, key.Curve.Params().Name)
	}
	return fmt.Errorf("%w: %T", ErrUnsupportedKey, key)
}
