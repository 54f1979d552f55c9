package apdu_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/mykeykit/mykeykit/apdu"
)

// answers is a card that answers each instruction with fixed bytes.
type answers map[byte][]byte

func (a answers) Transmit(_ context.Context, command []byte) ([]byte, error) {
	return a[command[1]], nil
}

func Example() {
	card := answers{
		0xA4: {0x90, 0x00}, // SELECT: done
		0x20: {0x63, 0xC2}, // VERIFY: two attempts left
	}
	channel := apdu.NewChannel(card)
	ctx := context.Background()

	jpki := []byte{0xD3, 0x92, 0xF0, 0x00, 0x26, 0x01, 0x00, 0x00, 0x00, 0x01}
	if err := channel.SelectApplication(ctx, jpki); err != nil {
		fmt.Println(err)
		return
	}

	err := channel.Verify(ctx, 0x98, []byte("0000"))
	if errors.Is(err, apdu.StatusVerificationFailed) {
		var status apdu.Status
		errors.As(err, &status)
		left, _ := status.Retries()
		fmt.Println("wrong PIN, attempts left:", left)
	}
	// Output: wrong PIN, attempts left: 2
}

func ExampleCommand() {
	verify := apdu.Command{INS: apdu.InsVerify, P2: 0x98}.WithData([]byte("1234"))
	fmt.Println(verify)

	read := apdu.Command{INS: apdu.InsReadBinary, P1: 0x8A, Ne: 256}
	encoded, _ := read.MarshalBinary()
	fmt.Printf("%X\n", encoded)
	// Output:
	// 00200098 [redacted]
	// 00B08A0000
}
