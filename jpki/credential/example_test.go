package credential_test

import (
	"errors"
	"fmt"

	"github.com/mykeykit/mykeykit/apdu"
	"github.com/mykeykit/mykeykit/jpki/credential"
)

// verify stands for a function of package jpki that sends a PIN.
func verify() error {
	return &credential.Error{
		Kind: credential.AuthPIN, Reason: credential.ErrWrong, Remaining: 1, Max: 3, Known: true, Cause: apdu.Status(0x63C1),
	}
}

// A program tells the holder whether the card is locked, or how many attempts are left.
func Example() {
	err := verify()
	var refused *credential.Error
	switch {
	case errors.Is(err, credential.ErrLocked):
		fmt.Println("The card is locked. Please go to the municipal office.")
	case errors.As(err, &refused) && refused.Known:
		fmt.Printf("That %s is %v. Attempts left: %d of %d.\n", refused.Kind, refused.Reason, refused.Remaining, refused.Max)
	default:
		fmt.Println(err)
	}
	// Output: That PIN is wrong. Attempts left: 1 of 3.
}
