// Package tlv reads and writes BER-TLV data objects, the tag-length-value
// encoding in which smart cards store files: ISO/IEC 7816-4:2020 §5.2.2 and
// ITU-T X.690.
//
// An element is a tag, the length of the value, and the value. The value of a
// constructed element is a sequence of elements again:
//
//	FF 20  06              tag FF20, 6 bytes of value
//	   DF 21  03  31 32 33    tag DF21, 3 bytes of value
//
// # Where to start
//
// [Read] reads the element at the start of a slice and returns the rest, [All]
// iterates over a sequence of elements, and [Find] returns the one with a tag.
// To read nested elements, pass [Element.Value] to [All] or [Find], or the whole
// tree to [Walk]. [Length] tells from the first bytes of a file how long its
// element is. [Append] encodes an element.
//
// # What is accepted
//
// A tag has one to three bytes. A tag number below 31 may be written in two
// bytes, as in FF10, because cards do so. A length is definite and has at most
// four bytes after the first. By default it must be in the fewest bytes, as DER
// requires; [AllowLongLengths] accepts the others, for cards that store them.
// What [Read] accepts by default, [Append] encodes to the same bytes.
//
// [Element.Raw] returns an element as it was written, because a signature
// covers the bytes on the card and not what their encoding should have been.
//
// # Filler
//
// A file may be longer than the data in it and filled up with 00 or FF. FF also
// starts tags such as FF10: here it is filler unless a tag number follows, that
// is, unless the next byte is one of 01 to 7F or 81 to FE. [Read] leaves
// what follows an element to its caller. [All], [Find] and [Walk] reject filler
// unless [SkipFiller] is given.
//
// # Limits
//
// Cards are untrusted. Nothing here panics or reads outside the slice that it
// was given, and nothing allocates by a length that a card names. An element has
// at most [MaxLength] bytes. [Walk], which descends, stops at [MaxDepth],
// [MaxElements] and [MaxWalkBytes].
//
// # Personal data
//
// Elements hold personal data, such as a name or the individual number, so
// printing an [Element] shows its tag and the length of its value only.
//
// # What is absent
//
// Indefinite lengths, tags of four bytes and more, SIMPLE-TLV and COMPACT-TLV,
// and the types of ASN.1: for those, see encoding/asn1 and
// golang.org/x/crypto/cryptobyte.
//
// # Concurrency
//
// All functions are safe for concurrent use. Elements share the memory of the
// slice that they were read from.
package tlv
