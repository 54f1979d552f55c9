package trust_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/mykeykit/mykeykit/jpki/trust"
)

// The anchors are those that card documentation and J-LIS's repository publish, and no CA
// of simulated or test cards.
func TestPinnedFingerprints(t *testing.T) {
	var pinned []string
	for _, a := range trust.JLIS() {
		pinned = append(pinned, fmt.Sprintf("%x %x", a.Fingerprint, a.KeyID))
	}
	assert.Equal(t, []string{
		"4dcfc4ca0aaf9fb2a3081b3f0c991c320b3acc008667a341eeaec5af1d58ca7d 9567951b5ca70d84a0fff1d85a87f1aab1340385",
		"0d98de47fc11b7f67126874b7028b6026a803d2638d6edfe53176953961fade6 8cd5586a891485e559379b7e29d410cfd28b3593",
		"64114f29620c24ed2631d46476a040e7ee740d956089c00b036a6a8118c322b5 1ac100f596a3bc8c4b3df195e32699249e9e308a",
	}, pinned)
}
