package registry

import (
	"crypto/sha256"
	"encoding/binary"
)

// table is the table of an image's row, or another kind of entry in a record.
type table byte

const (
	reservationTable table = 'r'
	holderTable      table = 'h'
	applicationTable table = 'a'
	chainHeadEntry   table = 'c' // the head of a chain at a purge
	enrolledTable    table = 'e'
	exportEntry      table = 'x' // the number and the digest of exported applications
)

// action is the effect of a record on a row.
type action byte

const (
	actionAdded   action = '+'
	actionChanged action = '~'
	actionRelied  action = '=' // read by the change that the record describes
)

// image is the digest of a row in a record. A row that does not match its last image
// was not written by a terminal. A record also contains images of the rows that the
// change relied on, so that an altered row is detected even if a terminal has used and
// overwritten it.
type image struct {
	action  action
	table   table
	row     [16]byte // digest of the row's key
	version uint64   // of the row, from 1
	before  [32]byte // digest of the previous version, for actionChanged
	after   [32]byte // digest of this version
}

// versioned is a row that has an image.
type versioned interface {
	image() image
}

// addedImage returns the image of a new row.
func addedImage(v versioned) image {
	i := v.image()
	i.action = actionAdded
	return i
}

// reliedImage returns the image of a row that a change read.
func reliedImage(v versioned) image {
	i := v.image()
	i.action = actionRelied
	return i
}

// changedImage returns the image of a changed row.
func changedImage(before, after versioned) image {
	i := after.image()
	i.action, i.before = actionChanged, before.image().after
	return i
}

// appendTo appends the encoding of an image, 58 or 90 bytes.
func (i image) appendTo(b []byte) []byte {
	b = append(b, byte(i.action), byte(i.table))
	b = append(b, i.row[:]...)
	b = binary.BigEndian.AppendUint64(b, i.version)
	if i.action == actionChanged {
		b = append(b, i.before[:]...)
	}
	return append(b, i.after[:]...)
}

// parseImages decodes the images of a record.
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

// newImage returns the image of a version of a row, without an action.
func newImage(t table, version uint64, key []byte, columns ...[]byte) image {
	i := image{table: t, version: version}
	copy(i.row[:], digest("registry/row/v2", []byte{byte(t)}, key))
	copy(i.after[:], digest("registry/row/v2", append([][]byte{{byte(t)}, key, encodeNumber(version)}, columns...)...))
	return i
}

// digest returns the SHA-256 digest of a purpose and length-prefixed parts.
func digest(purpose string, parts ...[]byte) []byte {
	b := make([]byte, 0, 512) // on the stack
	b = append(append(append(b, "mykeykit/"...), purpose...), 0)
	sum := sha256.Sum256(appendParts(b, parts...))
	return sum[:]
}

// appendParts appends parts, each after its length, so that no two lists of parts have the
// same encoding.
func appendParts(b []byte, parts ...[]byte) []byte {
	for _, part := range parts {
		b = binary.BigEndian.AppendUint32(b, uint32(len(part)))
		b = append(b, part...)
	}
	return b
}

// encodeNumber encodes a number for a digest.
func encodeNumber[N int64 | uint32 | uint64](n N) []byte {
	return binary.BigEndian.AppendUint64(nil, uint64(n))
}
