package pdf_test

import (
	"bytes"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/signtest"
	"github.com/mykeykit/mykeykit/jpki/pdf"
)

// No file makes Verify or Sign panic, and a file is good only if its signed bytes were signed.
func FuzzVerify(f *testing.F) {
	signer := signtest.New(f, nil)
	originals := map[string]bool{}
	for _, file := range files() {
		signed := signs(f, file, signer, pdf.Options{})
		originals[string(withoutContents(signed))] = true
		f.Add(signed)
	}
	v := verifier(f)
	f.Fuzz(func(t *testing.T, file []byte) {
		result, err := pdf.Verify(t.Context(), bytes.NewReader(file), int64(len(file)), v)
		if err == nil {
			first := result.Signatures[0]
			a, b, c := numbers(t, file)
			require.EqualValues(t, first.Covered, a+c)
			require.True(t, originals[string(append(bytes.Clone(file[:a]), file[b:b+c]...))], "nobody signed this")
		}
		_ = pdf.Sign(t.Context(), io.Discard, bytes.NewReader(file), int64(len(file)), signer, pdf.Options{Appearance: latin("x")})
	})
}

func withoutContents(file []byte) []byte {
	at := contents.FindSubmatchIndex(file)
	return append(bytes.Clone(file[:at[2]-1]), file[at[3]+1:]...)
}
