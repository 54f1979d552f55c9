package pcsc_test

import (
	"context"
	"fmt"
	"time"

	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/reader"
	"github.com/mykeykit/mykeykit/reader/pcsc"
)

// This waits for a card in any reader and prints the number of PIN attempts left. The
// output depends on the machine.
func Example() {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	driver := pcsc.New()
	found, err := reader.Wait(ctx, driver, "", nil) // any card; package jpki has a probe for My Number Cards
	if err != nil {
		fmt.Println(err)
		return
	}
	card, err := driver.Connect(ctx, found.Name)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer card.Close()
	err = jpki.Do(ctx, card, func(a *jpki.Application) error {
		counter, err := a.AuthPINCounter(ctx)
		fmt.Println("attempts left:", counter.Remaining)
		return err
	})
	if err != nil {
		fmt.Println(err)
	}
}

// New does not fail if PC/SC is not installed or not running. Using the driver does.
func ExampleNew() {
	var driver reader.Driver = pcsc.New()
	fmt.Printf("%T\n", driver)
	// Output: *pcsc.Driver
}
