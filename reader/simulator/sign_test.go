package simulator_test

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/reader/simulator"
)

func TestSignatureSchemes(t *testing.T) {
	card := poweredCard(t, simulator.Contact)
	public := certificate(t, card, 0x0A).PublicKey.(*rsa.PublicKey)
	require.Equal(t, "9000", hex.EncodeToString(exchange(t, card, verify1234)))

	message := []byte("what is signed")
	hash := sha256.Sum256(message)
	digestInfo := append(unhex(t, "3031300D060960864801650304020105000420"), hash[:]...)
	pkcs1 := func(h crypto.Hash, b []byte) func([]byte) error {
		return func(s []byte) error { return rsa.VerifyPKCS1v15(public, h, b, s) }
	}
	pss := func(s []byte) error {
		return rsa.VerifyPSS(public, crypto.SHA256, hash[:], s, &rsa.PSSOptions{SaltLength: 32})
	}
	for _, tt := range []struct {
		scheme byte
		input  []byte
		verify func([]byte) error
	}{
		{0x00, digestInfo, pkcs1(crypto.SHA256, hash[:])},
		{0x00, message, pkcs1(0, message)},
		{0x00, bytes.Repeat([]byte{1}, 245), pkcs1(0, bytes.Repeat([]byte{1}, 245))},
		{0x01, message, pkcs1(0, hash[:])},
		{0x02, hash[:], pkcs1(crypto.SHA256, hash[:])},
		{0x03, message, pkcs1(crypto.SHA256, hash[:])},
		{0x04, hash[:], pss},
		{0x05, message, pss},
	} {
		command := append([]byte{0x80, 0x2A, tt.scheme, 0x97, byte(len(tt.input))}, tt.input...)
		response := card.Exchange(append(command, 0x00))
		require.Len(t, response, 258, "scheme %02X", tt.scheme)
		assert.NoError(t, tt.verify(response[:256]), "scheme %02X", tt.scheme)
	}
	tooLong := append([]byte{0x80, 0x2A, 0x00, 0x97, 246}, make([]byte, 246)...)
	assert.Equal(t, "6700", hex.EncodeToString(card.Exchange(append(tooLong, 0x00))))
}

func TestWithoutPSS(t *testing.T) {
	card := poweredCard(t, simulator.Contact, simulator.WithoutPSS())
	exchange(t, card, verify1234)
	for scheme, want := range map[byte]string{0x03: "9000", 0x04: "6a86", 0x05: "6a86"} {
		response := card.Exchange(append(append([]byte{0x80, 0x2A, scheme, 0x97, 32}, make([]byte, 32)...), 0x00))
		assert.Equal(t, want, hex.EncodeToString(response[len(response)-2:]), "scheme %02X", scheme)
	}
}
