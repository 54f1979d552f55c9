package strictjson_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/mykeykit/mykeykit/internal/strictjson"
)

type inner struct {
	B string `json:"b"`
	N int    `json:"n,omitempty"`
}

type outer struct {
	A     string `json:"a"`
	Inner *inner `json:"inner,omitempty"`
	Yes   bool   `json:"yes,omitempty"`
}

func TestUnmarshal(t *testing.T) {
	for _, text := range []string{
		`{"a":"x"}`, `{"a":""}`, ` { "a" : "x" } `, `{"inner":{"b":"y"},"a":"x"}`, `{"a":"x","inner":{"b":"","n":3},"yes":true}`, `{"\u0061":"x"}`, `{"a":"{\"a\":1}"}`,
	} {
		var o outer
		assert.NoError(t, strictjson.Unmarshal([]byte(text), &o), text)
	}
	for _, text := range []string{
		``, `null`, `"a"`, `1`, `[]`, `{}`, `{"a":null}`, `{"a":1}`, `{"A":"x"}`, `{"a":"x","a":"x"}`, `{"a":"x","A":"x"}`, `{"a":"x","c":1}`, `{"a":"x","c":[]}`, `{"a":"x","c":{}}`,
		`{"a":"x"}{"a":"x"}`, `{"a":"x"} x`, `{"a":"x","inner":null}`, `{"a":"x","inner":{}}`, `{"a":"x","inner":{"b":"","b":""}}`, `{"a":"x","inner":{"b":"","n":0}}`,
		`{"a":"x","yes":false}`, "{\"a\":\"\xff\"}", `{"a":"x"`, `{"a":"x","inner":` + strings.Repeat(`{"b":`, 5000) + `""` + strings.Repeat(`}`, 5001),
	} {
		var o outer
		err := strictjson.Unmarshal([]byte(text), &o)
		if assert.Error(t, err, text) {
			assert.Less(t, len(err.Error()), 60)
		}
	}
}
