package cvc_test

import (
	"fmt"

	"github.com/mykeykit/mykeykit/jpki/cvc"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// A program lists the authorities that it trusts. Those of a simulated card prove nothing, and are
// accepted by name only.
func Example() {
	card, err := simulator.NewCard(simulator.Contact, simulator.WithInsecureSeed("example"))
	if err != nil {
		fmt.Println(err)
		return
	}
	authorities, err := card.Authorities()
	if err != nil {
		fmt.Println(err)
		return
	}
	var policy cvc.Policy
	for _, a := range authorities {
		policy.SimulatorAuthorities = append(policy.SimulatorAuthorities, cvc.Authority{ID: a.ID, Key: a.Key})
		fmt.Println(a.ID)
	}
	// Output:
	// 9000023
	// 9000033
}
