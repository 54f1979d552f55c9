package apdu_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/apdu"
)

func TestCommandForms(t *testing.T) {
	long := filled(300)
	for _, tt := range []struct {
		name    string
		command apdu.Command
		bytes   string
	}{
		{"case 1", apdu.Command{INS: 0x20, P2: 0x98}, "00200098"},
		{"case 2, one byte", apdu.Command{INS: 0xB0, P1: 0x8A, Ne: 1}, "00B08A0001"},
		{"case 2, 256 bytes are 00", apdu.Command{INS: 0xB0, P1: 0x8A, Ne: 256}, "00B08A0000"},
		{"case 2, extended", apdu.Command{INS: 0xB0, P1: 0x8A, Ne: 1567, Extended: true}, "00B08A0000061F"},
		{"case 2, 65536 bytes are 0000", apdu.Command{INS: 0xB0, P1: 0x8A, Ne: 65536, Extended: true}, "00B08A00000000"},
		{"case 3", apdu.Command{INS: 0xA4, P1: 2, P2: 0x0C}.WithData([]byte{0, 0x0A}), "00A4020C02000A"},
		{"case 3, extended", apdu.Command{INS: 0xA4, P1: 2, P2: 0x0C, Extended: true}.WithData([]byte{0, 0x0A}), "00A4020C000002000A"},
		{"case 4", apdu.Command{INS: 0x2A, P2: 0x97, Ne: 256}.WithData([]byte{1}), "002A0097010100"},
		{"case 4, extended", apdu.Command{CLA: 0x80, INS: 0x2A, P2: 0x97, Ne: 256, Extended: true}.WithData(long), "802A0097 00012C" + hexOf(long) + "0100"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			want := unhex(t, tt.bytes)
			encoded, err := tt.command.MarshalBinary()
			require.NoError(t, err)
			assert.Equal(t, want, encoded)

			decoded, err := apdu.ParseCommand(want)
			require.NoError(t, err)
			requireSameCommand(t, tt.command, decoded)
		})
	}
}

// requireSameCommand compares two commands and their data.
func requireSameCommand(t *testing.T, want, got apdu.Command) {
	t.Helper()
	require.Equal(t, want.WithData(nil), got.WithData(nil))
	require.Equal(t, want.Data(), got.Data())
}

func TestCommandRejectsInvalidLengths(t *testing.T) {
	for _, tt := range []struct {
		name    string
		command apdu.Command
	}{
		{"short, 256 bytes of data", apdu.Command{}.WithData(make([]byte, 256))},
		{"short, Ne 257", apdu.Command{Ne: 257}},
		{"negative Ne", apdu.Command{Ne: -1}},
		{"extended, 65536 bytes of data", apdu.Command{Extended: true}.WithData(make([]byte, 65536))},
		{"extended, Ne 65537", apdu.Command{Ne: 65537, Extended: true}},
		{"extended case 1", apdu.Command{Extended: true}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := tt.command.MarshalBinary()
			assert.ErrorIs(t, err, apdu.ErrCommand)
		})
	}
}

func TestParseCommandRejectsMalformedBytes(t *testing.T) {
	for name, bytes := range map[string]string{
		"nothing":                   "",
		"three bytes":               "00A404",
		"Lc longer than data":       "00A4040C 0A D392",
		"two bytes after data":      "00A4040C 01 AA 00 00",
		"extended length truncated": "00B08A00 00 00",
		"extended Lc of zero":       "00B08A00 00 0000 00",
		"extended Lc too long":      "00B08A00 00 0002 AA",
		"one byte of extended Le":   "00B08A00 00 0001 AA 00",
		"three bytes of extended":   "00B08A00 00 0001 AA 000000",
		"extended Lc without data":  "00B08A00 00 FFFF 00",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := apdu.ParseCommand(unhex(t, bytes))
			assert.ErrorIs(t, err, apdu.ErrCommand)
		})
	}
}

func FuzzCommand(f *testing.F) {
	for _, seed := range []string{
		"00200098", "00B08A0000", "00B08A00000000", "00A4040C0AD392F000260100000001",
		"002000980431323334", "802A009733", "802A0097000133000100",
	} {
		f.Add(unhex(f, seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := apdu.ParseCommand(b)
		if err != nil {
			require.ErrorIs(t, err, apdu.ErrCommand)
			require.Equal(t, apdu.Command{}, c, "no command is returned with an error")
			return
		}
		encoded, err := c.MarshalBinary()
		require.NoError(t, err)
		require.Equal(t, b, encoded)

		var again apdu.Command
		require.NoError(t, again.UnmarshalBinary(encoded))
		requireSameCommand(t, c, again)
	})
}

func TestUnmarshalBinaryRejectsMalformedBytes(t *testing.T) {
	c := apdu.Command{INS: 0xB0, Ne: 1}
	require.ErrorIs(t, c.UnmarshalBinary([]byte{0x00, 0xB0}), apdu.ErrCommand)
	assert.Equal(t, apdu.Command{INS: 0xB0, Ne: 1}, c, "unchanged")
}

// No way of printing a command shows its PIN.
//
// Faults: F48, F84.
func TestSecretCommandsDoNotPrintTheirSecret(t *testing.T) {
	canary := []byte("73057305") // long enough not to occur in an address by chance
	forms := []string{"73057305", "3733303537333035", "NzMwNTczMDU", "55 51 48 53", "55,51,48,53", "0x37, 0x33", "[8 bytes", " 08", "len=8", "Lc"}

	for _, c := range []apdu.Command{
		apdu.Command{INS: 0x20, P2: 0x98}.WithData(canary),
		apdu.Command{CLA: 0x10, INS: 0x20, P2: 0x98}.WithData(canary),
		apdu.Command{INS: 0x21, P2: 0x98}.WithData(canary),
		apdu.Command{INS: 0x24, P1: 1, P2: 0x98}.WithData(canary),
		apdu.Command{INS: 0x25, P1: 1, P2: 0x98}.WithData(canary),
		apdu.Command{INS: 0x2C, P2: 0x98}.WithData(canary),
		apdu.Command{INS: 0x2D, P2: 0x98}.WithData(canary),
		apdu.Command{CLA: 0x80, INS: 0x32, P2: 0x80}.WithData(canary),
	} {
		require.True(t, c.Secret())
		var log bytes.Buffer
		slog.New(slog.NewTextHandler(&log, nil)).Info("sent", "command", c, "pointer", &c)
		slog.New(slog.NewJSONHandler(&log, nil)).Info("sent", "command", c)
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
			fmt.Fprintf(&log, verb+"\n"+verb+"\n", c, &c)
			fmt.Fprintf(&log, verb+"\n", []apdu.Command{c})
			fmt.Fprintf(&log, verb+"\n", struct{ Command apdu.Command }{c})
			fmt.Fprintf(&log, verb+"\n", struct{ command apdu.Command }{c})
			fmt.Fprintf(&log, verb+"\n", map[string]any{"": struct{ command any }{c}})
		}
		marshalled, err := json.Marshal(map[string]any{"command": c})
		require.NoError(t, err)
		log.Write(marshalled)

		for _, form := range forms {
			assert.NotContains(t, log.String(), form)
		}
		assert.Contains(t, log.String(), "[redacted]")
		assert.Empty(t, c.Redacted().Data())
		assert.Equal(t, c.String(), c.Redacted().String())
		_, err = c.Redacted().MarshalBinary()
		assert.ErrorIs(t, err, apdu.ErrCommand, "a redacted command can't be sent")
	}

	query := apdu.Command{INS: 0x20, P2: 0x98}
	assert.False(t, query.Secret(), "VERIFY without data has no secret")
	assert.Equal(t, "00200098", query.String())
	assert.Equal(t, "00A4020C 02 000A", apdu.Command{INS: 0xA4, P1: 2, P2: 0x0C}.WithData([]byte{0, 10}).String())
	assert.Equal(t, "00B00000 Ne=256", apdu.Command{INS: 0xB0, Ne: 256}.String())
	assert.Equal(t, "802A0097 [17 bytes] Ne=256", apdu.Command{CLA: 0x80, INS: 0x2A, P2: 0x97, Ne: 256}.WithData(make([]byte, 17)).String())
}

// Faults: F48.
func TestParseErrorsDoNotShowBytes(t *testing.T) {
	_, err := apdu.ParseCommand([]byte("\x00\x20\x00\x98\x097305"))
	require.Error(t, err)
	assert.NotContains(t, err.Error(), "7305")
	assert.NotContains(t, err.Error(), "37333035")
}
