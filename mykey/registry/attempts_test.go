package registry_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/mykey/registry"
)

// countCollisions assigns identifiers to synthetic holders in memory and counts the collisions
// at each attempt. Only the first bits of an identifier count. A holder's candidates are
// random, as package mykey's are.
func countCollisions(holders, bits int) (collisions [9]int) {
	random := rand.New(rand.NewPCG(1, 2))
	taken := make(map[uint64]struct{}, holders)
	for range holders {
		for attempt := range uint32(len(collisions)) {
			short := random.Uint64() >> (64 - bits)
			if _, used := taken[short]; !used {
				taken[short] = struct{}{}
				break
			}
			collisions[attempt]++
		}
	}
	return collisions
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
	collisions := countCollisions(holders, bits)
	for i, got := range collisions[:2] {
		want := registry.ExpectedCollisions(uint32(i+1), holders) * math.Pow(scale, float64(i+1))
		assert.InDelta(t, want, got, 5*math.Sqrt(want))
	}
}

// BenchmarkRegistryMillionHolders counts the collisions of a million holders with 40 bits.
func BenchmarkRegistryMillionHolders(b *testing.B) {
	for b.Loop() {
		collisions := countCollisions(1_000_000, 40)
		b.ReportMetric(float64(collisions[0]), "second-attempts")
		b.ReportMetric(float64(collisions[1]), "third-attempts")
		require.Zero(b, collisions[2])
	}
}
