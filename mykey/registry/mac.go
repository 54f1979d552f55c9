package registry

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"

	"github.com/mykeykit/mykeykit/mykey"
)

// mac returns the HMAC-SHA-256 of a purpose and length-prefixed parts. Different purposes and
// parts have different inputs, which also differ from those of identifiers. It panics if the key
// is the zero Key.
func mac(key mykey.Key, purpose string, parts ...[]byte) []byte {
	text := key.RevealText()
	defer clear(text)
	secret := make([]byte, hex.DecodedLen(len(text)))
	defer clear(secret)
	n, err := hex.Decode(secret, bytes.TrimSpace(text))
	if n == 0 || err != nil {
		panic("registry: zero key")
	}
	b := appendParts([]byte("mykeykit/purpose/v1\x00"), []byte(purpose))
	b = appendParts(b, parts...)
	defer clear(b) // parts may be secret
	h := hmac.New(sha256.New, secret[:n])
	h.Write(b)
	return h.Sum(nil)
}
