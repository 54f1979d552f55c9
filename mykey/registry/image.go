package registry

import (
	"crypto/sha256"
	"encoding/binary"
)

// table is one whose rows the audit log vouches for, or something else that a
// record states.
type table byte

const (
	reservationTable table = 'r'
	holderTable      table = 'h'
	applicationTable table = 'a'
	chainHeadEntry   table = 'c' // the end of a chain up to which all rows were purged
	exportEntry      table = 'x' // how many applications an export held, and which
)

// act is what a record did with a row.
type action byte

const (
	actionAdded   action = '+'
	actionChanged action = '~'
	actionRelied  action = '=' // read, and the record depends on it
)

// image says in a record what a row was made into: a row that is in another state
// was not written by a terminal. What a change relies on is there too, so that a
// terminal that was deceived by an altered row does not cover that up.
type image struct {
	action  action
	table   table
	row     [16]byte // digest of the row's key
	version uint64   // counts the row's states from 1
	before  [32]byte // digest of the row, if it was changed
	after   [32]byte
}

// versioned is a row with its digest.
type versioned interface {
	image() image
}

// add is the image of a new row, and rely of one that was read.
func addedImage(v versioned) image {
	i := v.image()
	i.action = actionAdded
	return i
}

func reliedImage(v versioned) image {
	i := v.image()
	i.action = actionRelied
	return i
}

// alter is the image of a changed row.
func changedImage(before, after versioned) image {
	i := after.image()
	i.action, i.before = actionChanged, before.image().after
	return i
}

// append encodes an image, of 58 bytes or 90.
func (i image) appendTo(b []byte) []byte {
	b = append(b, byte(i.action), byte(i.table))
	b = append(b, i.row[:]...)
	b = binary.BigEndian.AppendUint64(b, i.version)
	if i.action == actionChanged {
		b = append(b, i.before[:]...)
	}
	return append(b, i.after[:]...)
}

// parseImages reads what append wrote.
func parseImages(b []byte) (images []image, ok bool) {
	for len(b) > 0 {
		var i image
		var header [2 + len(i.row) + 8]byte
		n := copy(header[:], b)
		i.action, i.table = action(header[0]), table(header[1])
		copy(i.row[:], header[2:])
		i.version = binary.BigEndian.Uint64(header[2+len(i.row):])
		digests := [][]byte{i.after[:]}
		switch i.action {
		case actionAdded, actionRelied:
		case actionChanged:
			digests = [][]byte{i.before[:], i.after[:]}
		default:
			return nil, false
		}
		for _, d := range digests {
			n += copy(d, b[min(n, len(b)):])
		}
		if n < len(header)+len(digests)*len(i.after) {
			return nil, false
		}
		images, b = append(images, i), b[n:]
	}
	return images, true
}

// imageOf makes the image of a row in its current state.
func newImage(t table, version uint64, key []byte, columns ...[]byte) image {
	i := image{table: t, version: version}
	copy(i.row[:], digest("registry/row/v2", []byte{byte(t)}, key))
	copy(i.after[:], digest("registry/row/v2", append([][]byte{{byte(t)}, key, encodeNumber(version)}, columns...)...))
	return i
}

// digest is SHA-256 for a purpose, of parts that are kept apart by their lengths.
func digest(purpose string, parts ...[]byte) []byte {
	b := []byte("mykeykit/")
	b = append(append(b, purpose...), 0)
	for _, part := range parts {
		b = binary.BigEndian.AppendUint32(b, uint32(len(part)))
		b = append(b, part...)
	}
	sum := sha256.Sum256(b)
	return sum[:]
}

// number is a number as the digests take it.
func encodeNumber[N int64 | uint32 | uint64](n N) []byte {
	return binary.BigEndian.AppendUint64(nil, uint64(n))
}
