package registry_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/mykey"
	"github.com/mykeykit/mykeykit/mykey/registry"
)

// mac matches an independent implementation, and different parts give different MACs.
func TestMAC(t *testing.T) {
	secret := bytes.Repeat([]byte{7}, 32)
	key, err := mykey.NewKey(secret)
	require.NoError(t, err)
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte("mykeykit/purpose/v1\x00\x00\x00\x00\x06handle\x00\x00\x00\x02ns\x00\x00\x00\x01k"))
	assert.Equal(t, mac.Sum(nil), registry.MAC(key, "handle", []byte("ns"), []byte("k")))

	macs := map[string]bool{}
	for _, parts := range [][]string{{"ab", "c"}, {"a", "bc"}, {"abc"}, {"abc", ""}, {"", "abc"}} {
		var list [][]byte
		for _, part := range parts[1:] {
			list = append(list, []byte(part))
		}
		macs[string(registry.MAC(key, parts[0], list...))] = true
	}
	assert.Len(t, macs, 5)
	assert.Panics(t, func() { registry.MAC(mykey.Key{}, "handle") })
}
