package object

// section reads the cross-reference section at an offset, a table or a stream.
func (f *File) section(offset int64) (Section, error) {
	if offset < 0 || offset >= f.size {
		return Section{}, malformed("cross-reference section at byte %d, outside of the file", offset)
	}
	l := f.at(offset)
	if c, _ := l.peek(0); isDigit(c) {
		return f.sectionStream(offset)
	}
	if err := l.keyword("xref"); err != nil {
		return Section{}, err
	}
	s := Section{Offset: offset, Entries: map[int]Entry{}}
	for {
		l.space()
		if c, _ := l.peek(0); !isDigit(c) {
			break
		}
		first, err := l.integer()
		if err != nil {
			return s, err
		}
		count, err := l.integer()
		if err != nil {
			return s, err
		}
		if first < 0 || count < 0 || first+count > maxObjects || f.listed+len(s.Entries)+int(count) > f.mostEntries() {
			return s, malformed("cross-reference section of %d objects", count)
		}
		for number := first; number < first+count; number++ {
			if err := s.readEntry(l, int(number)); err != nil {
				return s, err
			}
		}
	}
	if err := l.keyword("trailer"); err != nil {
		return s, err
	}
	trailer, err := l.object(0)
	if err := f.spend(l.pos - offset); err != nil {
		return s, err
	}
	dict, ok := trailer.(Dict)
	if err != nil || !ok {
		return s, l.fail(l.pos, "no trailer")
	}
	s.Trailer = dict
	return s, nil
}

// readEntry reads a line of a cross-reference table (ISO 32000-2 §7.5.4).
func (s *Section) readEntry(l *lexer, number int) error {
	offset, err := l.integer()
	if err != nil {
		return err
	}
	generation, err := l.integer()
	if err != nil {
		return err
	}
	l.space()
	kind := l.word()
	if kind != "n" && kind != "f" || offset < 0 || generation < 0 || generation > 65535 {
		return l.fail(l.pos, "malformed cross-reference entry")
	}
	if _, twice := s.Entries[number]; twice {
		return malformed("object %d twice in a cross-reference section", number)
	}
	s.Entries[number] = Entry{Free: kind == "f", Offset: offset, Generation: int(generation)}
	return nil
}

// sectionStream reads a cross-reference stream (ISO 32000-2 §7.5.8).
func (f *File) sectionStream(offset int64) (Section, error) {
	s := Section{Offset: offset, Entries: map[int]Entry{}, Stream: true}
	_, o, err := f.indirect(offset)
	if err != nil {
		return s, err
	}
	stream, ok := o.(*Stream)
	if !ok || stream.Dict["Type"] != Name("XRef") {
		return s, malformed("no cross-reference section at byte %d", offset)
	}
	s.Trailer = stream.Dict
	data, err := f.decode(stream)
	if err != nil {
		return s, err
	}
	widths, ok := integers(stream.Dict["W"])
	if !ok || len(widths) != 3 {
		return s, malformed("widths of a cross-reference stream")
	}
	width := int64(0)
	for _, w := range widths {
		if w < 0 || w > 8 {
			return s, malformed("widths of a cross-reference stream")
		}
		width += w
	}
	size, _ := stream.Dict["Size"].(int64)
	index := []int64{0, size}
	if given, there := stream.Dict["Index"]; there {
		if index, ok = integers(given); !ok || len(index)%2 != 0 {
			return s, malformed("index of a cross-reference stream")
		}
	}
	for ; len(index) > 0; index = index[2:] {
		if index[0] < 0 || index[1] < 0 || index[0]+index[1] > maxObjects || f.listed+len(s.Entries)+int(index[1]) > f.mostEntries() || width == 0 || index[1]*width > int64(len(data)) {
			return s, malformed("index of a cross-reference stream")
		}
		for number := index[0]; number < index[0]+index[1]; number++ {
			if err := s.addBinary(int(number), data[:width], widths); err != nil {
				return s, err
			}
			data = data[width:]
		}
	}
	return s, nil
}

// addBinary adds an entry of a cross-reference stream.
func (s *Section) addBinary(number int, data []byte, widths []int64) error {
	var fields [3]int64
	for i, w := range widths {
		for _, b := range data[:w] {
			fields[i] = fields[i]<<8 | int64(b)
		}
		data = data[w:]
	}
	kind := fields[0]
	if widths[0] == 0 {
		kind = 1
	}
	if fields[1] < 0 || fields[2] < 0 || fields[2] > maxObjects {
		return malformed("cross-reference entry of object %d", number)
	}
	var e Entry
	switch kind {
	case 0:
		e = Entry{Free: true}
	case 1:
		e = Entry{Offset: fields[1], Generation: int(fields[2])}
	case 2:
		if fields[1] == 0 || fields[1] > maxObjects {
			return malformed("cross-reference entry of object %d", number)
		}
		e = Entry{Stream: int(fields[1]), Index: int(fields[2])}
	default: // a kind to come is a reference to null (ISO 32000-2 table 18)
		e = Entry{Free: true}
	}
	if _, twice := s.Entries[number]; twice {
		return malformed("object %d twice in a cross-reference section", number)
	}
	s.Entries[number] = e
	return nil
}

func integers(o any) ([]int64, bool) {
	array, ok := o.(Array)
	if !ok {
		return nil, false
	}
	numbers := make([]int64, len(array))
	for i, e := range array {
		if numbers[i], ok = e.(int64); !ok {
			return nil, false
		}
	}
	return numbers, true
}
