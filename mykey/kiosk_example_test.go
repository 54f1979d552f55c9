package mykey_test

import (
	"context"
	"fmt"
	"time"

	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/mykey"
	"github.com/mykeykit/mykeykit/reader"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// serve shows the identifier of one card after another until ctx ends. ask shows the attempts
// left and asks for the PIN.
func serve(ctx context.Context, driver reader.Driver, library *mykey.Namespace, ask jpki.AskPIN, show func(mykey.ID, error)) error {
	for {
		found, err := reader.Wait(ctx, driver, "", jpki.Present) // blocks until a My Number Card is present
		if err != nil {
			return err
		}
		// Other programs can use the card while ask runs. The PIN is sent once, and not if another
		// card is in the reader by then (phones can't be told apart). The card is logged out afterwards.
		holder, err := jpki.AuthenticateWith(ctx, driver.Connect, found.Name, ask)
		if err != nil {
			show("", err) // a *credential.Error contains the attempts left
		} else {
			show(library.Derive(holder))
		}
		if err := reader.WaitGone(ctx, driver, found); err != nil { // don't use a card twice
			return err
		}
	}
}

// This example is a kiosk. With pcsc.New() in place of the simulator it works with
// real readers.
func Example_kiosk() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	driver := simulator.New()
	slot := driver.AddReader("Kiosk")
	card, err := simulator.NewCard(simulator.Contact, simulator.WithInsecureSeed("example"))
	if err != nil {
		fmt.Println(err)
		return
	}
	_ = slot.Insert(card)

	key, err := mykey.ParseKey([]byte("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"))
	if err != nil {
		fmt.Println(err)
		return
	}
	library, err := mykey.NewNamespace("library.example", key)
	if err != nil {
		fmt.Println(err)
		return
	}
	ask := func(_ context.Context, shown jpki.Readiness) (jpki.PIN, error) {
		fmt.Println("PIN, please. Attempts left:", shown.Remaining)
		return jpki.ParsePIN([]byte("１２３４")) // full width, as an input method leaves it
	}
	show := func(id mykey.ID, err error) {
		fmt.Println(id.Display(), err)
		slot.Remove() // the holder takes the card
		cancel()      // and the kiosk closes
	}
	fmt.Println(serve(ctx, driver, library, ask, show))
	// Output:
	// PIN, please. Attempts left: 3
	// WAC9-F8EY <nil>
	// context canceled
}
