package simulator_test

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/reader/simulator"
)

// These responses were measured on test cards. The lines are explained at converse.
func TestMeasuredResponses(t *testing.T) {
	for _, tt := range []struct {
		name    string
		profile simulator.Profile
		lines   []string
	}{
		{"GET DATA in the issuer security domain", simulator.Contact, []string{
			selectISD + " > 9000", "00CA004200 > …9000", "00CA004500 > …9000", "00CA006600 > 66…9000", "00CA00F000 > …9000", "00CA00F200 > …9000",
			"00CA5F5100 > E000FF8131FE45149000", "00CA123400 > 6A88", "00CADF3000 > 6A88", "00CA0042 > 6700", "00CA00F2 01 > 6700",
		}},
		{"GET DATA before any application is selected", simulator.ContactExtended, []string{
			"00CA004200 > …9000", "00CA00F000 > …9000", "00CA5F5100 > E000FF8131FE45149000", "00CA123400 > 6A88",
		}},
		{"GET DATA inside an application", simulator.Contact, []string{
			selectJPKI + " > 9000", "00CA5F5100 > E000FF8131FE45149000", "00CA004200 > 6A88", "00CA00F000 > 6A88", "00CA123400 > 6A88",
			selectCommon + " > 9000", "00CA5F5100 > E000FF8131FE45149000", "00CA00F200 > 6A88",
		}},
		{"a long data object, with short and extended lengths", simulator.Contact, []string{
			selectISD + " > 9000", "00CA00F800 > 6700", "00CA00F8 000000 > 4D0A42105F20…9000",
		}},
		{"INTERNAL AUTHENTICATE", simulator.Contact, []string{
			selectJPKI + " > 9000", "00880097 04 01020304 00 > 6982", "00A4020C020017 > 9000", "00880080 04 01020304 00 > 6982",
			"0088009A 04 01020304 00 > 6982", "00880098 04 01020304 00 > 6981", "00880197 04 01020304 00 > 6A86",
			selectCommon + " > 9000", "00880099 04 01020304 00 > …9000", "00880099 00 > 6700", "00880099 04 01020304 > 6700",
		}},
		{"SET SESSION KEY and SET PUBLIC IC KEY", simulator.Contact, []string{
			selectJPKI + " > 9000", "80AE0000 01 00 > 6982", "80A20000 > 6A86", "80A20000 01 00 > 6A86", "80A28000 01 00 > 6A86",
			verify1234 + " > 9000", verifyABC123 + " > 9000", "80AE0000 01 00 > 6982",
			selectCommon + " > 9000", "80AE0000 01 00 > 66F1", "80A20000 01 00 > 6A86",
			selectVisual + " > 9000", "80AE0000 01 00 > 66F1",
		}},
		{"a file that needs another secret", simulator.Contact, []string{
			selectJPKI + " > 9000", "00B08900 00 > 6982", verifyABC123 + " > 9000", verify1234 + " > 9000", "00B08900 00 > 6982",
			"00A4020C020009 > 9000", "00B0000000 > 6982",
		}},
		{"files of unknown purpose", simulator.Contact, []string{
			selectJPKI + " > 9000", "00A4020C020010 > 9000", "00B0000000 > 6981", "00A4020C020016 > 9000", "00B0000000 > 6981",
			"00A4020C020015 > 6A82",
		}},
		{"READ RECORD", simulator.Contact, []string{
			selectJPKI + " > 9000", "00B20104 00 > 6986", "00A4020C02001E > 9000", "00B20104 00 > 6981", "00B20105 00 > 6981", "00B201F4 00 > 6981",
			"00B2012C 00 > 6A82",
		}},
		{"the text application", simulator.Contact, []string{
			selectText + " > 9000", "00A4020C020011 > 9000", "00200080 > 63C3", "00A4020C020012 > 9000", "00200080 > 63C0",
			"00200080 04 31323334 > 6984", "00200092 > 63C0", "00B0810000 > 6982", "00200091 04 39393939 > 63C2", "00B0810000 > 6982",
			"00200091 04 31323334 > 9000", "00200091 > 63C3", "00B0810000 > FF100C303132333435363738393031FFFF9000",
			selectJPKI + " > 9000", "00200098 > 63C3", selectText + " > 9000", "00B0810000 > 6982",
		}},
		{"the visual application", simulator.Contact, []string{
			selectVisual + " > 9000", "00A4020C020013 > 9000", "00200080 > 63CA", "00200093 > 63CA", "00B0930000 > 6981",
			"00200093 04 31323334 > 63C9",
		}},
		{"extended lengths, which this card accepts but does not declare", simulator.Contact, []string{
			"00840000 000008 > 6985", selectJPKI + " > 9000", "00840000 000008 > 6985",
			"00B08A00 000010 > 3082…9000", "00B08A00 000000 > 3082…FFFF9000",
		}},
		{"another card has no application of a My Number Card", simulator.NotMyNumber, []string{
			selectJPKI + " > 6A82", selectText + " > 6A82", selectVisual + " > 6A82", selectCommon + " > 6A82",
			"00A4040C 0A D3921000310001010401 > 6A82", "00A4040C 02 D392 > 6A82", "00A4040C 01 D3 > 6A82", "00A40000 > 6A86",
			selectISD + " > 9000", "00CA004200 > 6A88", "00CA5F5100 > 6A88",
		}},
		{"another card, after power-up", simulator.NotMyNumber, []string{"00A40000 > 6A86"}},
	} {
		t.Run(tt.name, func(t *testing.T) { converse(t, newCard(t, tt.profile), tt.lines) })
	}
}

// The common application's key signs a challenge without a PIN. The signature is
// deterministic, and no other key of the card makes it.
func TestInternalAuthenticate(t *testing.T) {
	card := newCard(t, simulator.Contact)
	card.PowerOn()
	exchange(t, card, selectCommon)
	response := exchange(t, card, "00880099 04 01020304 00")
	require.Len(t, response, 258)
	assert.Equal(t, response, exchange(t, card, "00880099 04 01020304 00"))
	exchange(t, card, selectJPKI)
	hash := sha256.Sum256([]byte{1, 2, 3, 4})
	for _, file := range []byte{0x0A, 0x0B} {
		key := certificate(t, card, file).PublicKey.(*rsa.PublicKey)
		assert.Error(t, rsa.VerifyPKCS1v15(key, crypto.SHA256, hash[:], response[:256]), "signed with another key")
	}
}

func TestWithFirstCommandRejected(t *testing.T) {
	converse(t, newCard(t, simulator.Contact, simulator.WithFirstCommandRejected()), []string{
		"00A40000 > 6F00", "00A40000 > 6A86", "cold", "00B08A0000 > 6F00", "00B08A0000 > 6986",
		"cold", "00 > 6F00", "00A40000 > 6A86", "cold", selectJPKI + " > 6F00", selectJPKI + " > 9000",
		verify9999 + " > 63C2", "warm", selectJPKI + " > 9000", "00200098 > 63C2",
		"cold", verify9999 + " > 6F00", selectJPKI + " > 9000", "00200098 > 63C2",
	})
}
