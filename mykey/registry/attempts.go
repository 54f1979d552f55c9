package registry

import "math"

// identifiers is how many there are: 8 characters of 5 bits.
const identifierCount = 1 << 40

// ExpectedBeyond is how many of a number of holders are expected to find the
// identifiers of that many first attempts taken, so that they need one more:
// with 1, those who don't get the identifier that mykey derives for them without
// a registry. The nth holder finds each taken with a chance of n in 2^40.
func ExpectedBeyond(attempts uint32, holders int) float64 {
	k := float64(attempts)
	return float64(holders) * math.Pow(float64(holders)/identifierCount, k) / (k + 1)
}
