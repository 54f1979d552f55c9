//go:build race

package jpki_test

// stride leaves status words out of their sweep, which the race detector makes
// ten times as long. It is odd, so that it meets all second bytes.
const stride = 37
