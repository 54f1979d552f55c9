package jpki_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/text/unicode/norm"

	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/jpki/trust"
)

// Faults: F46.
func TestParsePassword(t *testing.T) {
	for input, ok := range map[string]bool{
		"ABC123":                         true,
		"abc123":                         true,
		"ＡＢＣ１２３":                         true,
		"ａｂｃ123":                         true,
		"ABCDEF":                         true, // a letter and a digit are asked for at the office only
		"123456":                         true,
		"ABCDEFGH12345678":               true,
		strings.Repeat("𝟏", 16):          true,
		"":                               false,
		"ABC12":                          false,
		"ABCDEFGH123456789":              false,
		"ABC 123":                        false,
		"ABC-123":                        false,
		"ABC123\n":                       false,
		"ABC123\x00":                     false,
		"АВС123":                         false, // Cyrillic
		"ＡＢＣ１２３！":                        false,
		"ABC12\xff":                      false,
		"ßßßßßß":                         false,
		"ſſſſſſ":                         true, // to NFKC a long s is an s
		strings.Repeat("1", 1<<20):       false,
		"\u0300\u0300\u0300\u0300ABC123": false,
	} {
		_, err := jpki.ParsePassword([]byte(input))
		if ok {
			require.NoError(t, err, input)
		} else {
			require.Equal(t, jpki.ErrPasswordFormat, err, input)
		}
	}
}

var sixToSixteen = regexp.MustCompile(`^[0-9A-Za-z]{6,16}$`)

// An entry is a password if NFKC makes it 6 to 16 letters and digits.
//
// Faults: F46, F48.
func FuzzParsePassword(f *testing.F) {
	f.Add([]byte("ABC123"))
	f.Add([]byte("ａｂｃ１２３"))
	f.Add([]byte("ABC12\xff"))
	f.Fuzz(func(t *testing.T, input []byte) {
		before := bytes.Clone(input)
		p, err := jpki.ParsePassword(input)
		require.Equal(t, before, input, "the input is the caller's")
		if len(input) <= 256 && sixToSixteen.Match(norm.NFKC.Bytes(bytes.Clone(input))) {
			require.NoError(t, err)
		} else {
			require.Equal(t, jpki.ErrPasswordFormat, err)
		}
		require.Equal(t, "[password]", p.String())
	})
}

// Faults: F48.
func TestAPasswordCannotBePrinted(t *testing.T) {
	p := password(t, "canary7305")
	type hidden struct{ p jpki.Password }
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%c"} {
		for _, value := range []any{p, &p, hidden{p}, &hidden{p}, []jpki.Password{p}} {
			fmt.Fprintf(&out, verb+"\n", value)
		}
	}
	slog.New(slog.NewJSONHandler(&out, nil)).Info("password", "it", p, "hidden", hidden{p})
	b, err := json.Marshal(map[string]any{"it": &p})
	require.NoError(t, err)
	out.Write(b)
	for _, form := range append(canaryForms("CANARY7305"), "CANARY") {
		assert.NotContains(t, out.String(), form)
	}
	assert.Contains(t, out.String(), "[password]")
}

// The error says which of the two certificates can't be used.
//
// Faults: F85.
func TestValidityErrorNamesTheCertificate(t *testing.T) {
	h := newSigningHolder(t)
	late := jpki.WithClock(func() time.Time { return time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC) })
	_, err := jpki.NewSignatureSigner(context.Background(), h.Connect, "Reader", h.AskPassword, late)
	var validity *trust.ValidityError
	require.ErrorAs(t, err, &validity)
	assert.True(t, validity.SignatureCertificate)
	_, err = jpki.NewSigner(context.Background(), h.Connect, "Reader", nil, late)
	require.ErrorAs(t, err, &validity)
	assert.False(t, validity.SignatureCertificate)
}
