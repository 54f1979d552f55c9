package mykey_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"encoding/hex"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/unicode/norm"

	"github.com/mykeykit/mykeykit/mykey"
)

// A text is a key if it is at least 32 bytes in hexadecimal that are not all zero.
// RevealText reads back, and errors quote no part of it.
func FuzzParseKey(f *testing.F) {
	for _, text := range []string{
		strings.Repeat("a5", 32), strings.Repeat("A5", 40) + "\r\n", strings.Repeat("00", 32), strings.Repeat("a5", 31), "", "zz", "a5\x00",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		before := bytes.Clone(text)
		key, err := mykey.ParseKey(text)
		require.Equal(t, before, text, "ParseKey must not change its argument")

		want, hexErr := hex.DecodeString(strings.TrimSpace(string(text)))
		if hexErr != nil || len(want) < 32 || bytes.Equal(want, make([]byte, len(want))) {
			require.ErrorIs(t, err, mykey.ErrKey)
			require.Less(t, len(err.Error()), 60)
			require.Empty(t, key.RevealText())
			return
		}
		require.NoError(t, err)
		require.Equal(t, hex.EncodeToString(want)+"\n", string(key.RevealText()))
		revealed, err := mykey.ParseKey(key.RevealText())
		require.NoError(t, err)
		require.Equal(t, key.ID(), revealed.ID())
	})
}

// Names of namespaces are checked, and an identifier is what the documentation says,
// computed here in another way.
func FuzzNamespace(f *testing.F) {
	for _, name := range []string{"library.example.jp", "見本市/図書館", "か\u3099", "", "line\nfeed", "\xff", "\u202ename", strings.Repeat("a", 256)} {
		f.Add(name, []byte("a public key"), uint32(0))
	}
	secret := bytes.Repeat([]byte{7}, 32)
	key, err := mykey.NewKey(secret)
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, name string, spki []byte, attempt uint32) {
		ns, err := mykey.NewNamespace(name, key)
		control := strings.IndexFunc(name, unicode.IsControl) >= 0
		if name == "" || len(name) > 255 || !utf8.ValidString(name) || norm.NFC.String(name) != name || control {
			require.ErrorIs(t, err, mykey.ErrNamespace)
			require.Nil(t, ns)
			return
		}
		require.NoError(t, err)
		require.Equal(t, name, ns.Name())

		id := ns.DeriveKey(spki, attempt)
		fingerprint := sha256.Sum256(spki)
		mac := hmac.New(sha256.New, secret)
		mac.Write([]byte("mykeykit/mykey/v1\x00"))
		require.NoError(t, binary.Write(mac, binary.BigEndian, uint32(len(name))))
		mac.Write([]byte(name))
		require.NoError(t, binary.Write(mac, binary.BigEndian, attempt))
		mac.Write(fingerprint[:])
		require.Equal(t, base32.NewEncoding("0123456789ABCDEFGHJKMNPQRSTVWXYZ").EncodeToString(mac.Sum(nil)[:5]), id.String())
	})
}
