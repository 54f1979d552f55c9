// Package object reads the objects of a PDF file (ISO 32000-2 §7.3 and §7.5) and writes them.
//
//	file, err := object.Open(r, size)
//	catalog, err := file.Dict(file.Trailer()["Root"])
//
// It reads through an io.ReaderAt and keeps no more of the file than the objects that were asked for.
// It is strict where programs that display PDF files guess: a file that two of them may read in two
// ways is no file to sign. Everything in a file may be hostile, so sizes, depths and counts are bounded.
package object

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
)

// ErrMalformed reports a file that is not a PDF file, or one that readers may interpret differently.
var ErrMalformed = errors.New("malformed PDF")

func malformed(format string, arguments ...any) error {
	return fmt.Errorf("%w: %s", ErrMalformed, fmt.Sprintf(format, arguments...))
}

// An object is nil (null), bool, int64, Real, String, Name, Array, Dict, Ref or *Stream.
type (
	// Real is a number with a decimal point, as it was written.
	Real string
	// Name is a name without its slash.
	Name string
	// Array is an array.
	Array []any
	// Dict is a dictionary.
	Dict map[Name]any
	// Ref is a reference to an indirect object.
	Ref struct{ Number, Generation int }
	// String is a string, and where it was written.
	String struct {
		Bytes      []byte
		Hex        bool
		Whole      bool  // of hexadecimal digits alone, two for each byte
		Start, End int64 // of the token in the file, with its brackets
	}
	// Stream is a stream. Its data start at Offset.
	Stream struct {
		Dict   Dict
		Offset int64
	}
)

// Append appends an object's encoding to b. Strings become hexadecimal.
func Append(b []byte, o any) []byte {
	switch o := o.(type) {
	case nil:
		return append(b, "null"...)
	case bool:
		return strconv.AppendBool(b, o)
	case int64:
		return strconv.AppendInt(b, o, 10)
	case int:
		return strconv.AppendInt(b, int64(o), 10)
	case Real:
		return append(b, o...)
	case String:
		return fmt.Appendf(b, "<%X>", o.Bytes)
	case Name:
		return appendName(b, o)
	case Ref:
		return fmt.Appendf(b, "%d %d R", o.Number, o.Generation)
	case Array:
		b = append(b, '[')
		for i, e := range o {
			if i > 0 {
				b = append(b, ' ')
			}
			b = Append(b, e)
		}
		return append(b, ']')
	case Dict:
		b = append(b, "<<"...)
		for _, key := range slices.Sorted(maps.Keys(o)) {
			b = append(Append(b, key), ' ')
			b = append(Append(b, o[key]), '\n')
		}
		return append(b, ">>"...)
	}
	panic(fmt.Sprintf("object: can't write a %T", o)) // a Stream is never copied
}

func appendName(b []byte, n Name) []byte {
	b = append(b, '/')
	for i := range len(n) {
		if c := n[i]; isRegular(c) && c != '#' && c > ' ' && c < 0x7F {
			b = append(b, c)
		} else {
			b = fmt.Appendf(b, "#%02X", c)
		}
	}
	return b
}

// Equal reports whether two objects are the same. References are equal if they name the same object.
func Equal(a, b any) bool {
	switch a := a.(type) {
	case String:
		b, ok := b.(String)
		return ok && bytes.Equal(a.Bytes, b.Bytes)
	case Array:
		b, ok := b.(Array)
		return ok && slices.EqualFunc(a, b, Equal)
	case Dict:
		b, ok := b.(Dict)
		return ok && maps.EqualFunc(a, b, Equal)
	case *Stream:
		return false // the caller compares their bytes, or does not need to
	}
	switch b.(type) {
	case String, Array, Dict, *Stream:
		return false
	}
	return a == b
}
