package tlv_test

import (
	"fmt"

	"github.com/mykeykit/mykeykit/apdu/tlv"
)

// This reads a file with filler and one constructed element, whose length is not encoded
// in the fewest bytes.
func Example() {
	file := []byte{
		0xFF, 0x20, 0x82, 0x00, 0x08,
		0xDF, 0x21, 0x01, 0x01,
		0xDF, 0x22, 0x01, 0x02,
		0xFF, 0xFF,
	}

	record, _, err := tlv.Read(file, tlv.AllowLongLengths())
	if err != nil {
		fmt.Println(err)
		return
	}
	for e, err := range tlv.All(record.Value()) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%v: %X, encoded %X\n", e.Tag, e.Value(), e.Raw())
	}

	second, err := tlv.Find(record.Value(), 0xDF22)
	fmt.Println(second, err)
	// Output:
	// DF21: 01, encoded DF210101
	// DF22: 02, encoded DF220102
	// DF22 [1 byte] <nil>
}

func ExampleAppend() {
	inner, err := tlv.Append(nil, 0xDF21, []byte{1})
	if err != nil {
		fmt.Println(err)
		return
	}
	outer, err := tlv.Append(nil, 0xFF20, inner)
	fmt.Printf("%X %v\n", outer, err)
	// Output: FF2004DF210101 <nil>
}

func ExampleLength() {
	firstBytes := []byte{0x30, 0x82, 0x06, 0x1F, 0x30}
	n, err := tlv.Length(firstBytes)
	fmt.Println(n, err)
	// Output: 1571 <nil>
}
