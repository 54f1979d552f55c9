package proof_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/jpki/proof"
)

// names says which texts an audience or a purpose can be.
var names = []struct {
	name  string
	valid bool
}{
	{"a", true}, {"login", true}, {"https://library.example.jp", true}, {"図書館", true}, {"が", true}, {" ", true}, {`"<&>'\`, true}, {"\u2028", true}, {"👪", true},
	{strings.Repeat("x", 255), true}, {strings.Repeat("館", 85), true},
	{"", false}, {strings.Repeat("x", 256), false}, {strings.Repeat("館", 85) + "x", false}, {strings.Repeat("x", 1<<20), false},
	{"か\u3099", false}, {"e\u0301", false}, {"\u212b", false}, // not in normal form C
	{"\x00", false}, {"a\nb", false}, {"a\tb", false}, {"\x1b[31m", false}, {"\x7f", false}, {"\u0085", false},
	{"\xff", false}, {"a\xc3", false}, {"\xed\xa0\x80", false}, {"\ufffd", false}, // not UTF-8, or what is left of such text
}

func TestNames(t *testing.T) {
	random := func() io.Reader { return bytes.NewReader(make([]byte, proof.NonceLength)) }
	for _, tt := range names {
		want := error(nil)
		if !tt.valid {
			want = proof.ErrName
		}
		short := fmt.Sprintf("%.20q", tt.name)
		for _, c := range []proof.Challenge{{Audience: tt.name, Purpose: "p", Time: now}, {Audience: "a", Purpose: tt.name, Time: now}} {
			require.ErrorIs(t, c.Check(), want, short)
			made, err := proof.NewChallenge(c.Audience, c.Purpose, now, random())
			require.ErrorIs(t, err, want, short)
			_, marshalErr := c.MarshalJSON()
			require.ErrorIs(t, marshalErr, want, short)
			if !tt.valid {
				assert.Zero(t, made)
				assert.Less(t, len(err.Error()), 100, "it does not quote the name")
				continue
			}
			assert.Equal(t, c, made)
		}
	}
}

// The time has whole seconds in UTC, and the nonce is what random returns.
func TestNewChallenge(t *testing.T) {
	nonce := bytes.Repeat([]byte{1, 2, 3, 4}, 8)
	at := now.Add(999 * time.Millisecond).In(time.FixedZone("JST", 9*60*60))
	c, err := proof.NewChallenge("a", "p", at, iotest.OneByteReader(bytes.NewReader(nonce)))
	require.NoError(t, err)
	assert.Equal(t, proof.Challenge{Audience: "a", Purpose: "p", Nonce: [32]byte(nonce), Time: now}, c)

	broken := errors.New("broken")
	for name, tt := range map[string]struct {
		random io.Reader
		want   error
	}{
		"empty":      {strings.NewReader(""), io.EOF},
		"31 bytes":   {bytes.NewReader(make([]byte, 31)), io.ErrUnexpectedEOF},
		"fails":      {iotest.ErrReader(broken), broken},
		"fails late": {io.MultiReader(bytes.NewReader(make([]byte, 20)), iotest.ErrReader(broken)), broken},
	} {
		c, err := proof.NewChallenge("a", "p", now, tt.random)
		require.ErrorIs(t, err, tt.want, name)
		assert.Zero(t, c, name)
	}
}

// encode is Challenge.Message, written independently of it.
func encode(c proof.Challenge) string {
	part := func(s string) string { return string([]byte{byte(len(s) / 256), byte(len(s) % 256)}) + s }
	seconds := ""
	for shift := 56; shift >= 0; shift -= 8 {
		seconds += string([]byte{byte(c.Time.Unix() >> shift)})
	}
	return "mykeykit proof v1\x00" + part(c.Audience) + part(c.Purpose) + part(string(c.Nonce[:])) + part(seconds)
}

func TestMessage(t *testing.T) {
	c := proof.Challenge{Audience: "ab", Purpose: "館", Nonce: [32]byte{1, 31: 2}, Time: time.Unix(0x0102030405, 0)}
	assert.Equal(t, "6d796b65796b69742070726f6f6620763100"+"00026162"+"0003e9a4a8"+"0020"+"01"+strings.Repeat("00", 30)+"02"+"00080000000102030405",
		fmt.Sprintf("%x", c.Message()))

	// No two challenges have the same message, also if their parts could be told apart only
	// by their lengths.
	seen := map[string]proof.Challenge{}
	texts := []string{"a", "aa", "aaa", "\x00", "\x00\x01a", "", strings.Repeat("a", 255), strings.Repeat("a", 256)}
	for _, audience := range texts {
		for _, purpose := range texts {
			for _, nonce := range [][32]byte{{}, {1}, {31: 1}} {
				for _, at := range []int64{0, 1, -1, 256, now.Unix(), 1 << 40} {
					c := proof.Challenge{Audience: audience, Purpose: purpose, Nonce: nonce, Time: time.Unix(at, 0).UTC()}
					message := string(c.Message())
					require.Equal(t, encode(c), message)
					require.NotContains(t, seen, message)
					seen[message] = c
				}
			}
		}
	}
}
