package trust

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
)

// ErrCACertificate reports a CA certificate that can't have issued cards' certificates.
var ErrCACertificate = errors.New("unusable CA certificate")

// minCurve is the smallest accepted elliptic curve, in bits.
const minCurve = 256

// CheckCACertificate returns an error that matches [ErrCACertificate] if a certificate
// can't be that of a CA that issues card certificates:
//
//   - it is not a CA certificate, or it has a key usage without certificate signing;
//   - it has an extended key usage that includes neither clientAuth nor
//     anyExtendedKeyUsage;
//   - it has name constraints, which are not evaluated, or an unknown critical extension;
//   - its key is neither RSA with at least 2048 bits, nor ECDSA on a curve of at least
//     256 bits, nor Ed25519;
//   - it is signed with MD5 or SHA-1, or with an unknown algorithm.
//
// [Policy.Issuer] rejects such an issuer. A program that reads CA certificates from a file calls
// this at startup, to report an unusable one at once. CheckCACertificate does not check the
// validity period. It does not check the path length either: even a path length of 0 permits
// issuing card certificates.
func CheckCACertificate(certificate *x509.Certificate) error {
	usages := certificate.ExtKeyUsage
	switch {
	case !certificate.BasicConstraintsValid || !certificate.IsCA:
		return fmt.Errorf("%w: not a CA certificate", ErrCACertificate)
	case len(certificate.UnhandledCriticalExtensions) > 0:
		return fmt.Errorf("%w: unknown critical extension", ErrCACertificate)
	case hasExtension(certificate, oidKeyUsage) && certificate.KeyUsage&x509.KeyUsageCertSign == 0:
		return fmt.Errorf("%w: its key usage lacks certificate signing", ErrCACertificate)
	case hasExtension(certificate, oidExtendedKeyUsage) &&
		!slices.Contains(usages, x509.ExtKeyUsageClientAuth) && !slices.Contains(usages, x509.ExtKeyUsageAny):
		return fmt.Errorf("%w: its extended key usage lacks client authentication", ErrCACertificate)
	case hasExtension(certificate, oidNameConstraints):
		return fmt.Errorf("%w: it has name constraints", ErrCACertificate)
	}
	if err := checkCAKey(certificate.PublicKey); err != nil {
		return fmt.Errorf("%w: %w", ErrCACertificate, err)
	}
	if err := checkSignatureAlgorithm(certificate); err != nil {
		return fmt.Errorf("%w: %w", ErrCACertificate, err)
	}
	return nil
}

// checkCAKey rejects a CA's key that is too weak, or of an unknown kind.
func checkCAKey(key any) error {
	switch key := key.(type) {
	case *rsa.PublicKey:
		if bits := key.N.BitLen(); bits < minModulus {
			return fmt.Errorf("its key is RSA with %d bits", bits)
		}
	case *ecdsa.PublicKey:
		if bits := key.Curve.Params().BitSize; bits < minCurve {
			return fmt.Errorf("its key is on a curve of %d bits", bits)
		}
	case ed25519.PublicKey:
	default:
		return errors.New("its key is not RSA, ECDSA or Ed25519")
	}
	return nil
}

// checkSignatureAlgorithm rejects a certificate signed over a hash for which collisions
// are known.
func checkSignatureAlgorithm(certificate *x509.Certificate) error {
	switch certificate.SignatureAlgorithm {
	case x509.SHA256WithRSA, x509.SHA384WithRSA, x509.SHA512WithRSA,
		x509.SHA256WithRSAPSS, x509.SHA384WithRSAPSS, x509.SHA512WithRSAPSS,
		x509.ECDSAWithSHA256, x509.ECDSAWithSHA384, x509.ECDSAWithSHA512, x509.PureEd25519:
		return nil
	case x509.UnknownSignatureAlgorithm:
		return errors.New("it is signed with an unknown algorithm")
	}
	return fmt.Errorf("it is signed with %s", certificate.SignatureAlgorithm)
}

// anyPolicy is the policy of RFC 5280 §4.2.1.4 with that name.
const anyPolicy = "2.5.29.32.0"

// mayIssue returns an error if a CA certificate does not allow its key to sign the
// certificate. Either may have an unknown critical extension: then nobody knows what the
// signature means.
func mayIssue(ca, certificate *x509.Certificate) error {
	if err := CheckCACertificate(ca); err != nil {
		return err
	}
	if len(certificate.UnhandledCriticalExtensions) > 0 {
		return errors.New("the certificate has an unknown critical extension")
	}
	policies := certificate.Policies
	explicit := ca.RequireExplicitPolicyZero || ca.RequireExplicitPolicy > 0
	limited := len(ca.Policies) > 0 && !slices.ContainsFunc(ca.Policies, isAnyPolicy)
	switch {
	case explicit && len(policies) == 0:
		return errors.New("the certificate has no policy, which its CA requires")
	case limited && !slices.ContainsFunc(policies, func(p x509.OID) bool { return slices.ContainsFunc(ca.Policies, p.Equal) }):
		return errors.New("the certificate has none of its CA's policies")
	}
	return nil
}

func isAnyPolicy(policy x509.OID) bool { return policy.String() == anyPolicy }
