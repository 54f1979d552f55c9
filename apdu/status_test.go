package apdu_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/apdu"
)

// Status words that were observed or are defined in a standard, with their meaning and
// where they occur.
func TestStatusMeanings(t *testing.T) {
	for _, tt := range []struct {
		status apdu.Status
		text   string
		place  string
	}{
		{0x9000, "done", "ISO/IEC 7816-4"},
		{0x6282, "end of file before the requested length", "passports; tolerated by JPKI clients"},
		{0x6281, "warning", "ISO/IEC 7816-4"},
		{0x6300, "verification failed", "JICSAP, unlimited keys"},
		{0x63C0, "verification failed, attempts left: 0", "VERIFY without data, no attempt left"},
		{0x63C3, "verification failed, attempts left: 3", "also after a successful VERIFY (OpenSC pull request 959)"},
		{0x63CF, "verification failed, attempts left: 15", "ISO/IEC 7816-4"},
		{0x6381, "warning", "ISO/IEC 7816-4"},
		{0x6110, "more data available", "T=0 cards"},
		{0x6C10, "wrong expected length", "T=0 cards"},
		{0x6700, "wrong length", "VERIFY without data but with Le on a real card; rejected extended lengths"},
		{0x6881, "logical channel not supported", "My Number test card"},
		{0x6882, "secure messaging not supported", "My Number test card"},
		{0x69FC, "not known to this toolkit", "My Number test card, CLA 0C"},
		{0x6981, "command does not fit the file", "READ BINARY of a PIN's file, My Number test card"},
		{0x6982, "security status not satisfied", "signature without PIN"},
		{0x6983, "authentication method blocked", "ISO; assumed by several clients"},
		{0x6984, "reference data not usable", "locked secret, My Number test card"},
		{0x6985, "conditions of use not satisfied", "GET CHALLENGE with an extended length, My Number test card"},
		{0x6986, "no current file", "READ BINARY without a file, My Number test card"},
		{0x6A80, "incorrect data", "ISO/IEC 7816-4"},
		{0x6A81, "function not supported", "ISO/IEC 7816-4"},
		{0x6A82, "file or application not found", "any other card"},
		{0x6A86, "incorrect parameters P1 P2", "SELECT without data after power-up, My Number test card"},
		{0x6A88, "referenced data not found", "GET DATA of an unknown tag, My Number test card"},
		{0x6B00, "offset outside the file", "READ BINARY past the end"},
		{0x6D00, "instruction not supported", "ISO/IEC 7816-4"},
		{0x6E00, "class not supported", "ISO/IEC 7816-4"},
		{0x66F1, "execution error", "My Number test card, SET SESSION KEY"},
		{0x6F00, "no precise diagnosis", "first command after power-up, My Number test card"},
		{0x0000, "not known to this toolkit", "nowhere"},
	} {
		assert.Equal(t, fmt.Sprintf("status %04X: %s", uint16(tt.status), tt.text), tt.status.Error(), tt.place)
	}
}

// Faults: F39, F42.
func TestStatusMatching(t *testing.T) {
	for n := range 0x10000 {
		status := apdu.Status(n)
		wrapped := fmt.Errorf("VERIFY: %w", status)

		require.ErrorIs(t, wrapped, status)
		var found apdu.Status
		require.ErrorAs(t, wrapped, &found)
		require.Equal(t, status, found)
		require.NotEmpty(t, status.Error())

		counted := n >= 0x63C0 && n <= 0x63CF
		require.Equal(t, counted, errors.Is(wrapped, apdu.StatusVerificationFailed), "%04X", n)
		retries, ok := status.Retries()
		require.Equal(t, counted, ok)
		if ok {
			require.Equal(t, n-0x63C0, retries)
		}
		require.Equal(t, n == 0x9000, apdu.Response{Status: status}.Err() == nil, "%04X", n)
	}
	assert.NotErrorIs(t, apdu.Status(0x63C0), apdu.Status(0x63C3), "only 63C0 stands for the others")
}

// Faults: F31, F32.
func TestParseResponse(t *testing.T) {
	for _, tt := range []struct {
		name string
		in   []byte
		data []byte
		err  error
	}{
		{"status alone", []byte{0x90, 0x00}, nil, nil},
		{"data and status", []byte{1, 2, 0x90, 0x00}, []byte{1, 2}, nil},
		{"longest", make([]byte, 65538), make([]byte, 65536), nil},
		{"nothing", nil, nil, apdu.ErrShortResponse},
		{"one byte", []byte{0x90}, nil, apdu.ErrShortResponse},
		{"too long", make([]byte, 65539), nil, apdu.ErrExcessResponse},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, err := apdu.ParseResponse(tt.in)
			require.ErrorIs(t, err, tt.err)
			assert.Equal(t, tt.data, r.Data())
			if tt.err == nil {
				back, err := r.AppendBinary(nil)
				require.NoError(t, err)
				assert.Equal(t, tt.in, back)
			}
		})
	}
	_, err := apdu.NewResponse(make([]byte, 65537), apdu.StatusOK).AppendBinary(nil)
	assert.ErrorIs(t, err, apdu.ErrExcessResponse)
}

// Faults: F84.
func TestResponseDoesNotPrintItsData(t *testing.T) {
	r := apdu.NewResponse([]byte("personal"), 0x9000)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x"} {
		assert.Equal(t, "[8 bytes] 9000", fmt.Sprintf(verb, r))
	}
	// fmt prints the unexported fields of another struct without calling methods.
	type others struct{ last apdu.Response }
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%q", "%d"} {
		for _, printed := range []string{fmt.Sprintf(verb, others{r}), fmt.Sprintf(verb, []*others{{r}})} {
			assert.NotContains(t, printed, "personal", verb)
			assert.NotContains(t, printed, "706572736f6e616c", verb)
			assert.NotContains(t, printed, "112 101 114", verb)
			assert.NotContains(t, printed, "0x70, 0x65", verb)
		}
	}
	assert.Equal(t, "6A82", apdu.Response{Status: 0x6A82}.String())
	assert.Equal(t, "[8 bytes] 9000", r.LogValue().String())
	marshalled, err := json.Marshal(r)
	require.NoError(t, err)
	assert.Equal(t, `"[8 bytes] 9000"`, string(marshalled))
}

func FuzzResponse(f *testing.F) {
	f.Add([]byte{0x90, 0x00})
	f.Add([]byte{0x30, 0x03, 0x02, 0x01, 0x01, 0x90, 0x00})
	f.Add([]byte{0x63})
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := apdu.ParseResponse(b)
		if err != nil {
			require.Equal(t, apdu.Response{}, r)
			return
		}
		back, err := r.AppendBinary(nil)
		require.NoError(t, err)
		require.Equal(t, b, back)
	})
}
