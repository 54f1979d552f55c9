package simulator_test

import (
	"crypto/sha256"
	"encoding/hex"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/reader/simulator"
)

// Keys and certificates of one seed and one time are the same in every run, on every
// machine.
func TestSeededCertificates(t *testing.T) {
	now := time.Date(2026, 4, 1, 3, 0, 0, 0, time.UTC)
	for profile, want := range map[simulator.Profile]map[byte]string{
		simulator.Contact:      {0x0A: "10d4e941ce69b9c0", 0x0B: "d47d00ae6de16668", 0x01: "f9b190dad5c90933", 0x02: "73c922492fe75272"},
		simulator.Android:      {0x0A: "60dbfc43f1f6e418", 0x0B: "d47d00ae6de16668", 0x01: "79064af8e027f004", 0x02: "73c922492fe75272"},
		simulator.ResidentCard: {0x0A: "6ef4495b56356c5c", 0x0B: "d47d00ae6de16668", 0x01: "b959c8b94b25e7cf", 0x02: "73c922492fe75272"},
	} {
		card, err := simulator.NewCard(profile, simulator.WithInsecureSeed("test"), simulator.WithClock(func() time.Time { return now }))
		require.NoError(t, err)
		card.PowerOn()
		exchange(t, card, selectJPKI)
		exchange(t, card, verify1234)
		exchange(t, card, "0020009B 06 414243313233")
		for file, want := range want {
			hash := sha256.Sum256(readFile(t, card, file))
			assert.Equal(t, want, hex.EncodeToString(hash[:8]), "%s, file %02X", profile, file)
		}
	}
}
