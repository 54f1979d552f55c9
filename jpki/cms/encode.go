package cms

import (
	"encoding/asn1"
	"io"
	"math/bits"

	tag "golang.org/x/crypto/cryptobyte/asn1"
)

// head encodes a tag and a length in DER. The content may be larger than memory, so it is not encoded
// with it.
func head(t tag.Tag, length int64) []byte {
	if length < 0x80 {
		return []byte{byte(t), byte(length)}
	}
	n := (bits.Len64(uint64(length)) + 7) / 8
	b := []byte{byte(t), 0x80 | byte(n)}
	for i := n - 1; i >= 0; i-- {
		b = append(b, byte(length>>(8*i)))
	}
	return b
}

func encoded(t tag.Tag, content []byte) []byte {
	return append(head(t, int64(len(content))), content...)
}

func identifier(id asn1.ObjectIdentifier) []byte {
	b, err := asn1.Marshal(id)
	if err != nil {
		panic("cms: malformed object identifier") // a constant
	}
	return b
}

var explicit0 = tag.Tag(0).ContextSpecific().Constructed()

// header writes what comes before a content of the given size, -1 for none.
func (m *signedMessage) header(w io.Writer, size int64) error {
	// EncapsulatedContentInfo (RFC 5652 §5.2)
	inner := identifier(oidData)
	encapsulated := int64(len(inner))
	if size >= 0 {
		octets := head(tag.OCTET_STRING, size)
		content := head(explicit0, int64(len(octets))+size)
		inner = append(append(inner, content...), octets...)
		encapsulated = int64(len(inner)) + size
	}
	inner = append(head(tag.SEQUENCE, encapsulated), inner...)

	// SignedData (RFC 5652 §5.1), version 1
	before := append([]byte{byte(tag.INTEGER), 1, 1}, m.digestAlgorithms...)
	before = append(before, inner...)
	length := int64(len(before)+len(m.certificates)+len(m.signerInfos)) + max(size, 0)
	before = append(head(tag.SEQUENCE, length), before...)

	// ContentInfo (RFC 5652 §3)
	length = int64(len(before)+len(m.certificates)+len(m.signerInfos)) + max(size, 0)
	outer := append(identifier(oidSignedData), head(explicit0, length)...)
	outer = append(head(tag.SEQUENCE, int64(len(outer))+length), outer...)
	_, err := w.Write(append(outer, before...))
	return err
}

// footer writes what comes after the content.
func (m *signedMessage) footer(w io.Writer) error {
	_, err := w.Write(append(append([]byte{}, m.certificates...), m.signerInfos...))
	return err
}
