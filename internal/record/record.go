// Package record reads the records in the files of the card's text and visual applications: a
// TLV template with elements of unique tags. Elements with unknown tags are kept, because later
// cards have more of them.
//
// The lengths in these files need not be minimal, and the template need not fill the file
// (observed; not in a public specification).
package record

import (
	"errors"
	"fmt"

	"github.com/mykeykit/mykeykit/apdu/tlv"
)

// ErrMalformed reports a file without the record, or a record that is malformed.
var ErrMalformed = errors.New("malformed record")

// maxElements bounds the elements of a record.
const maxElements = 64

// Record is a parsed record.
type Record struct {
	value    []byte
	elements []tlv.Element
}

// Parse reads the record that a file starts with. It returns [ErrMalformed], which wraps the
// error of package tlv.
func Parse(file []byte, template tlv.Tag) (Record, error) {
	e, _, err := tlv.Read(file, tlv.AllowLongLengths())
	switch {
	case err != nil:
		return Record{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	case e.Tag != template:
		return Record{}, fmt.Errorf("%w: tag %v in place of %v", ErrMalformed, e.Tag, template)
	}
	r := Record{value: e.Value()}
	for e, err := range tlv.All(r.value, tlv.AllowLongLengths()) {
		switch {
		case err != nil:
			return Record{}, fmt.Errorf("%w: %w", ErrMalformed, err)
		case r.find(e.Tag) >= 0:
			return Record{}, fmt.Errorf("%w: two elements %v", ErrMalformed, e.Tag)
		case len(r.elements) == maxElements:
			return Record{}, fmt.Errorf("%w: more than %d elements", ErrMalformed, maxElements)
		}
		r.elements = append(r.elements, e)
	}
	return r, nil
}

func (r Record) find(tag tlv.Tag) int {
	for i, e := range r.elements {
		if e.Tag == tag {
			return i
		}
	}
	return -1
}

// Value returns the value of an element, nil if there is none.
func (r Record) Value(tag tlv.Tag) []byte {
	if i := r.find(tag); i >= 0 {
		return r.elements[i].Value()
	}
	return nil
}

// Values returns the values of elements. It returns [ErrMalformed] if one is missing or empty.
func (r Record) Values(tags ...tlv.Tag) ([][]byte, error) {
	values := make([][]byte, len(tags))
	for i, tag := range tags {
		if values[i] = r.Value(tag); len(values[i]) == 0 {
			return nil, fmt.Errorf("%w: no element %v", ErrMalformed, tag)
		}
	}
	return values, nil
}

// Raw returns the encodings of elements, one after the other, as they are in the file.
func (r Record) Raw(tags ...tlv.Tag) (raw []byte) {
	for _, tag := range tags {
		if i := r.find(tag); i >= 0 {
			raw = append(raw, r.elements[i].Raw()...)
		}
	}
	return raw
}

// AfterFirst returns everything after the first element, which must have a tag: a signature that
// covers the rest covers no element before it.
func (r Record) AfterFirst(tag tlv.Tag) ([]byte, error) {
	if r.find(tag) != 0 {
		return nil, fmt.Errorf("%w: it does not start with %v", ErrMalformed, tag)
	}
	return r.value[len(r.elements[0].Raw()):], nil
}
