package jpki_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/jpki"
)

func TestParsePIN(t *testing.T) {
	for _, tt := range []struct {
		name, input string
		ok          bool
	}{
		{"digits", "1234", true},
		{"zeros", "0000", true},
		{"full-width digits", "１２３４", true},
		{"mixed widths", "1２3４", true},
		{"mathematical digits are digits to NFKC", "𝟏𝟐𝟑𝟒", true},
		{"empty", "", false},
		{"three digits", "123", false},
		{"five digits", "12345", false},
		{"letters", "12a4", false},
		{"a signature password", "ABC123", false},
		{"a zero byte", "123\x00", false},
		{"four zero bytes", "\x00\x00\x00\x00", false},
		{"a space before", " 1234", false},
		{"a line feed after", "1234\n", false},
		{"a hyphen", "12-4", false},
		{"Arabic digits", "١٢٣٤", false},
		{"kanji digits", "一二三四", false},
		{"a digit with a combining mark", "1234\u0301", false},
		{"one character that expands to more", "㍘㍘", false},
		{"not UTF-8", "12\xff4", false},
		{"very long", strings.Repeat("1", 1<<20), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := jpki.ParsePIN([]byte(tt.input))
			if tt.ok {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, jpki.ErrPINFormat)
			if tt.input != "" {
				assert.NotContains(t, err.Error(), tt.input)
			}
		})
	}
}

func FuzzParsePIN(f *testing.F) {
	f.Add([]byte("1234"))
	f.Add([]byte("１２３４"))
	f.Add([]byte("12\xff4"))
	f.Fuzz(func(t *testing.T, input []byte) {
		before := bytes.Clone(input)
		p, err := jpki.ParsePIN(input)
		require.Equal(t, before, input, "the input is the caller's")
		if err != nil {
			require.Equal(t, jpki.ErrPINFormat, err)
		}
		require.Equal(t, "[PIN]", p.String())
	})
}

// canaryForms are the forms in which a PIN could show up in output.
func canaryForms(digits string) []string {
	var list []string
	for _, c := range []byte(digits) {
		list = append(list, fmt.Sprint(c))
	}
	return []string{
		digits, hex.EncodeToString([]byte(digits)), strings.ToUpper(hex.EncodeToString([]byte(digits))),
		strings.TrimRight(base64.StdEncoding.EncodeToString([]byte(digits)), "="),
		strings.Join(list, " "), strings.Join(list, ","), strings.Join(list, ", "),
	}
}

func TestAPINCannotBePrinted(t *testing.T) {
	p := pin(t, "7305")
	type hidden struct{ pin jpki.PIN }
	type shown struct{ PIN jpki.PIN }

	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%c", "%U", "%b", "%t"} {
		for _, value := range []any{p, &p, hidden{p}, &hidden{p}, shown{p}, []jpki.PIN{p}, map[string]jpki.PIN{"pin": p}, fmt.Errorf("with %v", p)} {
			fmt.Fprintf(&out, verb+"\n", value)
		}
	}
	slog.New(slog.NewJSONHandler(&out, nil)).Info("pin", "pin", p, "shown", shown{p}, "hidden", hidden{p})
	slog.New(slog.NewTextHandler(&out, nil)).Info("pin", "pin", p, "shown", shown{p}, "hidden", hidden{p})
	for _, value := range []any{p, shown{p}, map[string]any{"pin": &p}} {
		b, err := json.Marshal(value)
		require.NoError(t, err)
		out.Write(b)
	}
	for _, form := range canaryForms("7305") {
		assert.NotContains(t, out.String(), form)
	}
	assert.Contains(t, out.String(), "[PIN]")
}
