package pdf

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"unicode/utf16"

	"golang.org/x/crypto/cryptobyte"
	tag "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/mykeykit/mykeykit/internal/hidden"
	"github.com/mykeykit/mykeykit/jpki/cms"
	"github.com/mykeykit/mykeykit/jpki/pdf/internal/object"
)

// Reasons why a signature in a file is rejected. Others are those of [cms.Verifier.Verify].
var (
	ErrNoSignature = errors.New("PDF has no signature")
	// ErrCoverage reports a ByteRange that does not cover a whole revision of the file, except for the
	// signature itself.
	ErrCoverage = errors.New("signature does not cover the document")
	// ErrPadding reports something other than zeros after the signature.
	ErrPadding = errors.New("data after the signature in Contents")
	// ErrUnsupported reports a kind of signature that is not verified here. It wraps [errors.ErrUnsupported].
	ErrUnsupported = fmt.Errorf("this kind of PDF signature is not supported: %w", errors.ErrUnsupported)
	// ErrChangedAfter reports a document that was changed after it was signed.
	ErrChangedAfter = errors.New("document was changed after it was signed")
)

// Result has the signatures of a file.
type Result struct {
	Signatures []Signature // sorted by the end of their ByteRange, so that a signature comes after those that it covers
}

// Signature is a signature of a file. Printing or encoding it shows nothing about the signer.
type Signature struct {
	// Verified is the signature if Err is nil, and nil otherwise.
	Verified *cms.Signature
	// Err says why the signature is rejected.
	Err error

	Filter, SubFilter string
	// Covered is the number of bytes that the ByteRange covers, without the signature's Contents.
	Covered int64
	// Whole reports whether the signature covers the file to its end.
	Whole bool

	claims hidden.Value[claims]
}

// claims are texts of the signature dictionary.
type claims struct{ name, reason, location string }

// Name returns the signer's name according to the file. Anybody can write any name there.
func (s *Signature) Name() string { return s.claims.Reveal().name }

// Reason returns the reason for signing according to the file.
func (s *Signature) Reason() string { return s.claims.Reveal().reason }

// Location returns the place of signing according to the file.
func (s *Signature) Location() string { return s.claims.Reveal().location }

// Verify verifies every signature of a file. It returns all of them. The error is nil only if there is at least
// one and all are valid. Otherwise it is [ErrNoSignature], [ErrMalformed], [ErrEncrypted], an error of file, or
// the joined errors of the signatures: [ErrCoverage], [ErrPadding], [ErrUnsupported], [ErrChangedAfter] and those
// of [cms.Verifier.Verify].
func Verify(ctx context.Context, file io.ReaderAt, size int64, v *cms.Verifier) (*Result, error) {
	f, err := object.Open(file, size)
	if err != nil {
		return nil, err
	}
	if f.Encrypted() {
		return nil, ErrEncrypted
	}
	found, annotations, err := find(ctx, f)
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, ErrNoSignature
	}
	check := &checker{ctx: ctx, reader: file, size: size, file: f, verifier: v, annotations: annotations}
	result := &Result{}
	var errs []error
	for _, d := range found {
		s := check.signature(d)
		result.Signatures = append(result.Signatures, s)
		if s.Err != nil {
			errs = append(errs, s.Err)
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}
	return result, errors.Join(errs...)
}

// dictionary is a signature dictionary and where it is.
type dictionary struct {
	ref    object.Ref
	offset int64 // -1: in an object stream
	dict   object.Dict
}

// maxSignatures bounds how often a file is hashed.
const maxSignatures = 256

// find finds every signature dictionary, in the order of the file's revisions, and the arrays of annotations.
func find(ctx context.Context, f *object.File) (found []dictionary, annotations map[int]bool, err error) {
	annotations = map[int]bool{}
	err = f.Listed(func(ref object.Ref, offset int64, o any) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if len(found) > maxSignatures {
			return fmt.Errorf("%w: more than %d signatures", ErrMalformed, maxSignatures)
		}
		for _, dict := range signaturesIn(o, nil) {
			found = append(found, dictionary{ref, offset, dict})
		}
		dict, _ := o.(object.Dict)
		if array, ok := dict["Annots"].(object.Ref); ok && dict["Type"] == object.Name("Page") {
			annotations[array.Number] = true
		}
		return nil
	})
	slices.SortStableFunc(found, func(a, b dictionary) int {
		return cmp.Or(cmp.Compare(end(a.dict), end(b.dict)), cmp.Compare(a.offset, b.offset), cmp.Compare(a.ref.Number, b.ref.Number))
	})
	return found, annotations, err
}

// signaturesIn appends the signature dictionaries in an object, however deep they are.
func signaturesIn(o any, found []object.Dict) []object.Dict {
	switch o := o.(type) {
	case *object.Stream:
		return signaturesIn(o.Dict, found)
	case object.Array:
		for _, e := range o {
			found = signaturesIn(e, found)
		}
	case object.Dict:
		if isSignature(o) {
			found = append(found, o)
		}
		for _, e := range o {
			found = signaturesIn(e, found)
		}
	}
	return found
}

// isSignature reports whether any program may take a dictionary for a signature.
func isSignature(d object.Dict) bool {
	kind := d["Type"]
	return kind == object.Name("Sig") || kind == object.Name("DocTimeStamp") || d["ByteRange"] != nil ||
		d["Contents"] != nil && (d["SubFilter"] != nil || d["Filter"] != nil)
}

// end returns where the ByteRange of a dictionary ends, or 0.
func end(d object.Dict) int64 {
	r, ok := byteRange(d)
	if !ok {
		return 0
	}
	return r[2] + r[3]
}

func byteRange(d object.Dict) (r [4]int64, ok bool) {
	array, ok := d["ByteRange"].(object.Array)
	if !ok || len(array) != 4 {
		return r, false
	}
	for i, e := range array {
		if r[i], ok = e.(int64); !ok {
			return r, false
		}
	}
	return r, true
}

// checker checks the signatures of one file.
type checker struct {
	ctx         context.Context
	reader      io.ReaderAt
	size        int64
	file        *object.File
	verifier    *cms.Verifier
	annotations map[int]bool
}

func (c *checker) signature(d dictionary) Signature {
	name := func(key object.Name) string { n, _ := d.dict[key].(object.Name); return string(n) }
	s := Signature{
		Filter: name("Filter"), SubFilter: name("SubFilter"),
		claims: hidden.New(claims{textOf(d.dict["Name"]), textOf(d.dict["Reason"]), textOf(d.dict["Location"])}),
	}
	s.Verified, s.Err = c.verify(d, &s)
	return s
}

func (c *checker) verify(d dictionary, s *Signature) (*cms.Signature, error) {
	r, contents, err := c.coverage(d)
	if err != nil {
		return nil, err
	}
	s.Covered, s.Whole = r[1]+r[3], r[2]+r[3] == c.size
	switch s.SubFilter {
	case "adbe.pkcs7.detached", "ETSI.CAdES.detached":
	default:
		return nil, fmt.Errorf("%w: SubFilter %q", ErrUnsupported, s.SubFilter)
	}
	der, err := withoutPadding(contents)
	if err != nil {
		return nil, err
	}
	signed := io.MultiReader(io.NewSectionReader(c.reader, 0, r[1]), io.NewSectionReader(c.reader, r[2], r[3]))
	signatures, err := c.verifier.Verify(c.ctx, der, signed)
	if err != nil {
		return nil, err
	}
	if len(signatures) != 1 {
		return nil, fmt.Errorf("%w: %d signers", cms.ErrMalformed, len(signatures))
	}
	if err := c.unchanged(d, r[2]+r[3]); err != nil {
		return nil, err
	}
	return signatures[0], nil
}

// coverage checks that the ByteRange covers a revision of the file to the byte, except for the hexadecimal string
// of this dictionary.
func (c *checker) coverage(d dictionary) (r [4]int64, contents []byte, err error) {
	wrong := func(what string) ([4]int64, []byte, error) { return r, nil, fmt.Errorf("%w: %s", ErrCoverage, what) }
	r, ok := byteRange(d.dict)
	value, isString := d.dict["Contents"].(object.String)
	switch {
	case !ok:
		return wrong("no ByteRange of four numbers")
	case !isString || !value.Hex || value.Start < 0:
		return wrong("no hexadecimal Contents")
	case r[0] != 0:
		return wrong("it does not begin at the first byte")
	case r[1] <= 0 || r[2] <= r[1] || r[3] <= 0 || r[2] > c.size || r[3] > c.size-r[2]:
		return wrong("ByteRange outside of the file")
	case r[1] != value.Start || r[2] != value.End:
		return wrong("it leaves out more or less than itself")
	case !value.Whole:
		return wrong("other characters among the hexadecimal digits")
	}
	return r, value.Bytes, nil
}

// withoutPadding returns the DER object at the start of the Contents. All that follows must be zero.
func withoutPadding(b []byte) ([]byte, error) {
	padding := cryptobyte.String(b)
	var der cryptobyte.String
	if !padding.ReadASN1Element(&der, tag.SEQUENCE) {
		return nil, fmt.Errorf("%w: no DER in Contents", cms.ErrMalformed)
	}
	for _, c := range padding {
		if c != 0 {
			return nil, ErrPadding
		}
	}
	return der, nil
}

// textOf decodes a text string (ISO 32000-2 §7.9.2.2). PDFDocEncoding is taken as Latin-1, which it mostly is.
func textOf(o any) string {
	s, ok := o.(object.String)
	if !ok {
		return ""
	}
	b := s.Bytes
	switch {
	case len(b) >= 2 && b[0] == 0xFE && b[1] == 0xFF:
		var units []uint16
		for b = b[2:]; len(b) >= 2; b = b[2:] {
			units = append(units, uint16(b[0])<<8|uint16(b[1]))
		}
		return string(utf16.Decode(units))
	case len(b) >= 3 && b[0] == 0xEF && b[1] == 0xBB && b[2] == 0xBF:
		return string(b[3:])
	}
	runes := make([]rune, len(b))
	for i, c := range b {
		runes[i] = rune(c)
	}
	return string(runes)
}
