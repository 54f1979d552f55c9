package message

import (
	"strings"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/japanese"
)

// Encoding is how texts become bytes.
type Encoding string

// The encodings in which Japanese can be shown, and all others.
const (
	UTF8     Encoding = "UTF-8"
	EUCJP    Encoding = "EUC-JP"
	ShiftJIS Encoding = "Shift_JIS"
	Other    Encoding = ""
)

// Encode returns a text in an encoding, with a question mark for what it lacks. For
// [Other] that is the text itself.
func (e Encoding) Encode(text string) string {
	var encoder *encoding.Encoder
	switch e {
	case EUCJP:
		encoder = japanese.EUCJP.NewEncoder()
	case ShiftJIS:
		encoder = japanese.ShiftJIS.NewEncoder()
	default:
		return text
	}
	if encoded, err := encoder.String(text); err == nil {
		return encoded
	}
	var b strings.Builder
	for _, r := range text {
		encoded, err := encoder.String(string(r))
		if err != nil {
			encoded = "?"
		}
		b.WriteString(encoded)
	}
	return b.String()
}
