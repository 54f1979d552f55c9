package object

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"strconv"
	"sync"
)

const (
	maxObjects  = 8_388_607 // ISO 32000-1 annex C
	maxSections = 4096
	maxEntries  = 2_000_000 // of all sections; see mostEntries
)

// Entry says where an object is: at an offset, or in an object stream.
type Entry struct {
	Free       bool
	Offset     int64
	Generation int
	Stream     int // number of the object stream; 0: at an offset
	Index      int // in the object stream
}

// Section is a cross-reference section: one state of the file adds at least one.
type Section struct {
	Offset  int64
	Trailer Dict
	Entries map[int]Entry
	Stream  bool // a cross-reference stream
}

// File is a PDF file. It is not safe for concurrent use.
type File struct {
	r        io.ReaderAt
	size     int64
	sections []Section // the newest first
	entries  map[int]Entry
	decoded  map[int]*objects // object streams
	budget   int64            // bytes that may still be decompressed
	work     int64            // bytes that may still be parsed
	listed   int              // entries of all sections
}

// mostEntries bounds the entries of all sections: an object takes a byte at least.
func (f *File) mostEntries() int { return int(min(maxEntries, 10_000+f.size)) }

// spend accounts for parsed bytes. Objects do not overlap in a file that is well formed, and each is read a few
// times.
func (f *File) spend(n int64) error {
	if f.work -= n; f.work < 0 {
		return malformed("objects overlap")
	}
	return nil
}

// ending is compiled at the first use: few runs of a program need it.
var ending = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?:^|[\r\n])startxref[\r\n \t]+(\d{1,15})[\r\n \t]+%%EOF[\x00\t\n\f\r ]*$`)
})

// Open reads the cross-reference sections of the first size bytes of r. It returns [ErrMalformed], or an error
// of r.
func Open(r io.ReaderAt, size int64) (*File, error) {
	f := &File{r: r, size: size, entries: map[int]Entry{}, decoded: map[int]*objects{}, budget: maxDecoded, work: 16*size + 1<<20}
	head := make([]byte, min(5, size))
	if _, err := r.ReadAt(head, 0); err != nil && err != io.EOF {
		return nil, err
	}
	if string(head) != "%PDF-" {
		return nil, malformed("no PDF header")
	}
	tail := make([]byte, min(1024, size))
	if _, err := r.ReadAt(tail, size-int64(len(tail))); err != nil && err != io.EOF {
		return nil, err
	}
	found := ending().FindSubmatch(tail)
	if found == nil {
		return nil, malformed("no startxref and %%%%EOF at the end")
	}
	offset, err := strconv.ParseInt(string(found[1]), 10, 64)
	if err != nil {
		return nil, malformed("startxref")
	}
	return f, f.readSections(offset)
}

// readSections follows the chain of sections.
func (f *File) readSections(offset int64) error {
	seen := map[int64]bool{}
	for {
		if seen[offset] || len(f.sections) == maxSections {
			return malformed("cross-reference sections in a circle")
		}
		seen[offset] = true
		s, err := f.section(offset)
		if err != nil {
			return err
		}
		if at, ok := s.Trailer["XRefStm"].(int64); ok && !s.Stream {
			if seen[at] {
				return malformed("cross-reference sections in a circle")
			}
			seen[at] = true
			hybrid, err := f.section(at)
			if err != nil {
				return err
			}
			if err := s.unhide(hybrid); err != nil {
				return err
			}
		}
		if err := f.add(s); err != nil {
			return err
		}
		previous, there := s.Trailer["Prev"]
		if !there {
			break
		}
		var ok bool
		if offset, ok = previous.(int64); !ok {
			return malformed("Prev is no number")
		}
	}
	if _, ok := f.Trailer()["Root"].(Ref); !ok {
		return malformed("no document catalog")
	}
	return nil
}

// unhide adds the entries of a hybrid file's second section, which the table hides as free from programs that do not
// read it (ISO 32000-2 §7.5.8.4).
func (s *Section) unhide(hybrid Section) error {
	for number, e := range hybrid.Entries {
		if table, there := s.Entries[number]; there && !table.Free && table != e {
			return malformed("object %d is in two places", number)
		}
		s.Entries[number] = e
	}
	return nil
}

func (f *File) add(s Section) error {
	if f.listed += len(s.Entries); f.listed > f.mostEntries() {
		return malformed("more than %d objects", f.mostEntries())
	}
	f.sections = append(f.sections, s)
	f.merge(s.Entries)
	return nil
}

// merge adds the entries of an older section.
func (f *File) merge(older map[int]Entry) {
	for number, e := range older {
		if _, newer := f.entries[number]; !newer {
			f.entries[number] = e
		}
	}
}

// Trailer returns the newest trailer.
func (f *File) Trailer() Dict { return f.sections[0].Trailer }

// Sections returns the cross-reference sections, the newest first.
func (f *File) Sections() []Section { return f.sections }

// Entries returns where every object is.
func (f *File) Entries() map[int]Entry { return f.entries }

// Encrypted reports whether the file is encrypted.
func (f *File) Encrypted() bool {
	for _, s := range f.sections {
		if s.Trailer["Encrypt"] != nil {
			return true
		}
	}
	return false
}

func (f *File) at(offset int64) *lexer { return &lexer{r: f.r, size: f.size, pos: offset} }

// indirect reads an indirect object at an offset.
func (f *File) indirect(offset int64) (Ref, any, error) {
	l := f.at(offset)
	number, err := l.integer()
	if err != nil {
		return Ref{}, nil, err
	}
	generation, err := l.integer()
	if err != nil {
		return Ref{}, nil, err
	}
	if err := l.keyword("obj"); err != nil {
		return Ref{}, nil, err
	}
	o, err := l.object(0)
	if err := errors.Join(err, f.spend(l.pos-offset)); err != nil {
		return Ref{}, nil, err
	}
	ref := Ref{int(number), int(generation)}
	l.space()
	switch l.word() {
	case "endobj":
		return ref, o, nil
	case "stream":
		dict, ok := o.(Dict)
		c, _ := l.peek(0)
		next, _ := l.peek(1)
		switch {
		case ok && c == '\n':
			return ref, &Stream{dict, l.pos + 1}, nil
		case ok && c == '\r' && next == '\n':
			return ref, &Stream{dict, l.pos + 2}, nil
		}
	}
	return ref, nil, l.fail(l.pos, fmt.Sprintf("object %d has no end", number))
}

// Listed calls use with every object at an offset that any section lists, also one that a newer section replaces.
// It stops at the first error.
func (f *File) Listed(use func(ref Ref, offset int64, o any) error) error {
	seen := map[int64]bool{}
	for _, s := range f.sections {
		for number, e := range s.Entries {
			if e.Free || e.Stream != 0 || seen[e.Offset] {
				continue
			}
			seen[e.Offset] = true
			ref, o, err := f.indirect(e.Offset)
			switch {
			case err != nil:
				return err
			case ref.Number != number:
				return malformed("object %d is not where the cross-reference section says", number)
			}
			if err := use(ref, e.Offset, o); err != nil {
				return err
			}
		}
	}
	for number, e := range f.entries {
		if e.Stream == 0 {
			continue
		}
		o, err := f.Object(number)
		if err != nil {
			return err
		}
		if err := use(Ref{Number: number}, -1, o); err != nil {
			return err
		}
	}
	return nil
}

// End returns an error if a stream is not wholly in the file.
func (f *File) End(s *Stream) error {
	length, err := f.Resolve(s.Dict["Length"])
	if err != nil {
		return err
	}
	n, ok := length.(int64)
	if !ok || n < 0 || n > f.size-s.Offset {
		return malformed("length of a stream")
	}
	return f.at(s.Offset + n).keyword("endstream")
}

// Object returns an object by its number. A free or unknown object is nil.
func (f *File) Object(number int) (any, error) {
	e, ok := f.entries[number]
	switch {
	case !ok || e.Free:
		return nil, nil
	case e.Stream != 0:
		return f.compressed(number, e)
	}
	ref, o, err := f.indirect(e.Offset)
	switch {
	case err != nil:
		return nil, err
	case ref != Ref{number, e.Generation}:
		return nil, malformed("object %d is not where the cross-reference section says", number)
	}
	return o, nil
}

// Resolve returns what a reference names, and any other object as it is.
func (f *File) Resolve(o any) (any, error) {
	for range maxDepth {
		ref, ok := o.(Ref)
		if !ok {
			return o, nil
		}
		if e, there := f.entries[ref.Number]; there && !e.Free && e.Generation != ref.Generation {
			return nil, malformed("reference to another generation of object %d", ref.Number)
		}
		var err error
		if o, err = f.Object(ref.Number); err != nil {
			return nil, err
		}
	}
	return nil, malformed("references in a circle")
}

// Dict resolves a dictionary. It returns nil for null, and an error for anything else.
func (f *File) Dict(o any) (Dict, error) {
	o, err := f.Resolve(o)
	dict, ok := o.(Dict)
	if err == nil && !ok && o != nil {
		err = malformed("no dictionary where one is needed")
	}
	return dict, err
}

// Array resolves an array. It returns nil for null, and an error for anything else.
func (f *File) Array(o any) (Array, error) {
	o, err := f.Resolve(o)
	array, ok := o.(Array)
	if err == nil && !ok && o != nil {
		err = malformed("no array where one is needed")
	}
	return array, err
}

// Copy returns a copy of a dictionary, to be changed.
func (d Dict) Copy() Dict { return maps.Clone(d) }
