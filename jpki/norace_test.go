//go:build !race

package jpki_test

const stride = 1
