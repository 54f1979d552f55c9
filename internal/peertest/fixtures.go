// Package peertest finds the files that other projects have published and that tests compare with.
// They are not in this repository: "make peers" gets them.
package peertest

import (
	"bytes"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/hex"
	"math/big"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/apdu/tlv"
	"github.com/mykeykit/mykeykit/internal/record"
	"github.com/mykeykit/mykeykit/jpki/cvc"
)

// Variable names the folder of the crate myna-card. Its tests/fixtures are files of a test card of
// J-LIS, whose holder is synthetic.
const Variable = "MYKEYKIT_MYNA_CARD"

// File returns a file of the test card. It skips the test if the crate is not there.
func File(t testing.TB, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(Folder(t), "tests", "fixtures", name))
	require.NoError(t, err)
	return content
}

// Folder returns the folder of the crate. It skips the test if it is not there.
func Folder(t testing.TB) string {
	t.Helper()
	folder := os.Getenv(Variable)
	if folder == "" {
		t.Skip("the files of a test card are not here: see make peers")
	}
	return folder
}

// authorities are the SHA-256 digests of the moduli of the authorities of test cards.
var authorities = map[string]string{
	"6000023": "df70444dbe6841ec03267c25cf1bd35ff30ef8044da34ff5eedd0719e6f14530",
	"6000033": "690db1b2d7b9994764a81982bc1e4cd76d9e92d0a33a895b2e71a0be8356f1ae",
}

var hexByte = regexp.MustCompile(`0x([0-9A-Fa-f]{2})`)

// Authority returns an authority of test cards, whose key is in the crate's source.
func Authority(t testing.TB, id string) cvc.Authority {
	t.Helper()
	source, err := os.ReadFile(filepath.Join(Folder(t), "src", "ca.rs"))
	require.NoError(t, err)
	found := regexp.MustCompile(`(?s)MODULUS_` + id + `: &\[u8; 256\] = &\[(.*?)\];`).FindSubmatch(source)
	require.NotNil(t, found)
	var digits []byte
	for _, b := range hexByte.FindAllSubmatch(found[1], -1) {
		digits = append(digits, b[1]...)
	}
	modulus, err := hex.DecodeString(string(digits))
	require.NoError(t, err)
	sum := sha256.Sum256(modulus)
	require.Equal(t, authorities[id], hex.EncodeToString(sum[:]))
	return cvc.Authority{ID: id, Key: &rsa.PublicKey{N: new(big.Int).SetBytes(modulus), E: 65537}}
}

// RangeOf returns the bytes of a file that an element with a tag of two bytes takes, header included.
func RangeOf(t testing.TB, file []byte, template, tag tlv.Tag) (from, to int) {
	t.Helper()
	r, err := record.Parse(file, template)
	require.NoError(t, err)
	raw := r.Raw(tag)
	require.NotEmpty(t, raw)
	from = bytes.Index(file, raw)
	return from, from + len(raw)
}

// Flips calls try with copies of content, each with another bit changed.
func Flips(content []byte, try func(bit int, changed []byte)) {
	for bit := range 8 * len(content) {
		changed := append([]byte(nil), content...)
		changed[bit/8] ^= 1 << (bit % 8)
		try(bit, changed)
	}
}
