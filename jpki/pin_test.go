package jpki_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"regexp"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/text/unicode/norm"

	"github.com/mykeykit/mykeykit/apdu"
	"github.com/mykeykit/mykeykit/internal/cardtest"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// Faults: F46.
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

var fourDigits = regexp.MustCompile(`^[0-9]{4}$`)

// An entry is a PIN if NFKC makes it four digits.
//
// Faults: F46, F48.
func FuzzParsePIN(f *testing.F) {
	f.Add([]byte("1234"))
	f.Add([]byte("１２３４"))
	f.Add([]byte("12\xff4"))
	f.Add([]byte("1234\u0301"))
	f.Add([]byte(strings.Repeat("𝟏", 16)))
	f.Fuzz(func(t *testing.T, input []byte) {
		before := bytes.Clone(input)
		p, err := jpki.ParsePIN(input)
		require.Equal(t, before, input, "the input is the caller's")
		if len(input) <= 64 && fourDigits.Match(norm.NFKC.Bytes(bytes.Clone(input))) {
			require.NoError(t, err)
		} else {
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

// Faults: F48.
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

// If a driver panics while it sends a PIN, neither the panic nor the arguments in the stack
// trace show the PIN.
//
// Faults: F48.
func TestAPanicDoesNotPrintThePIN(t *testing.T) {
	d := cardtest.Open(t, simulator.Contact)
	d.Before = func(_ int, c apdu.Command) error {
		if c.Secret() {
			panic(fmt.Sprintf("sending %v, %+v, %#v", c, &c, []apdu.Command{c}))
		}
		return nil
	}
	for _, typed := range []string{"7305", "７３０５"} {
		var printed string
		func() {
			defer func() { printed = fmt.Sprintf("%v\n%s", recover(), debug.Stack()) }()
			_, _ = jpki.Authenticate(context.Background(), d.Connection, pin(t, typed))
		}()
		require.Contains(t, printed, "sending 00200098 [redacted]")
		require.Contains(t, printed, "Attempt).Verify", "the stack at the panic")
		for _, form := range append(canaryForms("7305"), "0x37, 0x33", "35303337") { // the last as a number
			assert.NotContains(t, printed, form)
		}
		assert.False(t, d.Card.State().AuthVerified)
	}
}
