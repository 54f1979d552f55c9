//go:build !race

package jpki_test

const everyNthWord = 1
