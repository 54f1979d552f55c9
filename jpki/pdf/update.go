package pdf

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"
	"unicode/utf16"

	"github.com/mykeykit/mykeykit/jpki/cms"
	"github.com/mykeykit/mykeykit/jpki/pdf/internal/object"
)

// byteRangeWidth is the length of a ByteRange with the largest offsets that a file can have.
const byteRangeWidth = len("[0 9999999999999 9999999999999 9999999999999]")

// text encodes a text string: UTF-16 with a byte order mark, unless it is ASCII (ISO 32000-2 §7.9.2.2).
func text(s string) object.String {
	for _, r := range s {
		if r > 0x7E || r < 0x20 {
			b := []byte{0xFE, 0xFF}
			for _, unit := range utf16.Encode([]rune(s)) {
				b = append(b, byte(unit>>8), byte(unit))
			}
			return object.String{Bytes: b}
		}
	}
	return object.String{Bytes: []byte(s)}
}

// update is an incremental update of a file (ISO 32000-2 §7.5.6).
type update struct {
	file   *object.File
	start  int64 // where it begins: the size of the file
	next   int   // the next free object number
	page   *page // of the signature's field
	body   []byte
	places map[int]int64 // of the objects, from the start of the file
	signed struct{ byteRange, contents, contentsEnd int }
}

func newUpdate(f *object.File, r io.ReaderAt, size int64) (*update, error) {
	u := &update{file: f, start: size, places: map[int]int64{}}
	for number := range f.Entries() {
		u.next = max(u.next, number+1)
	}
	if declared, ok := f.Trailer()["Size"].(int64); ok {
		u.next = max(u.next, int(min(declared, 1<<23)))
	}
	last := make([]byte, 1)
	if _, err := r.ReadAt(last, size-1); err != nil && err != io.EOF {
		return nil, err
	}
	if last[0] != '\n' && last[0] != '\r' {
		u.body = append(u.body, '\n')
	}
	return u, nil
}

func (u *update) newNumber() int {
	u.next++
	return u.next - 1
}

// begin starts an object and returns its generation, 0 for a new one.
func (u *update) begin(number int) {
	generation := u.file.Entries()[number].Generation
	u.places[number] = u.start + int64(len(u.body))
	u.body = fmt.Appendf(u.body, "%d %d obj\n", number, generation)
}

func (u *update) write(number int, o any) {
	u.begin(number)
	u.body = object.Append(u.body, o)
	u.body = append(u.body, "\nendobj\n"...)
}

func (u *update) writeStream(number int, entries object.Dict, data []byte) {
	u.begin(number)
	u.body = appendStream(u.body, entries, data)
}

// appendStream appends a stream object to b, after its first line.
func appendStream(b []byte, entries object.Dict, data []byte) []byte {
	entries["Length"] = len(data)
	b = object.Append(b, entries)
	b = append(b, "\nstream\n"...)
	b = append(b, data...)
	return append(b, "\nendstream\nendobj\n"...)
}

// replace writes the changed value of an entry of an object: into the object that the entry names, or into
// the owner, which is then changed too.
func (u *update) replace(owner object.Dict, key object.Name, value any) (ownerChanged bool) {
	if ref, ok := owner[key].(object.Ref); ok {
		u.write(ref.Number, value)
		return false
	}
	owner[key] = value
	return true
}

// addSignature adds the signature dictionary, its field, and the field to the form and the page.
func (u *update) addSignature(o Options, signer cms.Signer, at time.Time) error {
	root := u.file.Trailer()["Root"].(object.Ref) // see object.Open
	catalog, err := u.file.Dict(root)
	if err != nil {
		return err
	}
	catalog = catalog.Copy()
	name, err := u.fieldName(catalog)
	if err != nil {
		return err
	}
	signature, field := u.newNumber(), u.newNumber()
	entries := object.Dict{
		"Type": object.Name("Annot"), "Subtype": object.Name("Widget"), "FT": object.Name("Sig"),
		"T": text(name), "V": object.Ref{Number: signature}, "P": u.page.ref,
		"Rect": object.Array{0, 0, 0, 0}, "F": 132, // print, locked (ISO 32000-2 table 167)
	}
	if o.Appearance != nil {
		shown, err := u.draw(o.Appearance)
		if err != nil {
			return err
		}
		maps.Copy(entries, shown)
	}
	u.write(field, entries)
	if err := u.addToForm(root, catalog, object.Ref{Number: field}); err != nil {
		return err
	}
	annotations, err := u.file.Array(u.page.dict["Annots"])
	if err != nil {
		return err
	}
	page := u.page.dict.Copy()
	if u.replace(page, "Annots", append(slices.Clone(annotations), object.Ref{Number: field})) {
		u.write(u.page.ref.Number, page)
	}

	u.begin(signature)
	offset := len(u.body)
	dictionary, byteRange, contents := signatureDictionary(o, signer, at)
	u.body = append(u.body, dictionary...)
	u.body = append(u.body, "\nendobj\n"...)
	u.signed.byteRange, u.signed.contents = offset+byteRange, offset+contents
	u.signed.contentsEnd = u.signed.contents + 2 + 2*room(o, signer)
	return nil
}

// addToForm adds a field to the interactive form (ISO 32000-2 §12.7.3).
func (u *update) addToForm(root object.Ref, catalog object.Dict, field object.Ref) error {
	form, err := u.file.Dict(catalog["AcroForm"])
	if err != nil {
		return err
	}
	if form == nil {
		form = object.Dict{}
	}
	form = form.Copy()
	fields, err := u.file.Array(form["Fields"])
	if err != nil {
		return err
	}
	flags, _ := form["SigFlags"].(int64)
	form["SigFlags"] = flags | 3 // signatures exist, append only (table 225)
	u.replace(form, "Fields", append(slices.Clone(fields), field))
	if u.replace(catalog, "AcroForm", form) {
		u.write(root.Number, catalog)
	}
	return nil
}

// fieldName returns a name that no field of the form has.
func (u *update) fieldName(catalog object.Dict) (string, error) {
	form, err := u.file.Dict(catalog["AcroForm"])
	if err != nil {
		return "", err
	}
	fields, err := u.file.Array(form["Fields"])
	if err != nil {
		return "", err
	}
	used := map[string]bool{}
	for _, f := range fields {
		field, err := u.file.Dict(f)
		if err != nil {
			return "", err
		}
		if name, ok := field["T"].(object.String); ok {
			used[string(name.Bytes)] = true
		}
	}
	for n := 1; ; n++ {
		name := fmt.Sprintf("Signature%d", n)
		if !used[name] && !used[string(text(name).Bytes)] {
			return name, nil
		}
	}
}

// gap is where the signature's string is in the update.
type gap struct{ start, end int }

// bytes returns the update with its cross-reference section and ByteRange, and where the signature goes.
func (u *update) bytes() ([]byte, gap) {
	b := bytes.Clone(u.body)
	newest := u.file.Sections()[0]
	trailer := object.Dict{"Root": newest.Trailer["Root"], "Prev": newest.Offset}
	for _, key := range []object.Name{"Info", "ID"} {
		if value, ok := newest.Trailer[key]; ok {
			trailer[key] = value
		}
	}
	at := u.start + int64(len(b))
	if newest.Stream {
		b = u.appendReferences(b, trailer, at)
	} else {
		b = u.appendTable(b, trailer)
	}
	b = fmt.Appendf(b, "startxref\n%d\n%%%%EOF\n", at)

	g := gap{u.signed.contents, u.signed.contentsEnd}
	end := u.start + int64(len(b))
	byteRange := fmt.Sprintf("[0 %d %d %d]", u.start+int64(g.start), u.start+int64(g.end), end-u.start-int64(g.end))
	copy(b[u.signed.byteRange:], byteRange)
	return b, g
}

// appendTable appends a cross-reference table and the trailer.
func (u *update) appendTable(b []byte, trailer object.Dict) []byte {
	trailer["Size"] = u.next
	b = append(b, "xref\n"...)
	for _, number := range slices.Sorted(maps.Keys(u.places)) {
		b = fmt.Appendf(b, "%d 1\n%010d %05d n\r\n", number, u.places[number], u.file.Entries()[number].Generation)
	}
	b = append(b, "trailer\n"...)
	return append(object.Append(b, trailer), '\n')
}

// appendReferences appends a cross-reference stream, which lists itself.
func (u *update) appendReferences(b []byte, trailer object.Dict, at int64) []byte {
	number := u.newNumber()
	u.places[number] = at
	var data []byte
	var index object.Array
	for _, n := range slices.Sorted(maps.Keys(u.places)) {
		index = append(index, n, 1)
		data = append(data, 1)
		for shift := 56; shift >= 0; shift -= 8 {
			data = append(data, byte(u.places[n]>>shift))
		}
		generation := u.file.Entries()[n].Generation
		data = append(data, byte(generation>>8), byte(generation))
	}
	maps.Copy(trailer, object.Dict{
		"Type": object.Name("XRef"), "Size": u.next, "Index": index, "W": object.Array{1, 8, 2},
	})
	return appendStream(fmt.Appendf(b, "%d 0 obj\n", number), trailer, data)
}
