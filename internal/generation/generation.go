// Package generation describes the generations of the My Number Card as data: the JPKI
// application's identifier and files, its credentials with their attempts and the length
// of a PIN or password, and its signature schemes. Package jpki works with every generation
// in [All].
//
// # Where to change what
//
//   - A further generation: add an entry to [All], a generation (as in announced.go) and
//     a profile (profile.go) to package simulator, and a Kind to jpki/token.go. A new
//     kind or profile also needs its texts: cmd/card-info/texts.go,
//     cmd/kiosk/internal/panel/texts.go, docs/json and the READMEs.
//     mykey/message/password.go says that 5 wrong entries lock the password.
//   - A key type that [Algorithm] lacks needs new code: jpki/key.go and sign.go,
//     jpki/trust/certificate.go (CheckKey), jpki/proof, jpki/cardtls, internal/sshagent and
//     the simulator's keys.go and sign.go.
//   - The length of a PIN: [PINRules]. Its comment lists the other places. Which characters
//     are allowed: internal/applet/rules.go.
//
// The card's specification is not public. The numbers for today's card are from published
// programs and from measurements on test cards. The numbers for the card announced for
// 2028 are invented: see [Announced2028].
package generation

import (
	"github.com/mykeykit/mykeykit/internal/applet"
	"github.com/mykeykit/mykeykit/jpki/credential"
)

// Algorithm is a signature algorithm of a key.
type Algorithm int

// The algorithms.
const (
	PKCS1 Algorithm = iota + 1 // RSA with PKCS #1 v1.5 padding of the input
	PSS                        // RSA-PSS over a SHA-256 hash, MGF1 with SHA-256
	ECDSA                      // ECDSA over a hash; the card returns r and s, each as long as the curve's order
)

// Scheme is an algorithm and its P1 in PERFORM SECURITY OPERATION.
type Scheme struct {
	Algorithm Algorithm
	P1        byte
}

// Key is a key of the card, the credential that unlocks it, and its certificates. The
// numbers identify elementary files.
type Key struct {
	Credential    applet.Credential
	File          byte
	Certificate   byte
	CACertificate byte
	Schemes       []Scheme
}

// Scheme returns P1 for an algorithm; ok is false if the key does not support it.
func (k *Key) Scheme(a Algorithm) (p1 byte, ok bool) {
	for _, s := range k.Schemes {
		if s.Algorithm == a {
			return s.P1, true
		}
	}
	return 0, false
}

// Label is the label in the token information, and the kind of card or phone that has it.
type Label struct{ Text, Kind string }

// Generation is a generation of the card.
type Generation struct {
	Application      []byte // identifier (AID)
	TokenInformation byte   // elementary file
	Labels           []Label
	Authentication   Key // 利用者証明用
	Signature        Key // 署名用
}

// All lists the generations in the order in which their applications are selected. A card
// is probed for the second one only if it does not have the first.
var All = []*Generation{&Current, &Announced2028}

// Applications returns the application identifiers of [All].
func Applications() [][]byte {
	list := make([][]byte, len(All))
	for i, g := range All {
		list[i] = g.Application
	}
	return list
}

// The rules for PIN and password, which J-LIS publishes.
//
// These places repeat that the PIN has 4 digits: jpki/pin.go, mykey/message/pin.go and
// surface.go (errors and messages); internal/tty/pin.go (the prompt); texts.go,
// change_texts.go and change.go (isWeakPIN) in cmd/card-info; screens.html (draw-pin,
// welcome, pin and wrong-pin) and static/app.js (pinLength and its texts; it assumes one
// exact length) in cmd/kiosk/internal/web. The PIN of a simulated card is in
// reader/simulator/profile.go. The READMEs, docs/kiosk and docs/ssh mention the length.
var (
	PINRules      = applet.Rules{Min: 4, Max: 4}
	PasswordRules = applet.Rules{Min: 6, Max: 16, Letters: true}
)

// Current describes the cards issued since 2016, phones, and resident cards (the
// predecessor) with the JPKI application.
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

// currentSchemes were observed, PSS only on one kind of test card. They are not in a
// public specification.
var currentSchemes = []Scheme{{PKCS1, 0x00}, {PSS, 0x04}}

// Announced2028 stands for the card announced for 2028, with P-384 keys and two
// credentials. Its numbers are invented, because none are published yet. Only the
// simulator's profile announced-2028 has them.
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
