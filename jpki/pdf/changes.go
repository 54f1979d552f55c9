package pdf

import (
	"fmt"
	"slices"

	"github.com/mykeykit/mykeykit/jpki/pdf/internal/object"
)

// comparison compares a signed revision with the file as it is now.
type comparison struct {
	signed, now *object.File
	end         int64        // of the signed revision
	annotations map[int]bool // arrays of annotations
	fields      map[int]bool // signature fields that were added
	explained   map[int]bool // changed objects that further signatures change
	missing     map[int]bool // objects that the signed revision names and does not have
}

func newComparison(signed, now *object.File, end int64, annotations map[int]bool) *comparison {
	return &comparison{signed, now, end, annotations, map[int]bool{}, map[int]bool{}, map[int]bool{}}
}

// both resolves an object of the signed revision and one of the file as it is now.
func both[T any](signed, now func(any) (T, error), was, is any) (before, after T, err error) {
	if before, err = signed(was); err == nil {
		after, err = now(is)
	}
	return before, after, err
}

// addedTo returns what an array has after what it had before; ok is false if anything else changed.
func addedTo(before, after object.Array) (added object.Array, ok bool) {
	if len(after) < len(before) || !object.Equal(before, after[:len(before)]) {
		return nil, false
	}
	return after[len(before):], true
}

func changed(format string, arguments ...any) error {
	return fmt.Errorf("%w: %s", ErrChangedAfter, fmt.Sprintf(format, arguments...))
}

// unchanged checks that the file's first end bytes are a revision that has the signature, and that only further
// signatures were added to it.
func (c *checker) unchanged(d dictionary, end int64) error {
	signed := c.file
	if end != c.size {
		var err error
		if signed, err = object.Open(c.reader, end); err != nil {
			return fmt.Errorf("%w: it does not end at the end of a revision: %w", ErrCoverage, err)
		}
	}
	if e := signed.Entries()[d.ref.Number]; e.Free || e.Stream != 0 || e.Offset != d.offset {
		return fmt.Errorf("%w: the signed revision does not have this signature", ErrCoverage)
	}
	k := newComparison(signed, c.file, end, c.annotations)
	if err := k.complete(); err != nil {
		return err
	}
	if end == c.size {
		return nil
	}
	newest := signed.Sections()[0].Offset
	if !slices.ContainsFunc(c.file.Sections(), func(s object.Section) bool { return s.Offset == newest }) {
		return changed("the signed revision is not part of the file")
	}
	if c.file.Sections()[0].Offset < end {
		return changed("what follows the signed revision is no update") // programs that repair files may use it
	}
	return k.compare()
}

// complete checks that every object of the signed revision is wholly in it. Otherwise bytes that nobody signed
// could become part of it.
func (k *comparison) complete() error {
	for number, e := range k.signed.Entries() {
		if e.Free {
			continue
		}
		if e.Stream == 0 && e.Offset >= k.end {
			return changed("object %d is after the signed revision", number)
		}
		o, err := k.signed.Object(number)
		if err != nil {
			return err
		}
		if stream, ok := o.(*object.Stream); ok {
			if err := k.signed.End(stream); err != nil {
				return err
			}
		}
		k.collectMissing(o)
	}
	k.collectMissing(k.signed.Trailer())
	catalog, err := k.signed.Dict(k.signed.Trailer()["Root"])
	if err == nil && catalog == nil {
		err = fmt.Errorf("%w: no document catalog", ErrMalformed)
	}
	return err
}

// collectMissing notes the references in an object that name nothing.
func (k *comparison) collectMissing(o any) {
	switch o := o.(type) {
	case object.Ref:
		if e, there := k.signed.Entries()[o.Number]; !there || e.Free || e.Generation != o.Generation {
			k.missing[o.Number] = true
		}
	case object.Array:
		for _, e := range o {
			k.collectMissing(e)
		}
	case object.Dict:
		for _, e := range o {
			k.collectMissing(e)
		}
	case *object.Stream:
		k.collectMissing(o.Dict)
	}
}

func (k *comparison) compare() error {
	was, is := k.signed.Trailer(), k.now.Trailer()
	for _, key := range []object.Name{"Root", "Info"} {
		if !object.Equal(was[key], is[key]) {
			return changed("%s is another object", key)
		}
	}
	if err := k.catalog(was["Root"].(object.Ref)); err != nil { // a Ref: see object.Open
		return err
	}
	for number := range k.missing {
		before, after := k.signed.Entries()[number], k.now.Entries()[number]
		if before != after && !after.Free {
			return changed("object %d, which was missing, was added", number)
		}
	}
	for number, before := range k.signed.Entries() {
		if before == k.now.Entries()[number] || before.Free || k.explained[number] {
			continue
		}
		if before.Generation != k.now.Entries()[number].Generation {
			return changed("object %d", number)
		}
		if err := k.object(number); err != nil {
			return err
		}
	}
	return nil
}

// object checks a changed object that is neither the catalog nor the form: a field that was signed, or a page
// with a further field.
func (k *comparison) object(number int) error {
	was, err := k.signed.Object(number)
	if err != nil {
		return err
	}
	is, err := k.now.Object(number)
	if err != nil {
		return err
	}
	switch was := was.(type) {
	case object.Dict:
		is, ok := is.(object.Dict)
		switch {
		case !ok:
		case was["FT"] == object.Name("Sig") && was["V"] == nil && isWidget(is) && equalBut(was, is, "V", "AP", "M", "F", "MK"):
			return k.value(is["V"])
		case was["Type"] == object.Name("Page") && equalBut(was, is, "Annots"):
			return k.longer(was["Annots"], is["Annots"])
		case object.Equal(was, is): // written again
			return nil
		}
	case object.Array:
		if object.Equal(was, is) {
			return nil
		}
		if k.annotations[number] {
			return k.longer(was, is)
		}
	case *object.Stream:
	default:
		if object.Equal(was, is) {
			return nil
		}
	}
	return changed("object %d", number)
}

// catalog checks the document catalog and the form, and collects the added fields.
func (k *comparison) catalog(root object.Ref) error {
	was, is, err := both(k.signed.Dict, k.now.Dict, root, root)
	if err != nil {
		return err
	}
	if was == nil || is == nil {
		return changed("the document catalog")
	}
	// DSS has certificates and the like for verifying; Extensions says that a DSS may be there.
	if !equalBut(was, is, "AcroForm", "DSS", "Extensions") {
		return changed("the document catalog")
	}
	k.explained[root.Number] = true
	before, after, err := both(k.signed.Dict, k.now.Dict, was["AcroForm"], is["AcroForm"])
	if err != nil {
		return err
	}
	fieldsBefore, fieldsAfter, err := both(k.signed.Array, k.now.Array, before["Fields"], after["Fields"])
	if err != nil {
		return err
	}
	mayChange := []object.Name{"Fields", "SigFlags"}
	others, err := k.otherFields(fieldsBefore)
	if err != nil {
		return err
	}
	for _, key := range []object.Name{"DR", "DA"} { // defaults for fields: they change none that has its own look
		if before[key] == nil && !others {
			mayChange = append(mayChange, key)
		}
	}
	if !equalBut(before, after, mayChange...) {
		return changed("the form")
	}
	k.explain(was["AcroForm"], is["AcroForm"])
	added, ok := addedTo(fieldsBefore, fieldsAfter)
	if !ok {
		return changed("the form's fields")
	}
	for _, field := range added {
		if err := k.field(field); err != nil {
			return err
		}
	}
	k.explain(before["Fields"], after["Fields"])
	return nil
}

// otherFields reports whether a form has fields that are not for signatures.
func (k *comparison) otherFields(fields object.Array) (bool, error) {
	for _, field := range fields {
		dict, err := k.signed.Dict(field)
		if err != nil || dict["FT"] != object.Name("Sig") {
			return true, err
		}
	}
	return false, nil
}

// explain notes that the object behind a reference may have changed, if it is the same reference.
func (k *comparison) explain(was, is any) {
	if ref, ok := was.(object.Ref); ok && object.Equal(was, is) {
		k.explained[ref.Number] = true
	}
}

// entries that a further signature field may have. Actions and children are not among them.
var fieldEntries = []object.Name{"Type", "Subtype", "FT", "T", "TU", "V", "P", "Rect", "F", "Ff", "NM", "M", "Lock", "SV"}

// entries that it may have besides if it is signed: somebody answers for what it shows.
var shownEntries = []object.Name{"AP", "MK", "DA", "DR", "Q", "Border", "BS", "C"}

// isWidget reports whether a field is drawn as a field, if at all, and as no other annotation.
func isWidget(d object.Dict) bool {
	is := func(key, value object.Name) bool { return d[key] == nil || d[key] == value }
	return is("Type", "Annot") && is("Subtype", "Widget")
}

// field checks an added field: it must be a new object and for a signature.
func (k *comparison) field(added any) error {
	ref, ok := added.(object.Ref)
	if e, old := k.signed.Entries()[ref.Number]; !ok || old && !e.Free {
		return changed("the form's fields")
	}
	dict, err := k.now.Dict(ref)
	if err != nil {
		return err
	}
	if dict["FT"] != object.Name("Sig") || !isWidget(dict) {
		return changed("a field that is not for a signature was added")
	}
	for key := range dict {
		if !slices.Contains(fieldEntries, key) && (dict["V"] == nil || !slices.Contains(shownEntries, key)) {
			return changed("a signature field with %s was added", key)
		}
	}
	k.fields[ref.Number] = true
	if dict["V"] == nil {
		return nil
	}
	return k.value(dict["V"])
}

// value checks the value of a signature field that was signed: a signature dictionary that was added. An older
// signature does not cover the field.
func (k *comparison) value(v any) error {
	ref, ok := v.(object.Ref)
	if e, old := k.signed.Entries()[ref.Number]; !ok || old && !e.Free {
		return changed("a signature field has something else")
	}
	dict, err := k.now.Dict(v)
	if err != nil {
		return err
	}
	if !isSignature(dict) {
		return changed("a signature field has something else")
	}
	return nil
}

// longer checks that an array has what it had, and after it only added signature fields.
func (k *comparison) longer(was, is any) error {
	before, after, err := both(k.signed.Array, k.now.Array, was, is)
	if err != nil {
		return err
	}
	added, ok := addedTo(before, after)
	if !ok {
		return changed("a page's annotations")
	}
	for _, annotation := range added {
		if ref, ok := annotation.(object.Ref); !ok || !k.fields[ref.Number] {
			return changed("a page's annotations")
		}
	}
	return nil
}

// equalBut reports whether two dictionaries are equal except for some entries.
func equalBut(a, b object.Dict, except ...object.Name) bool {
	for _, pair := range [][2]object.Dict{{a, b}, {b, a}} {
		for key, value := range pair[0] {
			if !slices.Contains(except, key) && !object.Equal(value, pair[1][key]) {
				return false
			}
		}
	}
	return true
}
