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

// identify waits for a card in any reader and returns its identifier.
func identify(ctx context.Context, driver reader.Driver, library *mykey.Namespace, typed []byte) (mykey.ID, error) {
	pin, err := jpki.ParsePIN(typed) // only its form is checked: nothing is sent yet
	if err != nil {
		return "", err
	}
	found, err := reader.Wait(ctx, driver, "", jpki.Present) // until a My Number Card is there, or ctx ends
	if err != nil {
		return "", err
	}
	card, err := driver.Connect(ctx, found.Name)
	if err != nil {
		return "", err
	}
	defer card.Close() // cuts the card's power

	holder, err := jpki.Authenticate(ctx, card, pin) // one transaction, and the card is left unverified
	if err != nil {
		return "", err // a *jpki.PINError tells the tries left
	}
	return library.Derive(holder.Certificate)
}

// A kiosk: the PIN is typed first, then one tap. With pcsc.New() in place of
// the simulator it works with real readers.
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
	id, err := identify(ctx, driver, library, []byte("１２３４")) // full width, as an input method leaves it
	fmt.Println(id.Display(), err)
	// Output: WAC9-F8EY <nil>
}
