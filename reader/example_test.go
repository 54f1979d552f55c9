package reader_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/mykeykit/mykeykit/reader"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// A program that serves one card after another uses each card once, however long it
// stays in the reader.
func ExampleWaitGone() {
	ctx := context.Background()
	driver := simulator.New()
	slot := driver.AddReader("Front desk")
	for _, visitor := range []string{"first", "second"} {
		card, err := simulator.NewCard(simulator.Contact, simulator.WithInsecureSeed(visitor))
		if err != nil {
			fmt.Println(err)
			return
		}
		_ = slot.Insert(card)

		found, err := reader.Wait(ctx, driver, "", nil)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(found.Name, "has the", visitor, "card")
		// Here the program connects to the card in found.Name and uses it.

		go slot.Remove() // as the visitor does
		if err := reader.WaitGone(ctx, driver, found); err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println("the card is gone")
	}
	// Output:
	// Front desk has the first card
	// the card is gone
	// Front desk has the second card
	// the card is gone
}

// Find and Watch work the same way with pcsc.New(). Only inserting and removing the card is
// specific to the simulator.
func Example() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	driver := simulator.New()
	slot := driver.AddReader("Front desk")

	if _, err := reader.Find(ctx, driver, "", nil); errors.Is(err, reader.ErrNoCard) {
		fmt.Println("please place a card")
	}
	for event, err := range driver.Watch(ctx) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(event.Kind, event.Reader)
		switch event.Kind {
		case reader.ReaderAdded:
			card, _ := simulator.NewCard(simulator.Contact, simulator.WithInsecureSeed("example"))
			_ = slot.Insert(card)
		case reader.CardInserted:
			slot.Remove()
		case reader.CardRemoved:
			cancel()
		}
	}
	// Output:
	// please place a card
	// reader-added Front desk
	// card-inserted Front desk
	// card-removed Front desk
}
