package locale

import (
	"strings"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/japanese"
)

// Encoding is a character encoding.
type Encoding string

// The encodings that can show Japanese, and Other for the rest.
const (
	UTF8     Encoding = "UTF-8"
	EUCJP    Encoding = "EUC-JP"
	ShiftJIS Encoding = "Shift_JIS"
	Other    Encoding = ""
)

// Encode encodes a UTF-8 text, with a question mark for each character that the encoding
// lacks. With [Other] it returns the text as it is.
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
