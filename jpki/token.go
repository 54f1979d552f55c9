package jpki

import (
	"context"
	"fmt"
	"strings"
)

// Kind is what holds the application.
type Kind string

// The kinds, told apart by the token's label.
const (
	IndividualNumberCard Kind = "individual-number-card" // マイナンバーカード
	ResidentCard         Kind = "resident-card"          // 住民基本台帳カード, its predecessor
	Android              Kind = "android"                // スマホ用電子証明書 on Android
	IPhone               Kind = "iphone"                 // iPhoneのマイナンバーカード
	UnknownKind          Kind = "unknown"
)

var kinds = map[string]Kind{
	"JPKIAPICCTOKEN2": IndividualNumberCard,
	"JPKIAPICCTOKEN":  ResidentCard,
	"JPKIAPGPSETOKEN": Android,
	"JPKIAPIOSTOKEN":  IPhone,
}

// Token is what the application says it is. Of the record's 160 bytes only the
// label is read; the others name a single card.
type Token struct {
	Label string `json:"label"` // up to 32 printable ASCII characters
	Kind  Kind   `json:"kind"`
}

const labelLength = 32

// Token reads the token's label.
func (a *Application) Token(ctx context.Context) (Token, error) {
	record, err := a.readFile(ctx, efTokenInformation, labelLength)
	if err != nil {
		return Token{}, fmt.Errorf("token information: %w", err)
	}
	label := printable(record)
	kind, known := kinds[label]
	if !known {
		kind = UnknownKind
	}
	return Token{Label: label, Kind: kind}, nil
}

// printable trims padding, which is spaces (some simulations use zero bytes),
// and replaces whatever a terminal might act upon.
func printable(b []byte) string {
	s := strings.TrimRight(string(b), " \x00")
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, s)
}

// Availability tells which certificates a card holds.
type Availability struct{ Signature, Authentication bool }

// Availability reads which certificates the card says it holds. (From one
// source; a card may lack the file.)
func (a *Application) Availability(ctx context.Context) (Availability, error) {
	record, err := a.readFile(ctx, efAvailability, 3)
	if err != nil {
		return Availability{}, fmt.Errorf("certificate availability: %w", err)
	}
	if len(record) < 2 {
		return Availability{}, fmt.Errorf("certificate availability: %d bytes", len(record))
	}
	return Availability{Signature: record[0] != 0, Authentication: record[1] != 0}, nil
}
