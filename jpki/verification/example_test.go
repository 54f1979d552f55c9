package verification_test

import (
	"fmt"

	"github.com/mykeykit/mykeykit/jpki/verification"
)

// A clerk types what is printed on the card. The value can't be printed.
func Example() {
	b, err := verification.ParseNumberB([]byte("６００４０１２０３５５６７８"))
	fmt.Println(b, err)
	b.Wipe()
	_, err = verification.ParseNumberB([]byte("1985-04-01"))
	fmt.Println(err)
	// Output:
	// [verification number B] <nil>
	// malformed entry: verification number B is 14 digits
}
