// Package surfacetest has what the tests of packages text and face share.
package surfacetest

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/apdu"
	"github.com/mykeykit/mykeykit/internal/cardtest"
	"github.com/mykeykit/mykeykit/jpki/cvc"
	"github.com/mykeykit/mykeykit/jpki/verification"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// Policy returns a policy that trusts the authorities of a simulated card by name.
func Policy(t testing.TB, card *simulator.Card) cvc.Policy {
	t.Helper()
	return cvc.Policy{SimulatorAuthorities: authorities(t, card)}
}

// CallerPolicy is like [Policy] for a caller that requires these authorities.
func CallerPolicy(t testing.TB, card *simulator.Card) cvc.Policy {
	t.Helper()
	return cvc.Policy{Authorities: authorities(t, card), Required: true}
}

func authorities(t testing.TB, card *simulator.Card) (list []cvc.Authority) {
	t.Helper()
	found, err := card.Authorities()
	require.NoError(t, err)
	for _, a := range found {
		list = append(list, cvc.Authority{ID: a.ID, Key: a.Key})
	}
	return list
}

// NumberB returns the verification number B that is printed on the default persona's card.
func NumberB(t testing.TB) verification.NumberB {
	t.Helper()
	b, err := verification.ParseNumberB([]byte(simulator.NumberB))
	require.NoError(t, err)
	return b
}

// NumberA is like [NumberB] for number A.
func NumberA(t testing.TB) verification.NumberA {
	t.Helper()
	a, err := verification.ParseNumberA([]byte(simulator.DefaultPersona().NumberA()))
	require.NoError(t, err)
	return a
}

// Files are the files that a card has given out, by their short identifiers.
type Files map[byte][]byte

// Collect collects the files that are read at a desk from now on. It replaces After.
func Collect(desk *cardtest.Desk) Files {
	files, current := Files{}, byte(0)
	desk.After = func(_ int, c apdu.Command, response []byte) ([]byte, error) {
		if c.INS == apdu.InsReadBinary {
			if c.P1&0x80 != 0 {
				current = c.P1 & 0x1F
				files[current] = nil
			}
			files[current] = append(files[current], response[:len(response)-2]...)
		}
		return response, nil
	}
	return files
}

// Changed returns a copy of the files in which a byte of one of them is changed.
func (f Files) Changed(file byte, at int) Files {
	changed := Files{}
	for name, content := range f {
		changed[name] = content
	}
	changed[file] = bytes.Clone(f[file])
	changed[file][at] ^= 1
	return changed
}
