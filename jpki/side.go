package jpki

import (
	"context"
	"crypto/x509"
)

// side is one of the card's two keys, with the secret that opens it and the
// certificate that goes with it.
type side struct {
	secret  byte // files
	key     byte
	maximum int // wrong entries

	// ready finds what speaks against sending the secret, and the authentication
	// certificate, by which cards are told apart: nil where it isn't shown.
	ready func(*Application, context.Context) (Counter, *x509.Certificate, error)
	// certificate reads the side's certificate, and refuses one that could not be
	// used.
	certificate func(*Application, context.Context) (*x509.Certificate, error)
}

var (
	authentication = &side{secret: efAuthPIN, key: efAuthKey, maximum: MaxAuthPIN}
	signing        = &side{secret: efSignaturePassword, key: efSignatureKey, maximum: MaxSignaturePassword}
)

func init() { // they refer to each other
	authentication.ready, authentication.certificate = (*Application).ready, (*Application).usableCertificate
	signing.ready, signing.certificate = (*Application).readyToSign, (*Application).usableSignatureCertificate
}

// refused says why a secret was not sent.
func (s *side) refused(reason error, counter Counter) *PINError {
	return &PINError{Reason: reason, Password: s == signing, Remaining: counter.Remaining, Known: true}
}
