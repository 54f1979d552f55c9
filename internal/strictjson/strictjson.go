// Package strictjson decodes JSON objects that have one encoding only. Package json accepts
// repeated and unknown members, names in another case, null, and bytes after the value, so
// two programs can read different things in the same text.
package strictjson

import (
	"encoding/json"
	"errors"
	"fmt"
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

// members returns the sorted paths of the members of an object in valid JSON, also those of
// its objects. It returns false for null, arrays and objects that are nested too deeply.
func members(text []byte) (paths []string, ok bool) {
	var path []string
	isName := false
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case ' ', '\t', '\r', '\n':
			continue
		case '{':
			if len(path) == maxDepth {
				return nil, false
			}
			path, isName = append(path, ""), true
			continue
		}
		if len(path) == 0 {
			return nil, false
		}
		switch text[i] {
		case '}':
			path = path[:len(path)-1]
		case '[', 'n': // null, since strings are skipped
			return nil, false
		case ',':
			isName = true
		case ':':
			isName = false
		case '"':
			start := i
			i = endOfString(text, i)
			if isName {
				if json.Unmarshal(text[start:i+1], &path[len(path)-1]) != nil {
					return nil, false
				}
				paths = append(paths, strings.Join(path, "\x00"))
			}
		}
	}
	slices.Sort(paths)
	return paths, true
}

// endOfString returns the index of the quotation mark that ends the string at start.
func endOfString(text []byte, start int) int {
	i := start + 1
	for ; text[i] != '"'; i++ {
		if text[i] == '\\' {
			i++
		}
	}
	return i
}
