package text

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/peertest"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/jpki/cvc"
	"github.com/mykeykit/mykeykit/jpki/trust"
)

// The files of J-LIS's test card are accepted. With one bit changed in any of them they are rejected,
// unless it is in the table of offsets, which is neither signed nor used.
func TestPeerFilesOfATestCard(t *testing.T) {
	r := Reader{Policy: cvc.Policy{Authorities: []cvc.Authority{peertest.Authority(t, "6000033")}, Required: true}}
	number, attributesFile := peertest.File(t, "text-0001-physical.bin"), peertest.File(t, "text-0002.bin")
	integrity, certificate := peertest.File(t, "text-0003.bin"), peertest.File(t, "text-0004.bin")
	readAttributes := func(file, integrity, certificate []byte) (attributes, error) {
		a, signed, err := parseAttributes(file)
		if err == nil {
			a.issuer, err = r.checkFiles(integrity, certificate, tagAttributesDigest, signed)
		}
		return a, err
	}
	readNumber := func(file, integrity, certificate []byte) error {
		_, err := parseNumber(file)
		if err == nil {
			_, err = r.checkFiles(integrity, certificate, tagNumberDigest, file)
		}
		return err
	}

	a, err := readAttributes(attributesFile, integrity, certificate)
	require.NoError(t, err)
	assert.Equal(t, attributes{a.name, a.address, "19800217", jpki.Male, trust.IssuerCaller}, a)
	assert.Len(t, []rune(a.name), 5)
	assert.Len(t, []rune(a.address), 18)
	require.NoError(t, readNumber(number, integrity, certificate))

	from, to := peertest.RangeOf(t, attributesFile, tagAttributes, tagOffsets)
	peertest.Flips(attributesFile, func(bit int, changed []byte) {
		if other, err := readAttributes(changed, integrity, certificate); err == nil {
			assert.True(t, from <= bit/8 && bit/8 < to, "bit %d", bit)
			assert.Equal(t, a, other, "bit %d", bit)
		}
	})
	peertest.Flips(number, func(bit int, changed []byte) {
		assert.Error(t, readNumber(changed, integrity, certificate), "bit %d", bit)
	})
	for name, file := range map[string][]byte{"integrity record": integrity, "certificate": certificate} {
		peertest.Flips(file, func(bit int, changed []byte) {
			files := map[string][]byte{"integrity record": integrity, "certificate": certificate}
			files[name] = changed
			_, err := readAttributes(attributesFile, files["integrity record"], files["certificate"])
			assert.Error(t, err, "%s, bit %d", name, bit)
			assert.Error(t, readNumber(number, files["integrity record"], files["certificate"]), "%s, bit %d", name, bit)
		})
	}
}
