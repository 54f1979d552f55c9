package simulator_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/mykeykit/mykeykit/apdu"
	"github.com/mykeykit/mykeykit/reader"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// This inserts a card that has one attempt left, reads its retry counter, and removes
// the card while the program still uses it.
func Example() {
	ctx := context.Background()
	driver := simulator.New()
	slot := driver.AddReader("Kiosk Reader")
	card, err := simulator.NewCard(simulator.LastAttempt, simulator.WithInsecureSeed("example"))
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := slot.Insert(card); err != nil {
		fmt.Println(err)
		return
	}

	found, _ := reader.Find(ctx, driver, "", nil)
	fmt.Println("card in", found.Name)
	connection, _ := driver.Connect(ctx, found.Name)
	defer connection.Close()

	channel := apdu.NewChannel(connection)
	_ = channel.SelectApplication(ctx, []byte{0xD3, 0x92, 0xF0, 0x00, 0x26, 0x01, 0x00, 0x00, 0x00, 0x01})
	status, _ := channel.VerifyStatus(ctx, 0x98)
	left, _ := status.Retries()
	fmt.Println("attempts left:", left)

	slot.Remove()
	_, err = channel.VerifyStatus(ctx, 0x98)
	fmt.Println("removed:", errors.Is(err, reader.ErrRemoved))
	// Output:
	// card in Kiosk Reader
	// attempts left: 1
	// removed: true
}

// This tests a program whose card is removed while it reads the certificate.
func ExampleReader_AddFault() {
	ctx := context.Background()
	driver := simulator.New()
	slot := driver.AddReader("Kiosk Reader")
	card, _ := simulator.NewCard(simulator.Contact, simulator.WithInsecureSeed("example"))
	_ = slot.Insert(card)
	slot.AddFault(simulator.Fault{INS: apdu.InsReadBinary, Nth: 3, Do: simulator.PullCard()})

	connection, _ := driver.Connect(ctx, "Kiosk Reader")
	defer connection.Close()
	channel := apdu.NewChannel(connection)
	_ = channel.SelectApplication(ctx, []byte{0xD3, 0x92, 0xF0, 0x00, 0x26, 0x01, 0x00, 0x00, 0x00, 0x01})
	_ = channel.SelectFile(ctx, 0x000A)
	for block := range 3 {
		content, err := channel.ReadBinary(ctx, 256*block, 256)
		fmt.Println(len(content), err)
	}
	// Output:
	// 256 <nil>
	// 256 <nil>
	// 0 READ BINARY: card removed
}
