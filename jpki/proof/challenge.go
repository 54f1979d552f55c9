package proof

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// ErrName reports an audience or a purpose that is not 1 to 255 bytes of UTF-8 in normal form C, or
// that has control characters or U+FFFD, which replaces invalid UTF-8.
var ErrName = errors.New("invalid audience or purpose: want 1 to 255 bytes of text")

// NonceLength is the length of a challenge's nonce in bytes.
const NonceLength = 32

// Challenge is what a verifier asks a card to sign. It is not secret.
type Challenge struct {
	// Audience names the verifier, as in "https://library.example.jp". A verifier rejects
	// evidence for another audience, so that a terminal can't use it elsewhere. A terminal
	// has to check that Audience names the server that sent the challenge: see jpki.Prove.
	Audience string
	// Purpose names what the holder does, as in "login". A verifier rejects evidence for
	// another purpose.
	Purpose string
	// Nonce is random.
	Nonce [NonceLength]byte
	// Time is when the challenge was made, in whole seconds.
	Time time.Time
}

// NewChallenge makes a challenge. It reads the nonce from random; pass crypto/rand.Reader
// outside of tests. It returns [ErrName], or random's error.
func NewChallenge(audience, purpose string, now time.Time, random io.Reader) (Challenge, error) {
	c := Challenge{Audience: audience, Purpose: purpose, Time: now.UTC().Truncate(time.Second)}
	if err := c.Check(); err != nil {
		return Challenge{}, err
	}
	if _, err := io.ReadFull(random, c.Nonce[:]); err != nil {
		return Challenge{}, fmt.Errorf("nonce: %w", err)
	}
	return c, nil
}

// Check returns [ErrName] if the audience or the purpose is invalid.
func (c Challenge) Check() error {
	for _, part := range []struct{ name, text string }{{"audience", c.Audience}, {"purpose", c.Purpose}} {
		if !isName(part.text) {
			return fmt.Errorf("%w: %s", ErrName, part.name)
		}
	}
	return nil
}

const maxName = 255

func isName(s string) bool {
	if s == "" || len(s) > maxName || !utf8.ValidString(s) || !norm.NFC.IsNormalString(s) {
		return false
	}
	for _, r := range s {
		if unicode.IsControl(r) || r == utf8.RuneError {
			return false
		}
	}
	return true
}

// domain begins every message, and no message of another protocol: see the package comment.
const domain = "mykeykit proof v1\x00"

// Message returns the bytes whose hash the card signs: "mykeykit proof v1" and a zero byte, then
// four fields, each preceded by its length in 2 bytes: the audience, the purpose, the nonce, and
// the time in 8 bytes, as seconds since 1970-01-01 UTC. All numbers are big-endian.
func (c Challenge) Message() []byte {
	message := []byte(domain)
	for _, part := range [][]byte{[]byte(c.Audience), []byte(c.Purpose), c.Nonce[:], binary.BigEndian.AppendUint64(nil, uint64(c.Time.Unix()))} {
		message = binary.BigEndian.AppendUint16(message, uint16(len(part)))
		message = append(message, part...)
	}
	return message
}
