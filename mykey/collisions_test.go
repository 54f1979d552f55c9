package mykey_test

import "math"

// expectedCollisions returns the expected number of card pairs with the same identifier, and of
// cards that share their identifier with another card, in one namespace without a registry.
func expectedCollisions(cards int) (pairs, sharing float64) {
	const space = 1 << 40 // identifiers
	n := float64(cards)
	if cards < 2 {
		return 0, 0
	}
	return n * (n - 1) / (2 * space), -n * math.Expm1((n-1)*math.Log1p(-1.0/space))
}
