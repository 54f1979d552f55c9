package apdu

import (
	"errors"
	"fmt"
)

// ErrATR reports an answer to reset that does not follow ISO/IEC 7816-3.
var ErrATR = errors.New("malformed answer to reset")

// ATR is a card's answer to reset, 2 to 33 bytes. It describes how to communicate
// with a card. Do not identify a card by it: for a contactless card, the reader
// generates it.
type ATR []byte

// HistoricalBytes returns the 0 to 15 bytes in which a card describes itself:
// ISO/IEC 7816-3:2006 §8.2. It returns [ErrATR] if the ATR is malformed.
func (a ATR) HistoricalBytes() ([]byte, error) {
	history, _, err := a.parse()
	return history, err
}

const onlyT1 = 1 << 1 // of a set of protocols

// parse returns the historical bytes and the set of offered protocols, in which T=n
// is bit n.
func (a ATR) parse() (history []byte, protocols int, err error) {
	if len(a) < 2 || len(a) > 33 {
		return nil, 0, fmt.Errorf("%w: %d bytes", ErrATR, len(a))
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
			return nil, 0, fmt.Errorf("%w: interface bytes truncated", ErrATR)
		}
		if indicator&0x80 == 0 {
			break // no TD, so no further interface bytes
		}
		indicator = a[at-1]
		if t := indicator & 0x0F; t != 15 { // T=15 is not a protocol
			protocols |= 1 << t
		}
	}
	if at+k > len(a) {
		return nil, 0, fmt.Errorf("%w: historical bytes truncated", ErrATR)
	}
	if protocols == 0 {
		protocols = 1 << 0 // T=0 is the default
	}
	return a[at : at+k : at+k], protocols, nil
}

// Declaration is what an answer to reset says about a capability of the card.
type Declaration int

// What an ATR may declare.
const (
	Undeclared     Declaration = iota // nothing
	Declared                          // the card has the capability
	DeclaredAbsent                    // the card does not have it
)

// String returns "undeclared", "declared" or "declared absent".
func (d Declaration) String() string {
	switch d {
	case Undeclared:
		return "undeclared"
	case Declared:
		return "declared"
	case DeclaredAbsent:
		return "declared absent"
	}
	return fmt.Sprintf("Declaration(%d)", int(d))
}

// compactTLV is the category of historical bytes that are COMPACT-TLV objects.
const compactTLV = 0x80

// ExtendedLengths returns what the card declares about extended lengths in bit 7
// of the third byte of the card capabilities, which are in its historical bytes
// (ISO/IEC 7816-4:2020 §12.1.1.9). It returns [Undeclared] if there is no such
// byte, if the historical bytes do not begin with 80, or if the ATR is malformed.
func (a ATR) ExtendedLengths() Declaration {
	history, _, err := a.parse()
	// Category 00 is not read: for a Type B card a reader puts bytes of the card's
	// choosing there (PC/SC part 3, §3.1.3.2.3.1), which may look like it.
	if err != nil || len(history) == 0 || history[0] != compactTLV {
		return Undeclared
	}
	objects := history[1:]
	for len(objects) > 0 {
		tag, n := objects[0]>>4, int(objects[0]&0x0F)
		objects = objects[1:]
		switch {
		case n > len(objects):
			return Undeclared
		case tag == 0x7 && n == 3 && objects[2]&0x40 != 0:
			return Declared
		case tag == 0x7 && n == 3:
			return DeclaredAbsent
		}
		objects = objects[n:]
	}
	return Undeclared
}

// contact reports whether the ATR is that of a card with contacts that supports T=1
// only. For contactless cards, readers generate an ATR that offers T=0 too (PC/SC part
// 3, §3.1.3.2.3), or one with historical bytes in a format of their own (observed).
func (a ATR) contact() bool {
	history, protocols, err := a.parse()
	return err == nil && protocols == onlyT1 && (len(history) == 0 || history[0] == compactTLV)
}
