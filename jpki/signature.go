package jpki

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"

	"github.com/mykeykit/mykeykit/apdu"
)

// Bits of an RSA modulus, and the public exponents that crypto/rsa verifies
// with. Cards of today have 2048 and 65537.
const (
	minModulus  = 2048
	maxModulus  = 4096
	minExponent = 3
	maxExponent = 1<<31 - 1
)

// Schemes of the card's PERFORM SECURITY OPERATION, its P1. Observed, the second
// on one kind of test card; not in a public specification.
const (
	schemePKCS1 = 0x00 // PKCS #1 v1.5 padding of whatever is sent
	schemePSS   = 0x04 // PSS of a SHA-256, MGF1 with SHA-256
)

var (
	// ErrUnsupportedSignature: a [Signer] does not make this kind of signature.
	// Nothing was sent. It wraps [errors.ErrUnsupported].
	ErrUnsupportedSignature = fmt.Errorf("signature: %w", errors.ErrUnsupported)
	// ErrNoPSS: this card can't sign with PSS. It wraps [errors.ErrUnsupported].
	ErrNoPSS = fmt.Errorf("PSS on this card: %w", errors.ErrUnsupported)
	// ErrDigestLength: the digest is not as long as its hash says. Nothing was
	// sent.
	ErrDigestLength = errors.New("digest of another length than its hash")
)

// digestInfo is the DER of a DigestInfo before the hash: RFC 8017 §9.2, note 1.
var digestInfo = map[crypto.Hash][]byte{
	crypto.SHA1:   {0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2B, 0x0E, 0x03, 0x02, 0x1A, 0x05, 0x00, 0x04, 0x14},
	crypto.SHA256: {0x30, 0x31, 0x30, 0x0D, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20},
	crypto.SHA384: {0x30, 0x41, 0x30, 0x0D, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02, 0x05, 0x00, 0x04, 0x30},
	crypto.SHA512: {0x30, 0x51, 0x30, 0x0D, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03, 0x05, 0x00, 0x04, 0x40},
}

// toSign is what a card is to sign, and how that is verified afterwards.
type toSign struct {
	scheme byte
	input  []byte
	verify func(key *rsa.PublicKey, signature []byte) error
}

// toSign is the signature that a caller of a [Signer] asked for. The padding is
// always made here or by the card: who can choose what is padded can have
// anything signed.
func (c config) toSign(digest []byte, options crypto.SignerOpts) (toSign, error) {
	pssOptions, salted := options.(*rsa.PSSOptions)
	var hash crypto.Hash
	if options != nil && (!salted || pssOptions != nil) {
		hash = options.HashFunc()
	}
	_, known := digestInfo[hash]
	switch {
	case hash == 0:
		return toSign{}, fmt.Errorf("%w: its options have no hash", ErrUnsupportedSignature)
	case !known, salted && hash != crypto.SHA256:
		return toSign{}, fmt.Errorf("%w: %v, with PSS %t", ErrUnsupportedSignature, hash, salted)
	case hash == crypto.SHA1 && !c.sha1:
		return toSign{}, fmt.Errorf("%w: SHA-1, unless allowed", ErrUnsupportedSignature)
	case len(digest) != hash.Size():
		return toSign{}, fmt.Errorf("%w: %d bytes of %v", ErrDigestLength, len(digest), hash)
	case salted:
		switch pssOptions.SaltLength {
		case rsa.PSSSaltLengthEqualsHash, rsa.PSSSaltLengthAuto, crypto.SHA256.Size():
			return pss(digest), nil
		}
		return toSign{}, fmt.Errorf("%w: a salt of %d bytes", ErrUnsupportedSignature, pssOptions.SaltLength)
	}
	return pkcs1(hash, digest), nil
}

// pkcs1 is a hash to be signed with PKCS #1 v1.5.
func pkcs1(hash crypto.Hash, digest []byte) toSign {
	return toSign{schemePKCS1, slices.Concat(digestInfo[hash], digest), func(key *rsa.PublicKey, signature []byte) error {
		return rsa.VerifyPKCS1v15(key, hash, digest, signature)
	}}
}

// pss is a SHA-256 to be signed with PSS, and a salt of its length: assumed of
// the card, and verified of its answer.
func pss(digest []byte) toSign {
	return toSign{schemePSS, digest, func(key *rsa.PublicKey, signature []byte) error {
		return rsa.VerifyPSS(key, crypto.SHA256, digest, signature, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
	}}
}

// sign has the card sign with a side's key, and verifies that with the
// certificate's. The side's secret must be verified.
//
// It fails with [ErrNoPossession] if what the card answers is not that signature,
// with [ErrPINRequired], [ErrNoPSS], or with the transmitter's error.
func (a *Application) sign(ctx context.Context, of *side, key *rsa.PublicKey, what toSign) ([]byte, error) {
	signature, err := a.perform(ctx, of, what.scheme, what.input, key.Size())
	var status apdu.Status
	switch {
	case errors.Is(err, apdu.StatusSecurityNotSatisfied) && !slices.Contains(a.verified, of):
		return nil, fmt.Errorf("%w: %w", ErrPINRequired, err)
	case errors.As(err, &status) && what.scheme == schemePSS && lacksScheme(status):
		return nil, fmt.Errorf("%w: %w", ErrNoPSS, err)
	case errors.As(err, &status), errors.Is(err, apdu.ErrExcessResponse):
		return nil, fmt.Errorf("%w: %w", ErrNoPossession, err)
	case err != nil:
		return nil, err // no answer proves nothing, to either side
	}
	if err := what.verify(key, signature); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoPossession, err)
	}
	return signature, nil
}

// hasPSS asks the card for PSS of a hash that is too short, so that nothing is
// ever signed: a card that has it says that the PIN is missing or, where another
// program left it verified, what is wrong with the hash.
func (a *Application) hasPSS(ctx context.Context, of *side) (bool, error) {
	_, err := a.perform(ctx, of, schemePSS, []byte{0}, minModulus/8)
	var status apdu.Status
	switch {
	case errors.Is(err, apdu.StatusSecurityNotSatisfied), errors.Is(err, apdu.StatusConditionsNotSatisfied), errors.Is(err, apdu.StatusWrongLength):
		return true, nil
	case err == nil, errors.As(err, &status):
		return false, nil
	}
	return false, err
}

func lacksScheme(s apdu.Status) bool {
	switch s {
	case apdu.StatusIncorrectP1P2, apdu.StatusFunctionNotSupported, apdu.StatusInstructionNotSupported:
		return true
	}
	return false
}

// perform sends PERFORM SECURITY OPERATION in this card's form: class 80, P1 the
// scheme, P2 the key. Observed; not in a public specification.
func (a *Application) perform(ctx context.Context, of *side, scheme byte, input []byte, size int) ([]byte, error) {
	var resp apdu.Response
	err := a.useFile(ctx, apdu.InsPerformSecurityOperation, of.key, func(sfi byte) (err error) {
		resp, err = a.channel.Send(ctx, apdu.Command{
			CLA: 0x80, INS: apdu.InsPerformSecurityOperation, P1: scheme, P2: 0x80 | sfi,
			Ne: size, Extended: size > apdu.MaxShortNe,
		}.WithData(input))
		if err == nil {
			err = resp.Err()
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("signature: %w", err)
	}
	return resp.Data(), nil
}

// usableKey refuses what no signature will verify with, before a PIN is sent
// for one.
func usableKey(certificate *x509.Certificate) (*rsa.PublicKey, error) {
	if err := canonicalKey(certificate); err != nil {
		return nil, err
	}
	key, ok := certificate.PublicKey.(*rsa.PublicKey)
	if !ok {
		return nil, fmt.Errorf("%w: %s", ErrUnsupportedKey, certificate.PublicKeyAlgorithm)
	}
	switch bits := key.N.BitLen(); {
	case bits < minModulus, bits > maxModulus:
		return nil, fmt.Errorf("%w: RSA with %d bits", ErrUnsupportedKey, bits)
	case key.N.Bit(0) == 0:
		return nil, fmt.Errorf("%w: RSA with an even modulus", ErrUnsupportedKey)
	case key.E < minExponent, key.E > maxExponent, key.E%2 == 0:
		return nil, fmt.Errorf("%w: RSA with exponent %d", ErrUnsupportedKey, key.E)
	}
	return key, nil
}
