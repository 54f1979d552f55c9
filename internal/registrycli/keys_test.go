package registrycli

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/cli"
)

// The command warns of a key that others may read or change, and of a public key that
// others may change.
//
// Faults: F95.
func TestExposedKeysAreReported(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	require.NoError(t, os.WriteFile(path, []byte("00ff"), 0o600))
	for mode, warned := range map[os.FileMode]map[KeyKind]bool{
		0o600: {}, 0o400: {}, 0o700: {},
		0o640: {SecretKey: true}, 0o604: {SecretKey: true}, 0o644: {SecretKey: true},
		0o620: {SecretKey: true, PublicKey: true}, 0o602: {SecretKey: true, PublicKey: true}, 0o666: {SecretKey: true, PublicKey: true},
	} {
		require.NoError(t, os.Chmod(path, mode))
		for _, kind := range []KeyKind{SecretKey, PublicKey} {
			for language, says := range map[string]string{"ja": "ほかのユーザーが、鍵ファイルの読み取りまたは変更ができます", "en": "other users can read or change"} {
				var stderr bytes.Buffer
				c, err := cli.New("kiosk", []string{"--lang", language}, io.Discard, &stderr, func(string) string { return "" })
				require.NoError(t, err)
				raw, err := ReadHex(c, path, kind)
				require.NoError(t, err)
				assert.Equal(t, []byte{0x00, 0xff}, raw)
				if warned[kind] {
					assert.Contains(t, stderr.String(), says, mode)
				} else {
					assert.Empty(t, stderr.String(), mode)
				}
			}
		}
	}
}
