//go:build race

package jpki_test

// everyNthWord: the race detector makes the sweep of status words about ten
// times slower. A prime, so that no pattern of the words is left out.
const everyNthWord = 7
