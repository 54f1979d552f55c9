package ecdsasig_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"encoding/asn1"
	"math/big"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/ecdsasig"
)

// Each integer is as long as the curve's order, with leading zeros. Signatures of other keys are an error, not a panic.
func TestConcatenated(t *testing.T) {
	one, long := big.NewInt(1), new(big.Int).Lsh(big.NewInt(1), 256)
	der := func(r, s *big.Int) []byte {
		encoded, err := asn1.Marshal(struct{ R, S *big.Int }{r, s})
		require.NoError(t, err)
		return encoded
	}
	p256 := &ecdsa.PublicKey{Curve: elliptic.P256()}
	signature, err := ecdsasig.Concatenated(p256, der(one, big.NewInt(0x0203)))
	require.NoError(t, err)
	want := make([]byte, 64)
	want[31], want[62], want[63] = 1, 2, 3
	assert.Equal(t, want, signature)

	signature, err = ecdsasig.Concatenated(&ecdsa.PublicKey{Curve: elliptic.P384()}, der(long, one))
	require.NoError(t, err)
	assert.Len(t, signature, 96)

	for name, malformed := range map[string][]byte{
		"nothing": nil, "no sequence": {2, 1, 1}, "one integer": {0x30, 3, 2, 1, 1},
		"r too long": der(long, one), "s too long": der(one, long), "negative": der(one, big.NewInt(-1)),
	} {
		_, err := ecdsasig.Concatenated(p256, malformed)
		assert.Error(t, err, name)
	}
}
