// Package generation describes the generations of the My Number Card as data: the JPKI
// application's identifier, its files, its credentials, and the signatures that its keys
// make. Package jpki works with whichever generation the card has. A new one is one more
// entry of [All], and its twin in the simulator.
//
// The card's specification is not public. The numbers of today's card are those that
// published programs use and that were measured on test cards. Those of the card
// announced for 2028 are invented: see [Announced2028].
package generation

import (
	"github.com/mykeykit/mykeykit/internal/applet"
	"github.com/mykeykit/mykeykit/jpki/credential"
)

// Algorithm is how a key signs.
type Algorithm int

// The algorithms.
const (
	PKCS1 Algorithm = iota + 1 // RSA, PKCS #1 v1.5 padding of whatever is sent
	PSS                        // RSA, PSS over a SHA-256, MGF1 with SHA-256
	ECDSA                      // ECDSA over the hash that is sent; the card answers r and s, each as long as the curve's order
)

// Scheme is P1 of PERFORM SECURITY OPERATION for an algorithm.
type Scheme struct {
	Algorithm Algorithm
	P1        byte
}

// Key is one of a card's keys, the credential that unlocks it, and its certificates. The
// numbers are elementary files.
type Key struct {
	Credential    applet.Credential
	File          byte
	Certificate   byte
	CACertificate byte
	Schemes       []Scheme
}

// Scheme returns the P1 for an algorithm; ok is false if the key does not have it.
func (k *Key) Scheme(a Algorithm) (p1 byte, ok bool) {
	for _, s := range k.Schemes {
		if s.Algorithm == a {
			return s.P1, true
		}
	}
	return 0, false
}

// Label is the label in the token information of one kind of card or phone.
type Label struct{ Text, Kind string }

// Generation is a generation of the card.
type Generation struct {
	Application      []byte // identifier (AID)
	TokenInformation byte   // file
	Labels           []Label
	Authentication   Key // 利用者証明用
	Signature        Key // 署名用
}

// All are the generations, in the order in which a card is asked for them. The second one
// is asked for only if the card does not have the first.
var All = []*Generation{&Current, &Announced2028}

// Applications are the identifiers of [All].
func Applications() [][]byte {
	list := make([][]byte, len(All))
	for i, g := range All {
		list[i] = g.Application
	}
	return list
}

// The form of the PIN and of the password, and the wrong entries that cards allow:
// published by J-LIS.
var (
	PINRules      = applet.Rules{Min: 4, Max: 4}
	PasswordRules = applet.Rules{Min: 6, Max: 16, Letters: true}
)

// Current is the card since 2016, its predecessor as far as it has the application, and
// phones.
var Current = Generation{
	Application:      []byte{0xD3, 0x92, 0xF0, 0x00, 0x26, 0x01, 0x00, 0x00, 0x00, 0x01},
	TokenInformation: 0x06,
	Labels: []Label{
		{"JPKIAPICCTOKEN2", "individual-number-card"},
		{"JPKIAPICCTOKEN", "resident-card"},
		{"JPKIAPGPSETOKEN", "android"},
		{"JPKIAPIOSTOKEN", "iphone"},
	},
	Authentication: Key{
		Credential:    applet.Credential{Kind: credential.AuthPIN, File: 0x18, Attempts: 3, Rules: PINRules},
		File:          0x17,
		Certificate:   0x0A,
		CACertificate: 0x0B,
		Schemes:       currentSchemes,
	},
	Signature: Key{
		Credential:    applet.Credential{Kind: credential.SignaturePassword, File: 0x1B, Attempts: 5, Rules: PasswordRules},
		File:          0x1A,
		Certificate:   0x01,
		CACertificate: 0x02,
		Schemes:       currentSchemes,
	},
}

// currentSchemes were observed, PSS on one kind of test card; not in a public
// specification.
var currentSchemes = []Scheme{{PKCS1, 0x00}, {PSS, 0x04}}

// Announced2028 stands for the card announced for 2028, with keys on P-384 and two
// credentials. Its numbers are invented, for nothing is published yet: they show that
// another generation is data, and only the simulator's profile announced-2028 has them.
var Announced2028 = Generation{
	Application:      []byte{0xD3, 0x92, 0xF0, 0x00, 0x26, 0x01, 0x00, 0x00, 0x00, 0x02},
	TokenInformation: 0x06,
	Labels:           []Label{{"INVENTED2028", "announced-2028"}},
	Authentication: Key{
		Credential:    applet.Credential{Kind: credential.AuthPIN, File: 0x14, Attempts: 3, Rules: PINRules},
		File:          0x13,
		Certificate:   0x11,
		CACertificate: 0x12,
		Schemes:       announcedSchemes,
	},
	Signature: Key{
		Credential:    applet.Credential{Kind: credential.SignaturePassword, File: 0x18, Attempts: 5, Rules: PasswordRules},
		File:          0x17,
		Certificate:   0x15,
		CACertificate: 0x16,
		Schemes:       announcedSchemes,
	},
}

var announcedSchemes = []Scheme{{ECDSA, 0x10}}
