package readertest_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/mykeykit/mykeykit/reader/readertest"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// In the tests of a driver, call readertest.Run(t, setup) with a setup like this one.
func Example() {
	setup := func(*testing.T) readertest.Fixture {
		driver := simulator.New()
		slot := driver.AddReader("Reader under test")
		return readertest.Fixture{
			Driver: driver,
			Reader: slot.Name(),
			Insert: func(t *testing.T, card *simulator.Card) {
				if err := slot.Insert(card); err != nil {
					t.Fatal(err)
				}
			},
			Remove: func(*testing.T) { slot.Remove() },
		}
	}
	fixture := setup(nil)
	readers, err := fixture.Driver.Readers(context.Background())
	fmt.Println(readers[0].Name, err)
	// Output: Reader under test <nil>
}
