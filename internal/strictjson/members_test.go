package strictjson

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// byTokens is members by package json's tokens, which is slower.
func byTokens(text []byte) (paths []string, ok bool) {
	var path []string
	decoder := json.NewDecoder(bytes.NewReader(text))
	for name := true; decoder.More() || len(path) > 0; {
		token, err := decoder.Token()
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
			path[len(path)-1] = token.(string)
			paths, name = append(paths, strings.Join(path, "\x00")), false
		default:
			name = true
		}
	}
	slices.Sort(paths)
	return paths, true
}

func FuzzMembers(f *testing.F) {
	for _, text := range []string{
		`{}`, `{"a":"x"}`, ` { "a" : { "b" : -1.5e3 , "n" : true } , "a" : "}{" } `, `{"\u0061\"\\":"\\\"","\ud800":""}`, `{"a":null}`, `{"a":[]}`, `null`, `1`, `"x"`, `[{}]`,
		`{"a":{"a":{"a":{"a":{}}}}}`, `{"a":{"a":{"a":{"a":1}}}}`, `{"":{"":""},"n":"null","b":false}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if !json.Valid(text) {
			return
		}
		want, wantOK := byTokens(text)
		got, ok := members(text)
		require.Equal(t, wantOK, ok)
		require.Equal(t, want, got)
	})
}
