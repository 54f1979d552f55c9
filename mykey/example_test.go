package mykey_test

import (
	"context"
	"fmt"

	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/mykey"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// This example derives an identifier from a simulated card. Use pcsc.New() as the
// driver for a real card.
func Example() {
	ctx := context.Background()
	driver := simulator.New()
	card, _ := simulator.NewCard(simulator.Contact, simulator.WithInsecureSeed("example"))
	_ = driver.AddReader("Reader").Insert(card)
	connection, err := driver.Connect(ctx, "Reader")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer connection.Close()

	// The content of a key file, as "card-info keygen" generates it. Never use this key.
	key, err := mykey.ParseKey([]byte("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n"))
	if err != nil {
		fmt.Println(err)
		return
	}
	library, err := mykey.NewNamespace("library.example", key)
	if err != nil {
		fmt.Println(err)
		return
	}

	pin, _ := jpki.ParsePIN([]byte("1234"))
	holder, err := jpki.Authenticate(ctx, connection, pin)
	if err != nil {
		fmt.Println(err)
		return
	}
	id, err := library.Derive(holder)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(id.Display())
	// Output: WAC9-F8EY
}

func ExampleParse() {
	id, err := mykey.Parse("７ｋ２ｍー９ｑｘｒ") // as typed with an input method
	fmt.Println(id.Display(), err)

	_, err = mykey.Parse("7K2M-9QXR-0") // with a check symbol that does not match
	fmt.Println(err)
	// Output:
	// 7K2M-9QXR <nil>
	// identifier's check symbol does not match
}
