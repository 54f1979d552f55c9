package registry

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

// parseImages accepts exactly what appendTo writes.
func FuzzParseImages(f *testing.F) {
	addedHolder := image{action: actionAdded, table: holderTable, version: 1}
	changedReservation := image{action: actionChanged, table: reservationTable, version: 1 << 63}
	f.Add([]byte{})
	f.Add(addedHolder.appendTo(nil))
	f.Add(changedReservation.appendTo(addedHolder.appendTo(nil)))
	f.Add(changedReservation.appendTo(nil)[:89])
	f.Add(append(addedHolder.appendTo(nil), '+'))
	f.Add([]byte("x"))
	f.Fuzz(func(t *testing.T, encoded []byte) {
		images, ok := parseImages(encoded)
		if !ok {
			require.Nil(t, images)
			return
		}
		var reencoded []byte
		for _, i := range images {
			reencoded = i.appendTo(reencoded)
		}
		require.True(t, bytes.Equal(encoded, reencoded))
	})
}

// The images of a row in all records must form one sequence of versions.
func TestContradictoryImagesAreDetected(t *testing.T) {
	v := func(act action, version uint64) image {
		return image{action: act, table: reservationTable, version: version, before: [32]byte{byte(version - 1)}, after: [32]byte{byte(version)}}
	}
	wrong := v(actionRelied, 1)
	wrong.after[0]++
	for name, tt := range map[string]struct {
		images []image
		ok     bool
	}{
		"added and changed":            {[]image{v(actionAdded, 1), v(actionChanged, 2), v(actionRelied, 2), v(actionChanged, 3)}, true},
		"relied on by another chain":   {[]image{v(actionRelied, 4), v(actionChanged, 5)}, true},
		"added twice":                  {[]image{v(actionAdded, 1), v(actionAdded, 1)}, false},
		"added in version 2":           {[]image{v(actionAdded, 2)}, false},
		"changed into version 1":       {[]image{v(actionChanged, 1)}, false},
		"version 0":                    {[]image{v(actionAdded, 0)}, false},
		"relied on other content":      {[]image{v(actionAdded, 1), wrong}, false},
		"relied on an old version":     {[]image{v(actionAdded, 1), v(actionChanged, 2), v(actionRelied, 1)}, false},
		"changed into version 2 twice": {[]image{v(actionAdded, 1), v(actionChanged, 2), v(actionChanged, 2)}, false},
		"relied on an earlier version": {[]image{v(actionRelied, 5), v(actionRelied, 4)}, false},
	} {
		t.Run(name, func(t *testing.T) {
			h := history{states: map[uint64][32]byte{}}
			reason := ""
			for _, i := range tt.images {
				if reason == "" {
					reason = h.add(entry{image: i})
				}
			}
			require.Equal(t, tt.ok, reason == "", reason)
		})
	}
}
