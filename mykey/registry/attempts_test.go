package registry_test

import (
	"crypto/x509"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/mykey"
	"github.com/mykeykit/mykeykit/mykey/registry"
)

// countCollisions assigns identifiers to synthetic holders in memory and counts the collisions
// at each attempt. Only the first bits of an identifier count.
func countCollisions(t testing.TB, holders, bits int) (collisions [9]int) {
	ns := generation(t, "points.example", 1).Namespace
	taken := make(map[uint64]struct{}, holders)
	for n := range holders {
		certificate := &x509.Certificate{RawSubjectPublicKeyInfo: publicKey("synthetic", n)}
		for attempt := range uint32(len(collisions)) {
			id, err := ns.DeriveAttempt(certificate, attempt)
			require.NoError(t, err)
			short := numberOf(id) >> (40 - bits)
			if _, used := taken[short]; !used {
				taken[short] = struct{}{}
				break
			}
			collisions[attempt]++
		}
	}
	return collisions
}

func numberOf(id mykey.ID) (n uint64) {
	const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
	for _, c := range []byte(id) {
		for position := range alphabet {
			if alphabet[position] == c {
				n = n<<5 | uint64(position)
			}
		}
	}
	return n
}

func TestExpectedCollisions(t *testing.T) {
	for holders, want := range map[int][3]float64{ // after 1, 2 and 3 attempts, as documented
		100_000:     {0.0045, 2.8e-10, 1.9e-17},
		1_000_000:   {0.455, 2.8e-7, 1.9e-13},
		10_000_000:  {45.5, 2.8e-4, 1.9e-9},
		100_000_000: {4547, 0.28, 1.9e-5},
	} {
		for i, w := range want {
			assert.InEpsilon(t, w, registry.ExpectedCollisions(uint32(i+1), holders), 0.03, "%d holders", holders)
		}
	}
	// The expectation matches a simulation with fewer identifiers.
	const holders, bits = 100_000, 22
	scale := math.Pow(2, 40-bits)
	collisions := countCollisions(t, holders, bits)
	for i, got := range collisions[:2] {
		want := registry.ExpectedCollisions(uint32(i+1), holders) * math.Pow(scale, float64(i+1))
		assert.InDelta(t, want, got, 5*math.Sqrt(want))
	}
}

// BenchmarkRegistryMillionHolders counts the collisions of a million holders with 40 bits.
func BenchmarkRegistryMillionHolders(b *testing.B) {
	for b.Loop() {
		collisions := countCollisions(b, 1_000_000, 40)
		b.ReportMetric(float64(collisions[0]), "second-attempts")
		b.ReportMetric(float64(collisions[1]), "third-attempts")
		require.Zero(b, collisions[2])
	}
}
