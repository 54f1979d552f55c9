// Package strictjson decodes JSON objects that have one encoding only. Package json accepts
// repeated and unknown members, names in another case, null, and bytes after the value, so
// two programs can read different things in the same text.
package strictjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

var errNotStrict = errors.New("not a JSON object with exactly its members")

const maxDepth = 4 // of objects in objects

// Unmarshal decodes an object of objects, strings, numbers and booleans. The members must
// be exactly those that json.Marshal writes for the result, each once: a member with
// omitempty must be missing if it is empty, and every other one must be there. The error
// quotes nothing, and wraps that of a type's own decoding.
func Unmarshal(text []byte, to any) error {
	if !utf8.Valid(text) {
		return errNotStrict
	}
	if err := json.Unmarshal(text, to); err != nil {
		if errors.As(err, new(*json.SyntaxError)) || errors.As(err, new(*json.UnmarshalTypeError)) {
			return errNotStrict
		}
		return fmt.Errorf("%w: %w", errNotStrict, err) // of a type's own UnmarshalJSON or UnmarshalText
	}
	want, err := json.Marshal(to)
	if err != nil {
		return err
	}
	got, ok := members(text)
	wanted, _ := members(want)
	if !ok || !slices.Equal(got, wanted) {
		return errNotStrict
	}
	return nil
}

// members returns the sorted paths of an object's members, also those of its objects. It
// returns false for null, arrays and objects that are nested too deeply.
func members(text []byte) (paths []string, ok bool) {
	var path []string
	decoder := json.NewDecoder(bytes.NewReader(text))
	for name := true; ; {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, false
		}
		switch {
		case token == json.Delim('{') && len(path) < maxDepth:
			path, name = append(path, ""), true
		case token == json.Delim('}'):
			path, name = path[:len(path)-1], true
		case token == nil || len(path) == 0 || token == json.Delim('{') || token == json.Delim('[') || token == json.Delim(']'):
			return nil, false
		case name:
			path[len(path)-1] = token.(string) // package json has no other names
			paths, name = append(paths, strings.Join(path, "\x00")), false
		default:
			name = true
		}
	}
	slices.Sort(paths)
	return paths, true
}
