package jpki

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
)

// ErrCACertificate: a CA certificate can't be used to verify cards' certificates.
var ErrCACertificate = errors.New("CA certificate can't be used")

// minCurve is the least size of an elliptic curve, in bits.
const minCurve = 256

// CheckCACertificate returns an error that matches [ErrCACertificate] if a
// certificate can't be that of an issuer of cards' certificates:
//
//   - it is none of a CA, or its key usage, where it has one, is not signing
//     certificates;
//   - its extended key usage, where it has one, is not client authentication or any;
//   - it has name constraints, which are not evaluated, or something critical that
//     is not understood;
//   - its key is weaker than RSA with 2048 bits or a curve of 256, or of another
//     kind;
//   - it is signed over MD5 or SHA-1, or in an unknown way.
//
// [WithChain] and [RequireChain] refuse such an issuer, before a PIN is sent. A
// program that reads CA certificates from a file calls this to tell its operator at
// once. That a certificate has expired is not looked at, nor is a path length: a
// card's certificate is no CA's, so every length allows it.
func CheckCACertificate(certificate *x509.Certificate) error {
	usages := certificate.ExtKeyUsage
	switch {
	case !certificate.BasicConstraintsValid || !certificate.IsCA:
		return fmt.Errorf("%w: it is not a CA's", ErrCACertificate)
	case len(certificate.UnhandledCriticalExtensions) > 0:
		return fmt.Errorf("%w: it has a critical extension that is not understood", ErrCACertificate)
	case hasExtension(certificate, oidKeyUsage) && certificate.KeyUsage&x509.KeyUsageCertSign == 0:
		return fmt.Errorf("%w: its key usage is not signing certificates", ErrCACertificate)
	case hasExtension(certificate, oidExtendedKeyUsage) &&
		!slices.Contains(usages, x509.ExtKeyUsageClientAuth) && !slices.Contains(usages, x509.ExtKeyUsageAny):
		return fmt.Errorf("%w: its extended key usage is not client authentication", ErrCACertificate)
	case hasExtension(certificate, oidNameConstraints):
		return fmt.Errorf("%w: it has name constraints", ErrCACertificate)
	}
	if err := strongKey(certificate.PublicKey); err != nil {
		return fmt.Errorf("%w: %w", ErrCACertificate, err)
	}
	if err := signedStrongly(certificate); err != nil {
		return fmt.Errorf("%w: %w", ErrCACertificate, err)
	}
	return nil
}

// strongKey refuses a CA's key that is too weak, or of a kind that isn't used.
func strongKey(key any) error {
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
		return errors.New("its key is of another kind than RSA, ECDSA and Ed25519")
	}
	return nil
}

// signedStrongly refuses a certificate over a hash whose collisions can be made.
func signedStrongly(certificate *x509.Certificate) error {
	switch certificate.SignatureAlgorithm {
	case x509.SHA256WithRSA, x509.SHA384WithRSA, x509.SHA512WithRSA,
		x509.SHA256WithRSAPSS, x509.SHA384WithRSAPSS, x509.SHA512WithRSAPSS,
		x509.ECDSAWithSHA256, x509.ECDSAWithSHA384, x509.ECDSAWithSHA512, x509.PureEd25519:
		return nil
	case x509.UnknownSignatureAlgorithm:
		return errors.New("it is signed in an unknown way")
	}
	return fmt.Errorf("it is signed with %s", certificate.SignatureAlgorithm)
}

// anyPolicy is RFC 5280 §4.2.1.4's.
const anyPolicy = "2.5.29.32.0"

// mayIssue returns an error if a CA certificate doesn't allow its key to have signed
// a card's certificate. Either may say something critical that is not understood:
// then it is not known what the signature means.
func mayIssue(ca, certificate *x509.Certificate) error {
	if err := CheckCACertificate(ca); err != nil {
		return err
	}
	if len(certificate.UnhandledCriticalExtensions) > 0 {
		return errors.New("the certificate has a critical extension that is not understood")
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
