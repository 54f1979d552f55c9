package reader_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/mykeykit/mykeykit/reader"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// The same code runs with pcsc.New() in place of simulator.New().
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
