package tlv_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/apdu/tlv"
)

// An element may hold the individual number, so printing it does not show the value.
//
// Faults: F84.
func TestElementsDoNotPrintTheirValue(t *testing.T) {
	e, _, err := tlv.Read(append(unhex(t, "FF10 0C"), "012345678901"...))
	require.NoError(t, err)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		assert.Equal(t, "FF10 [12 bytes]", fmt.Sprintf(verb, e))
		for _, printed := range []string{fmt.Sprintf(verb, struct{ e tlv.Element }{e}), fmt.Sprintf(verb, []*tlv.Element{&e})} {
			assert.NotContains(t, printed, "0123", verb)
			assert.NotContains(t, printed, "30313233", verb)
			assert.NotContains(t, printed, "48 49 50", verb)
			assert.NotContains(t, printed, "0x30, 0x31", verb)
		}
	}
	assert.Equal(t, "FF10 [12 bytes]", e.LogValue().String())
	marshalled, err := json.Marshal(e)
	require.NoError(t, err)
	assert.Equal(t, `"FF10 [12 bytes]"`, string(marshalled))
	assert.Equal(t, "00 [0 bytes]", tlv.Element{}.String())
}
