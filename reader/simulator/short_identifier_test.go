package simulator_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/apdu"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// The fault rejects commands with a short file identifier. The same file can be selected
// and used.
//
// Faults: F76.
func TestRejectShortFileIdentifiers(t *testing.T) {
	driver := simulator.New()
	slot := driver.AddReader("Reader")
	require.NoError(t, slot.Insert(newCard(t, simulator.Contact)))
	slot.AddFault(simulator.RejectShortFileIdentifiers(apdu.StatusFunctionNotSupported))
	session, err := driver.Connect(context.Background(), "Reader")
	require.NoError(t, err)
	defer session.Close()
	for _, tt := range []struct {
		command string
		want    apdu.Status
	}{
		{selectJPKI, apdu.StatusOK},
		{"00B08A0010", apdu.StatusFunctionNotSupported},
		{"00A4020C02000A", apdu.StatusOK},
		{"00B0000010", apdu.StatusOK},
		{"00B0010010", apdu.StatusOK}, // at offset 256
		{"00200098", apdu.StatusFunctionNotSupported},
		{"002000980431323334", apdu.StatusFunctionNotSupported},
		{"00A4020C020018", apdu.StatusOK},
		{"00200080", 0x63C3},
		{"002000800431323334", apdu.StatusOK},
		{"002401980431323334", apdu.StatusFunctionNotSupported},
		{"002401800431323334", apdu.StatusOK},
		{"802A0097010100", apdu.StatusFunctionNotSupported},
		{"00A4020C020017", apdu.StatusOK},
		{"802A0080010100", apdu.StatusOK},
		{"0084000008", apdu.StatusOK}, // GET CHALLENGE uses no file
	} {
		answer, err := session.Transmit(context.Background(), unhex(t, tt.command))
		require.NoError(t, err)
		parsed, err := apdu.ParseResponse(answer)
		require.NoError(t, err)
		assert.Equal(t, tt.want, parsed.Status, tt.command)
	}
	slot.ClearFaults()
	answer, err := session.Transmit(context.Background(), unhex(t, "00200098"))
	require.NoError(t, err)
	assert.Equal(t, []byte{0x63, 0xC3}, answer)
}
