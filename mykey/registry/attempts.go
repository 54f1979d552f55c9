package registry

import "math"

// identifierCount is the number of identifiers: 8 characters of 5 bits.
const identifierCount = 1 << 40

// ExpectedCollisions returns the expected number of holders who get no identifier, because all of
// their candidates are taken. A holder has as many candidates as there are attempts. With attempts
// = 1 these are the holders who do not get the identifier that [mykey.Namespace.Derive] returns.
// Each candidate of the nth holder is taken with a probability of n / 2^40.
func ExpectedCollisions(attempts uint32, holders int) float64 {
	k := float64(attempts)
	return float64(holders) * math.Pow(float64(holders)/identifierCount, k) / (k + 1)
}
