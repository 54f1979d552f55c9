package proof_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/jpki/proof"
	"github.com/mykeykit/mykeykit/jpki/trust"
)

const testdata = "../../testdata/proof/"

// vectorFile is testdata/proof/vectors.json; its README describes it.
type vectorFile struct {
	Audience string
	Purpose  string
	Now      time.Time
	Trusted  []struct {
		SHA256 string `json:"sha256"`
		KeyID  string `json:"key_id"`
	}
	Vectors []vector
}

type vector struct{ Name, Message, Evidence, Result string }

func vectors(t testing.TB) (file vectorFile) {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(read(t, "vectors.json")))
	decoder.DisallowUnknownFields()
	require.NoError(t, decoder.Decode(&file))
	require.NotEmpty(t, file.Vectors)
	return file
}

func read(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(testdata + name)
	require.NoError(t, err)
	return b
}

// verifier is the one that the vectors are for.
func (f vectorFile) verifier(t testing.TB) *proof.Verifier {
	t.Helper()
	v := &proof.Verifier{Audience: f.Audience, Purpose: f.Purpose, Now: func() time.Time { return f.Now }, Once: new(store).once}
	for _, ca := range f.Trusted {
		keyID, err := hex.DecodeString(ca.KeyID)
		require.NoError(t, err)
		anchor := trust.Anchor{KeyID: keyID}
		_, err = hex.Decode(anchor.Fingerprint[:], []byte(ca.SHA256))
		require.NoError(t, err)
		v.Trust.Anchors = append(v.Trust.Anchors, anchor)
	}
	return v
}

// The vectors were made without this package, and it agrees with their results.
func TestKnownAnswers(t *testing.T) {
	file := vectors(t)
	verifier := file.verifier(t)
	for _, v := range file.Vectors {
		t.Run(v.Name, func(t *testing.T) {
			e, err := proof.ParseEvidence([]byte(v.Evidence))
			if v.Result == "ErrFormat" {
				require.ErrorIs(t, err, proof.ErrFormat)
				assert.Zero(t, e)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, v.Message, hex.EncodeToString(e.Challenge.Message()))
			holder, err := verifier.Verify(context.Background(), e)
			if v.Result != "ok" {
				requireOnly(t, v.Result, err)
				assert.Nil(t, holder)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, e.Challenge, holder.Challenge())
			assert.Equal(t, e.Certificate, holder.Certificate().Raw)
			assert.Equal(t, trust.IssuerPinned, holder.Issuer())
		})
	}
}

// The script beside the vectors, which uses openssl, comes to the same results.
func TestVectorsVerifyWithoutGo(t *testing.T) {
	for _, program := range []string{"python3", "openssl"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skip(program + " is not installed")
		}
	}
	var want strings.Builder
	for _, v := range vectors(t).Vectors {
		if v.Result != "ok" {
			v.Result = "refused"
		}
		want.WriteString(v.Result + ": " + v.Name + "\n")
	}
	command := exec.Command("python3", testdata+"verify.py")
	command.Env = append(os.Environ(), "PYTHONIOENCODING=utf-8")
	printed, err := command.CombinedOutput()
	require.NoError(t, err, string(printed))
	assert.Equal(t, want.String(), string(printed))
}

// The schema accepts what the package writes, and every vector that the package can read.
func TestSchema(t *testing.T) {
	var root map[string]any
	require.NoError(t, json.Unmarshal(read(t, "evidence.schema.json"), &root))
	validate := func(text string) []string {
		var value any
		require.NoError(t, json.Unmarshal([]byte(text), &value))
		return schema{t, root}.validate("", root, value)
	}
	written, err := json.Marshal(evidence(t))
	require.NoError(t, err)
	require.Empty(t, validate(string(written)))
	for _, v := range vectors(t).Vectors {
		if v.Result != "ErrFormat" {
			assert.Empty(t, validate(v.Evidence), v.Name)
		}
	}

	// A schema can't describe repeated members, the text around the object, the days of a
	// month, bytes of UTF-8 and normal forms.
	beyond := regexp.MustCompile("^repeated|^text |06-31|of 256 bytes .*館|か|e\u0301|\u212b")
	for name, text := range changedJSON(t, string(written)) {
		if json.Valid([]byte(text)) && !beyond.MatchString(name) {
			assert.NotEmpty(t, validate(text), name)
		}
	}
}

// schema validates with the keywords that evidence.schema.json uses.
type schema struct {
	t    *testing.T
	root map[string]any
}

func (s schema) validate(at string, schema map[string]any, value any) (faults []string) {
	fault := func(what string) { faults = append(faults, at+": "+what) }
	text, isText := value.(string)
	object, isObject := value.(map[string]any)
	for keyword, want := range schema {
		switch keyword {
		case "$schema", "$defs", "title", "description":
		case "type":
			if (want == "string" && !isText) || (want == "object" && !isObject) {
				fault("not a " + want.(string))
			}
		case "const":
			if value != want {
				fault("not the constant")
			}
		case "minLength", "maxLength":
			n := float64(utf8.RuneCountInString(text))
			if isText && (keyword == "minLength" && n < want.(float64) || keyword == "maxLength" && n > want.(float64)) {
				fault(keyword)
			}
		case "pattern":
			// Package regexp has no \u, which JSON Schema's regular expressions have.
			pattern := regexp.MustCompile(`\\u([0-9a-f]{4})`).ReplaceAllString(want.(string), `\x{$1}`)
			if isText && !regexp.MustCompile(pattern).MatchString(text) {
				fault("pattern")
			}
		case "required":
			for _, name := range want.([]any) {
				if _, there := object[name.(string)]; isObject && !there {
					fault("missing " + name.(string))
				}
			}
		case "additionalProperties":
			require.Equal(s.t, false, want)
			for name := range object {
				if _, known := schema["properties"].(map[string]any)[name]; !known {
					fault("unknown " + name)
				}
			}
		case "properties":
			for name, inner := range want.(map[string]any) {
				if member, there := object[name]; there {
					faults = append(faults, s.validate(at+"/"+name, inner.(map[string]any), member)...)
				}
			}
		case "$ref":
			name := strings.TrimPrefix(want.(string), "#/$defs/")
			faults = append(faults, s.validate(at, s.root["$defs"].(map[string]any)[name].(map[string]any), value)...)
		default:
			require.Fail(s.t, "unknown keyword", keyword)
		}
	}
	return faults
}
