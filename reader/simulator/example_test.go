package simulator_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/mykeykit/mykeykit/apdu"
	"github.com/mykeykit/mykeykit/reader"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// A kiosk's whole life without hardware: a card comes, is asked something, and
// is pulled out in the middle.
func Example() {
	ctx := context.Background()
	driver := simulator.New()
	slot := driver.AddReader("Kiosk Reader")
	card, err := simulator.NewCard(simulator.LastTry, simulator.WithInsecureSeed("example"))
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
	session, _ := driver.Connect(ctx, found.Name)
	defer session.Close()

	channel := apdu.NewChannel(session)
	_ = channel.SelectApplication(ctx, []byte{0xD3, 0x92, 0xF0, 0x00, 0x26, 0x01, 0x00, 0x00, 0x00, 0x01})
	status, _ := channel.VerifyStatus(ctx, 0x98)
	left, _ := status.Retries()
	fmt.Println("tries left:", left)

	slot.Remove()
	_, err = channel.VerifyStatus(ctx, 0x98)
	fmt.Println("pulled out:", errors.Is(err, reader.ErrRemoved))
	// Output:
	// card in Kiosk Reader
	// tries left: 1
	// pulled out: true
}
