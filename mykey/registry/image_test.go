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

// What records say of a row has to be one history, whoever signed them.
func TestRecordsTellOneHistory(t *testing.T) {
	v := func(act act, version uint64) image {
		return image{act: act, table: ofReservation, version: version, before: [32]byte{byte(version - 1)}, after: [32]byte{byte(version)}}
	}
	wrong := v(relied, 1)
	wrong.after[0]++
	for name, tt := range map[string]struct {
		images []image
		ok     bool
	}{
		"made and changed":             {[]image{v(added, 1), v(changed, 2), v(relied, 2), v(changed, 3)}, true},
		"relied on by another chain":   {[]image{v(relied, 4), v(changed, 5)}, true},
		"made twice":                   {[]image{v(added, 1), v(added, 1)}, false},
		"made in its second version":   {[]image{v(added, 2)}, false},
		"changed into its first":       {[]image{v(changed, 1)}, false},
		"without a version":            {[]image{v(added, 0)}, false},
		"another than was made":        {[]image{v(added, 1), wrong}, false},
		"relied on after it changed":   {[]image{v(added, 1), v(changed, 2), v(relied, 1)}, false},
		"changed twice into the same":  {[]image{v(added, 1), v(changed, 2), v(changed, 2)}, false},
		"relied on before what it saw": {[]image{v(relied, 5), v(relied, 4)}, false},
	} {
		t.Run(name, func(t *testing.T) {
			l := &ledger{states: map[state][32]byte{}, latest: map[state]uint64{}, rows: map[table]int64{}}
			reason := ""
			for _, i := range tt.images {
				if reason == "" {
					reason = l.apply(i, record{})
				}
			}
			require.Equal(t, tt.ok, reason == "", reason)
		})
	}
}
