package jpki

import (
	"context"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
)

var (
	// ErrNoPossession: the card did not prove that it holds the
	// certificate's key.
	ErrNoPossession = errors.New("card did not prove its key")
	// ErrUnsupportedKey: the certificate's key is of a kind that this
	// package can't use. It wraps [errors.ErrUnsupported].
	ErrUnsupportedKey = fmt.Errorf("certificate's key: %w", errors.ErrUnsupported)
)

// challengeDomain keeps what is signed here apart from anything else that the
// key may be asked to sign.
const challengeDomain = "mykeykit possession v1\x00"

// ProvePossession has the card sign 32 fresh random bytes with its
// authentication key and verifies that with the certificate's key. The PIN must
// be verified. Without error, whoever answered holds the key; that J-LIS issued
// the certificate is another question, for [Application.Chain].
//
// It fails with [ErrNoPossession] if the card's answer is no proof, with
// [ErrUnsupportedKey], [ErrMalformedCertificate] for another encoding of its key
// than DER's, or [ErrPINRequired], or with the transmitter's error.
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

	_, err = a.sign(ctx, authentication, key, pkcs1(crypto.SHA256, hash[:]))
	return err
}
