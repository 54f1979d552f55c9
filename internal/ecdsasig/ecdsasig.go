// Package ecdsasig converts ECDSA signatures. A card answers r and s, each as long as the curve's order, and evidence
// has the same form. Package crypto/ecdsa and CMS have both integers in a DER sequence.
package ecdsasig

import (
	"crypto/ecdsa"
	"errors"
	"math/big"
	"slices"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// Concatenated returns r and s of a signature in DER by a key, each as long as the curve's order. It returns an error if
// the signature is malformed, or if r or s is negative or longer than that.
func Concatenated(key *ecdsa.PublicKey, der []byte) ([]byte, error) {
	size := (key.Curve.Params().N.BitLen() + 7) / 8
	var r, s big.Int
	var pair cryptobyte.String
	input := cryptobyte.String(der)
	if !input.ReadASN1(&pair, asn1.SEQUENCE) || !pair.ReadASN1Integer(&r) || !pair.ReadASN1Integer(&s) {
		return nil, errors.New("malformed ECDSA signature")
	}
	for _, n := range []*big.Int{&r, &s} {
		if n.Sign() < 0 || n.BitLen() > 8*size {
			return nil, errors.New("ECDSA signature does not fit the key")
		}
	}
	return slices.Concat(r.FillBytes(make([]byte, size)), s.FillBytes(make([]byte, size))), nil
}
