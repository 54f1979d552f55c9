package annotate_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/mykeykit/mykeykit/apdu"
	"github.com/mykeykit/mykeykit/internal/annotate"
)

func TestCommandDescriptions(t *testing.T) {
	var a annotate.Annotator
	assert.Equal(t, "select the JPKI application", a.Command(apdu.Command{INS: 0xA4, P1: 4, P2: 0x0C}.WithData([]byte{0xD3, 0x92, 0xF0, 0x00, 0x26, 0x01, 0x00, 0x00, 0x00, 0x01})))
	assert.Equal(t, "ask for the attempts left of the authentication PIN", a.Command(apdu.Command{INS: 0x20, P2: 0x98}))
	assert.Equal(t, "verify the authentication PIN", a.Command(apdu.Command{INS: 0x20, P2: 0x98}.WithData([]byte{1})))
	assert.Equal(t, "verify the selected file", a.Command(apdu.Command{INS: 0x20, P2: 0x80}.WithData([]byte{1})))
	assert.Equal(t, "select the authentication PIN", a.Command(apdu.Command{INS: 0xA4, P1: 2, P2: 0x0C}.WithData([]byte{0, 0x18})))
	assert.Equal(t, "read the file", a.Command(apdu.Command{INS: 0xB0, P1: 0x9D}))
	assert.Empty(t, a.Command(apdu.Command{INS: 0xFF}))
	assert.Equal(t, "log out: select the issuer security domain", a.Command(apdu.Command{INS: 0xA4, P1: 4, P2: 0x0C}.WithData([]byte{0xA0, 0, 0, 1, 0x51, 0, 0})))
}

// Files of the text and the visual application have names of their own.
func TestOtherApplications(t *testing.T) {
	var a annotate.Annotator
	selection := func(last byte) apdu.Command {
		return apdu.Command{INS: 0xA4, P1: 4, P2: 0x0C}.WithData([]byte{0xD3, 0x92, 0x10, 0, 0x31, 0, 1, 1, 4, last})
	}
	read := apdu.Command{INS: 0xB0, P1: 0x82}
	assert.Equal(t, "select the text application", a.Command(selection(8)))
	assert.Equal(t, "read the attributes", a.Command(read))
	assert.Equal(t, "ask for the attempts left of the verification number B", a.Command(apdu.Command{INS: 0x20, P2: 0x95}))
	assert.Equal(t, "select the visual application", a.Command(selection(2)))
	assert.Equal(t, "read the data and pictures", a.Command(read))
	assert.Equal(t, "read the file", a.Command(apdu.Command{INS: 0xB0, P1: 0x9D}))
	assert.Equal(t, "sign with the application's own key", a.Command(apdu.Command{INS: 0x2A}))
	assert.Equal(t, "select the JPKI application", a.Command(apdu.Command{INS: 0xA4, P1: 4, P2: 0x0C}.WithData([]byte{0xD3, 0x92, 0xF0, 0, 0x26, 1, 0, 0, 0, 1})))
	assert.Equal(t, "read the signature CA certificate", a.Command(read))
}

// A short identifier names different files on different generations of the card.
func TestFileNamesDependOnTheGeneration(t *testing.T) {
	var a annotate.Annotator
	read := apdu.Command{INS: 0xB0, P1: 0x80 | 0x17}
	assert.Equal(t, "read the authentication key", a.Command(read))
	assert.Equal(t, "select the JPKI application of generation 2", a.Command(apdu.Command{INS: 0xA4, P1: 4, P2: 0x0C}.WithData([]byte{0xD3, 0x92, 0xF0, 0, 0x26, 1, 0, 0, 0, 2})))
	assert.Equal(t, "read the signature key", a.Command(read))
}
