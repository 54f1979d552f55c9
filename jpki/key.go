package jpki

import (
	"context"
	"crypto/ecdsa"
	"crypto/x509"
	"fmt"

	"github.com/mykeykit/mykeykit/internal/generation"
	"github.com/mykeykit/mykeykit/jpki/trust"
)

// cardKey is one of the two keys of a card's generation, with what a certificate of its
// kind has to be.
type cardKey struct {
	*generation.Key
	checkKind func(*x509.Certificate) error
}

func (a *Application) authentication() *cardKey {
	return &cardKey{&a.generation.Authentication, trust.CheckAuthenticationCertificate}
}

func (a *Application) signature() *cardKey {
	return &cardKey{&a.generation.Signature, trust.CheckSignatureCertificate}
}

// checkKey returns an error if the card can't sign with the key in a certificate.
func (k *cardKey) checkKey(certificate *x509.Certificate) error {
	if err := trust.CheckKey(certificate); err != nil {
		return err
	}
	algorithm := generation.PKCS1
	if _, ok := certificate.PublicKey.(*ecdsa.PublicKey); ok {
		algorithm = generation.ECDSA
	}
	if _, ok := k.Scheme(algorithm); !ok {
		return fmt.Errorf("%w: %s on this card", trust.ErrUnsupportedKey, certificate.PublicKeyAlgorithm)
	}
	return nil
}

// keyChoice chooses a key of an application. A Signer needs it, since it connects again for
// each signature.
type keyChoice struct {
	key func(*Application) *cardKey
	// ready finds out whether a secret may be sent.
	ready func(*Application, context.Context) (ready, error)
	// certificate reads the key's certificate and rejects one that can't be used.
	certificate func(*Application, context.Context) (*x509.Certificate, error)
}

var (
	authenticationKey = keyChoice{(*Application).authentication, (*Application).ready, (*Application).usableCertificate}
	signatureKey      = keyChoice{(*Application).signature, (*Application).readyToSign, (*Application).usableSignatureCertificate}
)
