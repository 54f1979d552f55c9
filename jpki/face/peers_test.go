package face

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/apdu/tlv"
	"github.com/mykeykit/mykeykit/internal/peertest"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/jpki/cvc"
	"github.com/mykeykit/mykeykit/jpki/trust"
)

// certificateOf returns the CV certificate of J-LIS's test card, which its authority issued.
func certificateOf(t *testing.T) *cvc.Certificate {
	certificate, err := cvc.Parse(peertest.File(t, "surface-0004.bin"))
	require.NoError(t, err)
	policy := cvc.Policy{Authorities: []cvc.Authority{peertest.Authority(t, "6000023")}, Required: true}
	issuer, err := policy.Issuer(certificate)
	require.NoError(t, err)
	assert.Equal(t, trust.IssuerCaller, issuer)
	return certificate
}

// The files of J-LIS's test card are accepted, and with one bit changed they are rejected, unless it
// is in the parts that are not signed.
func TestPeerDataOfATestCard(t *testing.T) {
	file, certificate := peertest.File(t, "surface-0002.bin"), certificateOf(t)
	read, own, err := parseData(file, certificate.Key)
	require.NoError(t, err)
	assert.Equal(t, "19800217", read.birth)
	assert.Equal(t, jpki.Male, read.sex)
	assert.Len(t, read.unsigned.Expiry(), 8)
	assert.NotEmpty(t, read.unsigned.SecurityCodePNG())
	assert.Equal(t, 256, own.Size())

	signed := func(bit int) bool {
		for _, tag := range []tlv.Tag{0xDF21, tagExpiry, tagSecurityCode} {
			if from, to := peertest.RangeOf(t, file, tagFace, tag); from <= bit/8 && bit/8 < to {
				return false
			}
		}
		return true
	}
	peertest.Flips(file, func(bit int, changed []byte) {
		other, otherOwn, err := parseData(changed, certificate.Key)
		if err != nil {
			assert.Equal(t, data{}, other)
			return
		}
		assert.False(t, signed(bit), "bit %d", bit)
		other.unsigned, read.unsigned = Unsigned{}, Unsigned{}
		assert.Equal(t, read, other, "bit %d", bit)
		assert.True(t, own.Equal(otherOwn))
	})
}

func TestPeerAgeOfATestCard(t *testing.T) {
	file, certificate := peertest.File(t, "surface-0001.bin"), certificateOf(t)
	birth, _, err := parseAge(file, certificate.Key)
	require.NoError(t, err)
	assert.Equal(t, "19800217", birth)
	peertest.Flips(file, func(bit int, changed []byte) {
		_, _, err := parseAge(changed, certificate.Key)
		assert.Error(t, err, "bit %d", bit)
	})
}

func TestPeerCertificateOfATestCard(t *testing.T) {
	policy := cvc.Policy{Authorities: []cvc.Authority{peertest.Authority(t, "6000023")}, Required: true}
	file := peertest.File(t, "surface-0004.bin")
	peertest.Flips(file, func(bit int, changed []byte) {
		certificate, err := cvc.Parse(changed)
		if err == nil {
			_, err = policy.Issuer(certificate)
		}
		assert.Error(t, err, "bit %d", bit)
	})
}
