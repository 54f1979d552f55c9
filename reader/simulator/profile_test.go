package simulator_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/apdu"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

func TestTokenInformation(t *testing.T) {
	for profile, label := range map[simulator.Profile]string{
		simulator.Contact:      "JPKIAPICCTOKEN2",
		simulator.ResidentCard: "JPKIAPICCTOKEN",
		simulator.Android:      "JPKIAPGPSETOKEN",
		simulator.IPhone:       "JPKIAPIOSTOKEN",
	} {
		record := readFile(t, poweredCard(t, profile), 0x06)
		assert.Len(t, record, 160)
		assert.Equal(t, fmt.Sprintf("%-32s", label), string(record[:32]))
	}
}

// The parts of an answer to reset fill it. If it has a check byte, the bytes after the
// first one cancel out.
func TestAnswersToReset(t *testing.T) {
	for _, p := range simulator.Profiles() {
		atr := apdu.ATR(newCard(t, p).ATR())
		history, err := atr.HistoricalBytes()
		require.NoError(t, err, p)
		assert.Contains(t, []int{len(atr), len(atr) - 1}, bytes.LastIndex(atr, history)+len(history), p)
		sum := byte(0)
		for _, b := range atr[1:] {
			sum ^= b
		}
		assert.Zero(t, sum, "%s %X", p, []byte(atr))
	}
	for profile, atr := range map[simulator.Profile]string{ // as listed by the sources
		simulator.Contact:         "3BE000FF8131FE4514",
		simulator.ContactExtended: "3BDA13FF8131FB468012392F31C173C601C03B",
		simulator.ContactShort:    "3BC5FF8131FB458073C6010000",
		simulator.Contactless:     "3B888001000041E0B381A1003B",
		simulator.NotMyNumber:     "3B888001000000009181C100D8",
	} {
		assert.Equal(t, unhex(t, atr), newCard(t, profile).ATR(), profile)
	}
}

func TestProfiles(t *testing.T) {
	assert.Len(t, simulator.Profiles(), 15)
	_, err := simulator.NewCard("no-such-card")
	assert.ErrorContains(t, err, "no-such-card")
}
