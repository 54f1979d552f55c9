package jpki

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/mykeykit/mykeykit/apdu"
)

var (
	// ErrNoPossession: the card did not prove that it holds the
	// certificate's key.
	ErrNoPossession = errors.New("card did not prove its key")
	// ErrUnsupportedKey: the certificate's key is of a kind that this
	// package can't use. It wraps [errors.ErrUnsupported].
	ErrUnsupportedKey = fmt.Errorf("certificate's key: %w", errors.ErrUnsupported)
)

// Bits of an RSA modulus, and the public exponents that crypto/rsa verifies
// with. Cards of today have 2048 and 65537.
const (
	minModulus  = 2048
	maxModulus  = 4096
	minExponent = 3
	maxExponent = 1<<31 - 1
)

// challengeDomain keeps what is signed here apart from anything else that the
// key may be asked to sign.
const challengeDomain = "mykeykit possession v1\x00"

// sha256Prefix is the DigestInfo of SHA-256 without the hash: RFC 8017 §9.2,
// note 1.
var sha256Prefix = []byte{
	0x30, 0x31, 0x30, 0x0D, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20,
}

// ProvePossession has the card sign 32 fresh random bytes with its
// authentication key and verifies that with the certificate's key. The PIN must
// be verified. Without error, whoever answered holds the key; that J-LIS issued
// the certificate is another question, for [Application.Chain].
//
// It fails with [ErrNoPossession] if the card's answer is no proof, with
// [ErrUnsupportedKey] or [ErrPINRequired], or with the transmitter's error.
// The option [WithRandom] matters here.
func (a *Application) ProvePossession(ctx context.Context, certificate *x509.Certificate) error {
	key, err := usableKey(certificate)
	if err != nil {
		return err
	}
	challenge := make([]byte, 32)
	if _, err := io.ReadFull(a.config.random, challenge); err != nil {
		return fmt.Errorf("challenge: %w", err)
	}
	hash := sha256.Sum256(append([]byte(challengeDomain), challenge...))

	signature, err := a.sign(ctx, slices.Concat(sha256Prefix, hash[:]), key.Size())
	var status apdu.Status
	switch {
	case errors.Is(err, apdu.StatusSecurityNotSatisfied) && !a.verified:
		return fmt.Errorf("%w: %w", ErrPINRequired, err)
	case errors.As(err, &status), errors.Is(err, apdu.ErrExcessResponse):
		return fmt.Errorf("%w: %w", ErrNoPossession, err)
	case err != nil:
		return err // no answer proves nothing, to either side
	}
	if err := rsa.VerifyPKCS1v15(key, crypto.SHA256, hash[:], signature); err != nil {
		return fmt.Errorf("%w: %w", ErrNoPossession, err)
	}
	return nil
}

// usableKey refuses what no signature will verify with, before a PIN is sent
// for one.
func usableKey(certificate *x509.Certificate) (*rsa.PublicKey, error) {
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

// sign sends PERFORM SECURITY OPERATION in this card's form: class 80, P1=00
// (PKCS #1 v1.5 padding of whatever is sent), P2 the key. Observed; not in a
// public specification.
func (a *Application) sign(ctx context.Context, input []byte, size int) ([]byte, error) {
	reference, err := a.reference(ctx, efAuthKey)
	if err != nil {
		return nil, err
	}
	resp, err := a.channel.Send(ctx, apdu.Command{
		CLA: 0x80, INS: apdu.InsPerformSecurityOperation, P2: reference, Data: input,
		Ne: size, Extended: size > apdu.MaxShortNe,
	})
	if err == nil {
		err = resp.Err()
	}
	if err != nil {
		return nil, fmt.Errorf("signature: %w", err)
	}
	return resp.Data, nil
}
