package registry

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

// Images read back as they were written, and nothing else is images.
func FuzzParseImages(f *testing.F) {
	one := image{act: added, table: ofHolder, version: 1}
	two := image{act: changed, table: ofReservation, version: 1 << 63}
	f.Add([]byte{})
	f.Add(one.append(nil))
	f.Add(two.append(one.append(nil)))
	f.Add(two.append(nil)[:89])
	f.Add(append(one.append(nil), '+'))
	f.Add([]byte("x"))
	f.Fuzz(func(t *testing.T, encoded []byte) {
		images, ok := parseImages(encoded)
		if !ok {
			require.Nil(t, images)
			return
		}
		var again []byte
		for _, i := range images {
			again = i.append(again)
		}
		require.True(t, bytes.Equal(encoded, again))
	})
}
