package text_test

import (
	"context"
	"fmt"

	"github.com/mykeykit/mykeykit/jpki/cvc"
	"github.com/mykeykit/mykeykit/jpki/text"
	"github.com/mykeykit/mykeykit/jpki/verification"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// A clerk types the verification number that is printed on the card, and gets the holder's
// attributes as text.
func Example() {
	ctx := context.Background()
	card, driver, err := insert()
	if err != nil {
		fmt.Println(err)
		return
	}
	connection, err := driver.Connect(ctx, "Reader")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer connection.Close()

	left, err := text.Counters(ctx, connection)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("attempts left:", left.NumberB.Remaining)
	b, err := verification.ParseNumberB([]byte(simulator.NumberB))
	if err != nil {
		fmt.Println(err)
		return
	}
	authorities, err := card.Authorities()
	if err != nil {
		fmt.Println(err)
		return
	}
	r := text.Reader{Shown: &left.NumberB}
	for _, a := range authorities {
		r.Policy.SimulatorAuthorities = append(r.Policy.SimulatorAuthorities, cvc.Authority{ID: a.ID, Key: a.Key})
	}
	attributes, err := r.Attributes(ctx, connection, text.ByNumberB(b))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(attributes.Name(), attributes.Address())
	fmt.Println("signed by an authority of:", attributes.Issuer())
	// Output:
	// attempts left: 10
	// 見本　花子 架空県見本市例示町１－２－３
	// signed by an authority of: simulator
}

// insert puts a simulated card into a reader.
func insert() (*simulator.Card, *simulator.Driver, error) {
	card, err := simulator.NewCard(simulator.Contact, simulator.WithInsecureSeed("example"))
	if err != nil {
		return nil, nil, err
	}
	driver := simulator.New()
	return card, driver, driver.AddReader("Reader").Insert(card)
}
