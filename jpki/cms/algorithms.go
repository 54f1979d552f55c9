package cms

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"encoding/asn1"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	tag "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/mykeykit/mykeykit/internal/ecdsasig"
)

// Object identifiers of RFC 5652, RFC 5035, RFC 5754, RFC 3161 and RFC 8017.
var (
	oidData                 = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1}
	oidSignedData           = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}
	oidTimestampInfo        = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 1, 4}
	oidContentType          = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 3}
	oidMessageDigest        = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 4}
	oidSigningTime          = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 5}
	oidTimestampToken       = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 14}
	oidSigningCertificateV2 = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 47}
	oidRSA                  = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 1}
)

// algorithm is a digest with its identifiers.
type algorithm struct {
	hash               crypto.Hash
	digest, rsa, ecdsa asn1.ObjectIdentifier
}

var algorithms = []algorithm{
	{crypto.SHA256, asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}, asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 11}, asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 2}},
	{crypto.SHA384, asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 2}, asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 12}, asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 3}},
	{crypto.SHA512, asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 3}, asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 13}, asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 4}},
}

// algorithmOf returns the algorithm of a hash, or [ErrAlgorithm].
func algorithmOf(hash crypto.Hash) (algorithm, error) {
	for _, a := range algorithms {
		if a.hash == hash {
			return a, nil
		}
	}
	return algorithm{}, fmt.Errorf("%w: digest %d", ErrAlgorithm, hash)
}

// algorithmByDigest returns the algorithm of a digest's identifier, or [ErrAlgorithm].
func algorithmByDigest(id asn1.ObjectIdentifier) (algorithm, error) {
	for _, a := range algorithms {
		if a.digest.Equal(id) {
			return a, nil
		}
	}
	return algorithm{}, fmt.Errorf("%w: digest %s", ErrAlgorithm, id)
}

func sum(hash crypto.Hash, data []byte) []byte {
	h := hash.New()
	h.Write(data)
	return h.Sum(nil)
}

// verify verifies the signature of a message. id is the signature's algorithm, which must be one of the
// key's and, if it names a digest, this one.
func (a algorithm) verify(key crypto.PublicKey, id asn1.ObjectIdentifier, message, signature []byte) error {
	digest := sum(a.hash, message)
	switch key := key.(type) {
	case *rsa.PublicKey:
		if !id.Equal(oidRSA) && !id.Equal(a.rsa) {
			return fmt.Errorf("%w: signature %s", ErrAlgorithm, id)
		}
		if rsa.VerifyPKCS1v15(key, a.hash, digest, signature) == nil {
			return nil
		}
	case *ecdsa.PublicKey:
		if !id.Equal(a.ecdsa) {
			return fmt.Errorf("%w: signature %s", ErrAlgorithm, id)
		}
		if ecdsa.VerifyASN1(key, digest, signature) {
			return nil
		}
	default:
		return fmt.Errorf("%w: key %T", ErrAlgorithm, key)
	}
	return ErrSignature
}

// signatureOf returns a signature in the form of a [revocation.Question]: for ECDSA, r and s in place of their DER.
func signatureOf(key crypto.PublicKey, signature []byte) ([]byte, error) {
	if key, ok := key.(*ecdsa.PublicKey); ok {
		return ecdsasig.Concatenated(key, signature)
	}
	return signature, nil
}

// addSignatureAlgorithm adds the identifier of a signature by the key.
func (a algorithm) addSignatureAlgorithm(b *cryptobyte.Builder, key crypto.PublicKey) {
	b.AddASN1(tag.SEQUENCE, func(b *cryptobyte.Builder) {
		if _, ok := key.(*ecdsa.PublicKey); ok {
			b.AddASN1ObjectIdentifier(a.ecdsa)
			return
		}
		b.AddASN1ObjectIdentifier(oidRSA)
		b.AddASN1NULL()
	})
}

// addDigestAlgorithm adds the identifier of the digest, without parameters (RFC 5754 §2).
func (a algorithm) addDigestAlgorithm(b *cryptobyte.Builder) {
	b.AddASN1(tag.SEQUENCE, func(b *cryptobyte.Builder) { b.AddASN1ObjectIdentifier(a.digest) })
}

// readAlgorithm reads an algorithm identifier whose parameters are absent or NULL.
func readAlgorithm(s *cryptobyte.String) (id asn1.ObjectIdentifier, ok bool) {
	var sequence cryptobyte.String
	if !s.ReadASN1(&sequence, tag.SEQUENCE) || !sequence.ReadASN1ObjectIdentifier(&id) {
		return nil, false
	}
	var null cryptobyte.String
	if !sequence.Empty() && (!sequence.ReadASN1(&null, tag.NULL) || !null.Empty()) {
		return nil, false
	}
	return id, sequence.Empty()
}
