package object

import (
	"bytes"
	"compress/zlib"
	"errors"
	"io"
)

// maxDecoded bounds the bytes that the streams of one file may become.
const maxDecoded = 64 << 20

// objects is a decoded object stream.
type objects struct {
	data    []byte
	first   int64
	numbers []int
	offsets []int64
}

// data returns a stream's bytes as they are in the file.
func (f *File) data(s *Stream) ([]byte, error) {
	length, err := f.Resolve(s.Dict["Length"])
	if err != nil {
		return nil, err
	}
	n, ok := length.(int64)
	if !ok || n < 0 || n > f.size-s.Offset || n > maxDecoded {
		return nil, malformed("length of a stream")
	}
	data := make([]byte, n)
	if _, err := io.ReadFull(io.NewSectionReader(f.r, s.Offset, n), data); err != nil {
		return nil, err
	}
	l := f.at(s.Offset + n)
	if err := l.keyword("endstream"); err != nil {
		return nil, err
	}
	return data, nil
}

// decode decodes a stream with no filter or FlateDecode alone, which is what cross-reference streams and
// object streams have in practice.
func (f *File) decode(s *Stream) ([]byte, error) {
	data, err := f.data(s)
	if err != nil {
		return nil, err
	}
	filter := s.Dict["Filter"]
	parameters, _ := s.Dict["DecodeParms"].(Dict)
	if array, ok := filter.(Array); ok && len(array) == 1 {
		filter = array[0]
		if list, ok := s.Dict["DecodeParms"].(Array); ok && len(list) == 1 {
			parameters, _ = list[0].(Dict)
		}
	}
	switch filter {
	case nil:
		return data, nil
	case Name("FlateDecode"):
	default:
		return nil, malformed("unsupported filter of a stream")
	}
	z, err := zlib.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, malformed("compressed stream: %v", err)
	}
	plain, err := io.ReadAll(io.LimitReader(z, f.budget+1))
	switch {
	case err != nil:
		return nil, malformed("compressed stream: %v", err)
	case int64(len(plain)) > f.budget:
		return nil, malformed("streams of more than %d bytes", int64(maxDecoded))
	}
	f.budget -= int64(len(plain))
	f.work += 16 * int64(len(plain))
	return unpredicted(plain, parameters)
}

// unpredicted undoes a PNG predictor (ISO 32000-2 §7.4.4.4, PNG §9).
func unpredicted(data []byte, parameters Dict) ([]byte, error) {
	predictor, ok := parameters["Predictor"].(int64)
	if !ok || predictor == 1 {
		return data, nil
	}
	columns, ok := parameters["Columns"].(int64)
	if !ok {
		columns = 1
	}
	usual := func(key Name, value int64) bool { return parameters[key] == nil || parameters[key] == value }
	if predictor < 10 || predictor > 15 || columns < 1 || columns > 1024 || !usual("Colors", 1) || !usual("BitsPerComponent", 8) {
		return nil, malformed("unsupported predictor")
	}
	n := int(columns)
	var out []byte
	previous := make([]byte, n)
	for ; len(data) > 0; data = data[n+1:] {
		if len(data) < n+1 {
			return nil, malformed("row of a predictor")
		}
		row := bytes.Clone(data[1 : n+1])
		for i := range row {
			var left, upperLeft byte
			if i > 0 {
				left, upperLeft = row[i-1], previous[i-1]
			}
			switch data[0] {
			case 0:
			case 1:
				row[i] += left
			case 2:
				row[i] += previous[i]
			case 3:
				row[i] += byte((int(left) + int(previous[i])) / 2)
			case 4:
				row[i] += paeth(left, previous[i], upperLeft)
			default:
				return nil, malformed("unsupported predictor")
			}
		}
		out, previous = append(out, row...), row
	}
	return out, nil
}

func paeth(a, b, c byte) byte {
	abs := func(n int) int { return max(n, -n) }
	p := int(a) + int(b) - int(c)
	pa, pb, pc := abs(p-int(a)), abs(p-int(b)), abs(p-int(c))
	switch {
	case pa <= pb && pa <= pc:
		return a
	case pb <= pc:
		return b
	}
	return c
}

// compressed returns an object of an object stream (ISO 32000-2 §7.5.7).
func (f *File) compressed(number int, e Entry) (any, error) {
	container, err := f.container(e.Stream)
	if err != nil {
		return nil, err
	}
	if e.Index >= len(container.numbers) || container.numbers[e.Index] != number {
		return nil, malformed("object %d is not where the cross-reference section says", number)
	}
	start := container.first + container.offsets[e.Index]
	l := &lexer{size: int64(len(container.data)), pos: start, block: container.data}
	o, err := l.object(0)
	if err := errors.Join(err, f.spend(l.pos-start)); err != nil {
		return nil, err
	}
	return withoutPlaces(o), nil
}

// withoutPlaces clears where strings are: they are not in the file's own bytes.
func withoutPlaces(o any) any {
	switch o := o.(type) {
	case String:
		o.Start, o.End = -1, -1
		return o
	case Array:
		for i := range o {
			o[i] = withoutPlaces(o[i])
		}
	case Dict:
		for key := range o {
			o[key] = withoutPlaces(o[key])
		}
	}
	return o
}

func (f *File) container(number int) (*objects, error) {
	if o := f.decoded[number]; o != nil {
		return o, nil
	}
	e := f.entries[number]
	if e.Free || e.Stream != 0 || e.Offset == 0 {
		return nil, malformed("no object stream %d", number)
	}
	ref, o, err := f.indirect(e.Offset)
	if err != nil {
		return nil, err
	}
	stream, ok := o.(*Stream)
	if !ok || ref.Number != number || stream.Dict["Type"] != Name("ObjStm") {
		return nil, malformed("no object stream %d", number)
	}
	data, err := f.decode(stream)
	if err != nil {
		return nil, err
	}
	count, _ := stream.Dict["N"].(int64)
	first, _ := stream.Dict["First"].(int64)
	if count < 0 || first < 0 || first > int64(len(data)) || count > first {
		return nil, malformed("object stream %d", number)
	}
	decoded := &objects{data: data, first: first}
	l := &lexer{size: first, block: data}
	for range count {
		n, err := l.integer()
		if err != nil {
			return nil, err
		}
		offset, err := l.integer()
		if err != nil {
			return nil, err
		}
		if last := len(decoded.offsets) - 1; n < 1 || n > maxObjects || offset < 0 || first+offset > int64(len(data)) ||
			last >= 0 && offset <= decoded.offsets[last] {
			return nil, malformed("object stream %d", number)
		}
		decoded.numbers, decoded.offsets = append(decoded.numbers, int(n)), append(decoded.offsets, offset)
	}
	f.decoded[number] = decoded
	return decoded, nil
}
