package jpki

import (
	"context"
	"fmt"
	"strings"
)

// Kind is the kind of card or phone that has the application.
type Kind string

// The kinds, told apart by the token's label.
const (
	IndividualNumberCard Kind = "individual-number-card" // マイナンバーカード
	ResidentCard         Kind = "resident-card"          // 住民基本台帳カード, its predecessor
	Android              Kind = "android"                // スマホ用電子証明書 on Android
	IPhone               Kind = "iphone"                 // iPhoneのマイナンバーカード
	AnnouncedCard        Kind = "announced-2028"         // simulated only: a guess at the card announced for 2028; its label and files are made up
	UnknownKind          Kind = "unknown"
)

// Token is the label of the card's token information file, and the Kind that the label stands
// for. The
// rest of the file is not read, because it identifies a single card.
type Token struct {
	Label string `json:"label"` // up to 32 printable ASCII characters
	Kind  Kind   `json:"kind"`
}

const labelLength = 32

// Token reads the token's label.
func (a *Application) Token(ctx context.Context) (Token, error) {
	record, err := a.session.Read(ctx, a.generation.TokenInformation, labelLength)
	if err != nil {
		return Token{}, fmt.Errorf("token information: %w", err)
	}
	token := Token{Label: printable(record), Kind: UnknownKind}
	for _, known := range a.generation.Labels {
		if known.Text == token.Label {
			token.Kind = Kind(known.Kind)
		}
	}
	return token, nil
}

// printable removes the padding, which is spaces or, in some simulations, zero bytes, and
// replaces every character that a terminal might act upon.
func printable(b []byte) string {
	s := strings.TrimRight(string(b), " \x00")
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, s)
}
