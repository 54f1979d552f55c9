// Package tlv reads and writes BER-TLV data objects, the tag-length-value
// encoding in which smart cards store files: ISO/IEC 7816-4:2020 (BER-TLV data objects) and
// ITU-T X.690.
//
// An element is a tag, the length of the value, and the value. The value of a
// constructed element is itself a sequence of elements:
//
//	FF 20  06              tag FF20, 6 bytes of value
//	   DF 21  03  31 32 33    tag DF21, 3 bytes of value
//
// # Where to start
//
// [Read] returns the element at the start of a slice, and the bytes after it.
// [All] iterates over a sequence of elements. [Find] returns the first with a
// given tag. To read nested elements, pass [Element.Value] to [All] or [Find], or
// the whole tree to [Walk]. [Length] returns the length of an element from its
// first bytes, so that you know how much of a file to read. [Append] encodes an
// element.
//
// # What is accepted
//
// A tag has one to three bytes. A tag number below 31 may be written in two
// bytes, as in FF10, because cards do so. A length is definite and has at most
// four bytes after the first. By default it must be encoded in the fewest bytes, as
// DER requires. [AllowLongLengths] accepts longer encodings, which some cards store.
// For an element that [Read] accepts without options, [Append] produces the same bytes.
//
// [Element.Raw] returns an element as it was read. Use it to check a signature, which
// covers the bytes on the card and not their shortest encoding.
//
// # Filler
//
// A file may be longer than the data in it; 00 or FF fills the rest. FF also starts
// tags such as FF10. This package treats it as filler unless a tag number follows,
// that is, unless the next byte is 01 to 7F or 81 to FE. [Read] returns the bytes
// after an element without looking at them. [All], [Find] and [Walk] reject filler
// unless [SkipFiller] is given.
//
// # Limits
//
// A card is untrusted input. No function panics, reads outside the slice that it gets, or
// allocates memory for a length that the data claims. An element has at most [MaxLength]
// bytes. [Walk] is recursive, so it stops at [MaxDepth], [MaxElements] and [MaxWalkBytes].
//
// # Personal data
//
// Elements may hold personal data, such as a name. Printing an [Element] shows
// only its tag and the length of its value.
//
// # What is absent
//
// Indefinite lengths, tags of four bytes and more, SIMPLE-TLV and COMPACT-TLV. The
// types of ASN.1 are in encoding/asn1 and golang.org/x/crypto/cryptobyte.
//
// # Concurrency
//
// All functions are safe for concurrent use. Elements share the memory of the
// slice that they were read from.
package tlv
