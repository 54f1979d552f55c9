package main

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/mykeykit/mykeykit/apdu"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// Every command prints the same if the card or the reader rejects short file identifiers.
//
// Faults: F76.
func TestShortIdentifiersRefused(t *testing.T) {
	for _, profile := range []simulator.Profile{simulator.Contact, simulator.ContactExtended, simulator.Android, simulator.FaceAuth, simulator.NoCertificate} {
		for _, args := range [][]string{{"--json"}, {"retries", "--json"}, {"cert"}, {"cert", "--ca"}, {"ssh-key"}, {"doctor"}, idArgs(t, "--pin-stdin", "--json")} {
			driver, cards := withCards(t, profile)
			want := runner{driver: driver, stdin: "1234\n", system: machine(nil)}.run(t, args...)
			for _, refusal := range []apdu.Status{apdu.StatusIncorrectP1P2, apdu.StatusFileNotFound, apdu.StatusFunctionNotSupported, apdu.StatusWrongOffset} {
				driver := simulator.New()
				slot := driver.AddReader("Reader")
				assert.NoError(t, slot.Insert(cards[0]))
				slot.AddFault(simulator.RejectShortFileIdentifiers(refusal))
				got := runner{driver: driver, stdin: "1234\n", system: machine(nil)}.run(t, args...)
				assert.Equal(t, want.exit, got.exit, "%s %v: %s", profile, args, got.stderr)
				assert.Equal(t, want.stdout, got.stdout, "%s %v", profile, args)
				assert.False(t, cards[0].State().AuthVerified)
			}
		}
	}
}
