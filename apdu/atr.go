package apdu

import (
	"errors"
	"fmt"
)

// ErrATR is an answer to reset that does not follow ISO/IEC 7816-3.
var ErrATR = errors.New("malformed answer to reset")

// ATR is a card's answer to reset, 2 to 33 bytes. It tells how to talk to a
// card, and not which card it is: some readers make it up.
type ATR []byte

// HistoricalBytes returns the bytes in which a card describes itself, 0 to 15
// of them: ISO/IEC 7816-3:2006 §8.2. It fails with [ErrATR].
func (a ATR) HistoricalBytes() ([]byte, error) {
	if len(a) < 2 || len(a) > 33 {
		return nil, fmt.Errorf("%w: %d bytes", ErrATR, len(a))
	}
	k := int(a[1] & 0x0F)
	at := 2
	for indicator := a[1]; indicator>>4 != 0; {
		interfaceBytes := 0
		for bits := indicator >> 4; bits != 0; bits >>= 1 {
			interfaceBytes += int(bits & 1)
		}
		at += interfaceBytes
		if at > len(a) {
			return nil, fmt.Errorf("%w: interface bytes cut off", ErrATR)
		}
		if indicator&0x80 == 0 {
			break // no TD, so no further interface bytes
		}
		indicator = a[at-1]
	}
	if at+k > len(a) {
		return nil, fmt.Errorf("%w: historical bytes cut off", ErrATR)
	}
	return a[at : at+k : at+k], nil
}

// ExtendedLengths tells whether the card declares extended lengths: the third
// byte of the card capabilities among its historical bytes, ISO/IEC
// 7816-4:2020 §12.1.1.9, bit 7. It is false where the card does not say, and
// for any malformed ATR.
func (a ATR) ExtendedLengths() bool {
	history, err := a.HistoricalBytes()
	// Only category 80 is read. A reader that makes up an ATR for a Type B card
	// (PC/SC part 3, §3.1.3.2.3.1) puts bytes of the card's choosing there,
	// which may look like category 00.
	if err != nil || len(history) == 0 || history[0] != 0x80 {
		return false
	}
	objects := history[1:]
	for len(objects) > 0 {
		tag, n := objects[0]>>4, int(objects[0]&0x0F)
		objects = objects[1:]
		if n > len(objects) {
			return false
		}
		if tag == 0x7 && n == 3 {
			return objects[2]&0x40 != 0
		}
		objects = objects[n:]
	}
	return false
}
