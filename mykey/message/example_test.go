package message_test

import (
	"context"
	"fmt"

	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/mykey/message"
	"github.com/mykeykit/mykeykit/reader"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// simulated returns a connection to a simulated card. Use pcsc.New() in place of the
// driver for a real one.
func simulated() reader.Card {
	driver := simulator.New()
	card, err := simulator.NewCard(simulator.Contact, simulator.WithInsecureSeed("example"))
	if err != nil {
		panic(err)
	}
	if err := driver.AddReader("Reader").Insert(card); err != nil {
		panic(err)
	}
	connection, err := driver.Connect(context.Background(), "Reader")
	if err != nil {
		panic(err)
	}
	return connection
}

// A wrong PIN, and what the screen and the program's operator get to know of it.
func ExampleFor() {
	card := simulated() // its PIN is 1234
	defer card.Close()
	pin, err := jpki.ParsePIN([]byte("9999"))
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = jpki.Authenticate(context.Background(), card, pin)

	m := message.For(err)
	fmt.Println(m.What.In(message.Japanese))
	fmt.Println(m.Next.In(message.Japanese))
	fmt.Println("code:", m.Code)
	fmt.Println("who can act:", m.Group)
	fmt.Println("attempt:", m.Attempt)
	fmt.Println("attempts left:", *m.Remaining)
	// Output:
	// 暗証番号が違います。
	// あと2回まちがえると、暗証番号がロックされます。
	// 利用者証明用の数字4けたを確かめて、もう一度お試しください。
	// お忘れのときは、市区町村の窓口で再設定できます。
	// code: PIN_WRONG
	// who can act: holder
	// attempt: used
	// attempts left: 2
}

// A table for a help desk: which failures need the municipal office.
func ExampleAll() {
	for m := range message.All() {
		if m.Group == message.Clerk && m.Attempt != message.AttemptNone {
			fmt.Println(m.Code, m.Attempt)
		}
	}
	// Output:
	// POSSESSION_FAILED not-used
	// PIN_LOCKED not-used
	// PASSWORD_LOCKED not-used
	// ENTRY_LOCKED not-used
	// CERT_REVOKED not-used
}
