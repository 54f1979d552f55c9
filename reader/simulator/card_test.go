package simulator_test

import (
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/reader/simulator"
)

// The lines are explained at converse.
func TestCardAnswers(t *testing.T) {
	for _, tt := range []struct {
		name    string
		profile simulator.Profile
		lines   []string
	}{
		{"nothing is selected after power-up", simulator.Contact, []string{
			"00A4020C02000A > 6A86", "00B0000000 > 6986", "00B08A0000 > 6986", "00200080 > 6986", "00200098 > 6986", "00A40000 > 6A86",
		}},
		{"applications", simulator.Contact, []string{
			"00A4040C 05 A000000308 > 6A82", selectJPKI + " > 9000", "00A40000 > 9000", "00A40000023F00 > 6A82",
			"00A4040C 05 A000000308 > 6A82", "00200098 > 63C3", // an unknown name selects nothing
			"00A4040C 06 D392F0002601 > 9000", "00200098 > 63C3", // the first bytes of a name
			"00A40400 0A D392F000260100000001 00 > 6F0C840AD392F0002601000000019000",
			"00A4040C 02 D392 > 9000", "00200098 > 6A82", // the first application that matches is another one
			"00A4040E 02 D392 > 9000", "00A4040E 02 D392 > 9000", "00A4040E 02 D392 > 9000", "00A4040E 02 D392 > 9000", "00200098 > 63C3",
			"00A4040E 02 D392 > 6A82",
			"00A4040C 00 > 6700", "00A4060C 02 3F00 > 6A86", "00A4040C 11 D392F00026010000000100000000000000 > 6700",
			selectText + " > 9000", "00200091 > 63C3",
			selectISD + " > 9000",
		}},
		{"files", simulator.Contact, []string{
			selectJPKI + " > 9000", "00A4020C020006 > 9000", "00B0000020 > " + hex.EncodeToString([]byte("JPKIAPICCTOKEN2                 ")) + "9000",
			"00B0000000 > …9000", "00B000A000 > 6B00", "00B0009F00 > 399000", "00A4020C02EEEE > 6A82",
			"00B0800000 > …9000", "00B09F0000 > 6A86", "00B09D0000 > 6A82", "00B09E0000 > 6981", "00B0970000 > 6981", "00B0980000 > 6981",
			"00B08800 00 > 8F8F009000", "00B08A0004 > 308206…9000", "00B0000404 > …9000",
			"00B07FFF00 > 6B00", "00B08A00 > 6700", "00B08A0001AA00 > 6700",
			"00B08100 00 > 6982", "00B08900 00 > 6982",
		}},
		{"reading the retry counter uses no attempt", simulator.Contact, []string{
			selectJPKI + " > 9000", "00200098 > 63C3", "00200098 > 63C3", "00A4020C020018 > 9000", "00200080 > 63C3",
			"0020008000 > 6700", "00A4020C02001B > 9000", "00200080 > 63C5", "0020009B > 63C5", "00200097 > 6981", "00200198 > 6A86",
			"00200018 > 6A86", "0020009F > 6A86",
			verify1234 + " > 9000", "00200098 > 63C3",
		}},
		{"a wrong PIN uses an attempt, and the right one restores them", simulator.Contact, []string{
			selectJPKI + " > 9000", verify9999 + " > 63C2", "00200098 > 63C2", verify9999 + " > 63C1", verify1234 + " > 9000", "00200098 > 63C3",
		}},
		{"three wrong PINs lock the card", simulator.Contact, []string{
			selectJPKI + " > 9000", verify9999 + " > 63C2", verify9999 + " > 63C1", verify9999 + " > 63C0",
			verify1234 + " > 6984", "00200098 > 63C0", "cold", selectJPKI + " > 9000", verify1234 + " > 6984", signAA + " > 6982",
		}},
		{"a PIN of another length is a wrong PIN, up to 16 bytes", simulator.Contact, []string{
			selectJPKI + " > 9000", "00200098 05 3132333435 > 63C2", "00200098 11 3132333435363738393031323334353637 > 6700", "00200098 > 63C2",
		}},
		{"a wrong PIN ends the verified state", simulator.Contact, []string{
			selectJPKI + " > 9000", verify1234 + " > 9000", signAA + " > …9000", verify9999 + " > 63C2", signAA + " > 6982",
		}},
		{"a warm reset and selecting the same application keep the verified state", simulator.Contact, []string{
			selectJPKI + " > 9000", signAA + " > 6982", verify1234 + " > 9000", signAA + " > …9000", signAA + " > …9000",
			selectJPKI + " > 9000", signAA + " > …9000", "warm", signAA + " > 6986", selectJPKI + " > 9000", signAA + " > …9000",
			"00A4040C 05 A000000308 > 6A82", signAA + " > …9000",
		}},
		{"selecting another application ends the verified state", simulator.Contact, []string{
			selectJPKI + " > 9000", verify1234 + " > 9000", selectISD + " > 9000", selectJPKI + " > 9000", signAA + " > 6982",
			verify1234 + " > 9000", selectText + " > 9000", selectJPKI + " > 9000", signAA + " > 6982",
		}},
		{"a cold reset ends the verified state", simulator.Contact, []string{
			selectJPKI + " > 9000", verify1234 + " > 9000", "cold", selectJPKI + " > 9000", signAA + " > 6982",
		}},
		{"the signature password protects the signature key and certificate", simulator.Contact, []string{
			selectJPKI + " > 9000", verify1234 + " > 9000", "00B0810004 > 6982", "802A009A01AA00 > 6982",
			verifyABC123 + " > 9000", "00B0810004 > 3082…9000", "802A009A01AA00 > …9000", "00B0820004 > 3082…9000",
			"0020009B 06 414243313233 > 9000", "0020009B 06 616263313233 > 63C4", "802A009A01AA00 > 6982", signAA + " > …9000",
		}},
		{"signing with a selected file", simulator.Contact, []string{
			selectJPKI + " > 9000", verify1234 + " > 9000", "802A008001AA00 > 6981", "00A4020C020017 > 9000", "802A008001AA00 > …9000",
			"802A0697 01 AA 00 > 6A86", "802A0097 01 AA > 6700", "802A0097 00 > 6700", "802A0297 01 AA 00 > 6985", "802A0497 01 AA 00 > 6985",
			"802A0097 01 AA 10 > 6700",
		}},
		{"changing the PIN", simulator.Contact, []string{
			selectJPKI + " > 9000", "00240198 04 39393939 > 6982", verify1234 + " > 9000", "00240098 04 39393939 > 6A86",
			"00240198 04 39393939 > 9000", "cold", selectJPKI + " > 9000", verify1234 + " > 63C2", verify9999 + " > 9000",
		}},
		{"classes and instructions", simulator.Contact, []string{
			selectJPKI + " > 9000", "01200098 > 6881", "40200098 > 6881", "0CA4040C > 6882", "08B0000000 > 69FC", "0C200098 > 69FC",
			"00CADF3005 > 6A88", "00CB3FFF035C017E08 > 6D00", "00C0000000 > 6D00", "80200098 > 6D00", "10200098 > 6E00", "A0200098 > 6E00",
			"80FC0000 > 6700", "0020 > 6700", "00A4040C 0A D3 > 6700",
		}},
		{"challenges", simulator.Contact, []string{
			"0084000008 > …9000", "00840000 > 6700", "0084010008 > 6A86",
		}},
		{"extended lengths, declared", simulator.ContactExtended, []string{
			selectJPKI + " > 9000", "00B08A00 000010 > …9000", "00B08A00 000000 > …FFFF9000", "00840000 000008 > 6985",
		}},
		{"extended lengths, declared absent", simulator.ContactShort, []string{
			selectJPKI + " > 9000", "00B08A00 000010 > 6700",
		}},
		{"reading a phone's certificate requires the PIN", simulator.Android, []string{
			selectJPKI + " > 9000", "00B0860020 > " + hex.EncodeToString([]byte("JPKIAPGPSETOKEN                 ")) + "9000",
			"00B08A0004 > 6982", verify1234 + " > 9000", "00B08A0004 > 3082…9000", "80FC0000 > 6700",
		}},
		{"an iPhone accepts the last command", simulator.IPhone, []string{
			selectJPKI + " > 9000", "00B08A0004 > 6982", "80FC0000 > 9000",
		}},
		{"no certificate", simulator.NoCertificate, []string{
			selectJPKI + " > 9000", "00B0880000 > 8F00009000", "00B08A0004 > FFFFFFFF9000",
		}},
		{"no attempt left", simulator.Locked, []string{selectJPKI + " > 9000", "00200098 > 63C0", verify1234 + " > 6984"}},
		{"last attempt", simulator.LastAttempt, []string{selectJPKI + " > 9000", "00200098 > 63C1", verify9999 + " > 63C0"}},
		{"face authentication", simulator.FaceAuth, []string{
			selectJPKI + " > 9000", "00200098 > 63C0", "00B0880000 > 008F009000", "00B0810004 > 6A82", "00B08A0004 > 3082…9000",
		}},
		{"not a My Number Card", simulator.NotMyNumber, []string{selectJPKI + " > 6A82", selectISD + " > 9000"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			converse(t, newCard(t, tt.profile), tt.lines)
		})
	}
}

func TestWithBlockedStatus(t *testing.T) {
	card := poweredCard(t, simulator.Locked, simulator.WithLockedStatus(0x6983))
	assert.Equal(t, "6983", hex.EncodeToString(exchange(t, card, verify1234)))
	assert.Equal(t, "63c0", hex.EncodeToString(exchange(t, card, "00200098")))
}

func TestCardWithoutPowerAnswersNothing(t *testing.T) {
	card := newCard(t, simulator.Contact)
	assert.Nil(t, exchange(t, card, selectJPKI))
	card.PowerOn()
	assert.NotNil(t, exchange(t, card, selectJPKI))
	card.PowerOff()
	assert.Nil(t, exchange(t, card, selectJPKI))
}

// OpenSC sends these commands before it selects JPKI, in this order.
func TestCardRejectsOpenSCProbes(t *testing.T) {
	card := newCard(t, simulator.Contact)
	card.PowerOn()
	probes := []string{
		"00A4040C 06 627601FF0000", "00A4040C 06 A00000000101", "00A4040C 0B E82B0601040181C31F0201",
		"00A4040C 0F D23300000045737445494420763335",
		"00CADF3005", "00CB3FFF035C017E08", "00A4040C 09 A00000030800001000", "00A4040C 06 A000000116DB00",
	}
	for n := range 16 {
		probes = append(probes, fmt.Sprintf("00A4040C 07 A00000007901%02X", n))
	}
	probes = append(probes, "00A4040C 0C F276A288BCFBA69D34F31001", "00A4040C 09 A00000039742544659", "00A4040C 06 D27600012401")
	for _, probe := range probes {
		assert.Contains(t, []string{"6a82", "6a88", "6d00"}, hex.EncodeToString(exchange(t, card, probe)), probe)
	}
	assert.Equal(t, "9000", hex.EncodeToString(exchange(t, card, selectJPKI)))
}

// A card answers every command with a status word.
func FuzzCard(f *testing.F) {
	for _, seed := range []string{selectJPKI, verify1234, signAA, "00B08A0000", "00B08A00000000", "0084000008", "00240198 04 39393939"} {
		b, _ := hex.DecodeString(strings.ReplaceAll(seed, " ", ""))
		f.Add(b, b)
	}
	f.Fuzz(func(t *testing.T, first, second []byte) {
		card := poweredCard(t, simulator.ContactExtended)
		before := card.State().AuthAttempts
		for _, command := range [][]byte{first, second} {
			require.GreaterOrEqual(t, len(card.Exchange(command)), 2)
		}
		require.GreaterOrEqual(t, card.State().AuthAttempts, before-2)
	})
}
