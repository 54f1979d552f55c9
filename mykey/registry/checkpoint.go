package registry

import (
	"bytes"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"hash"
	"math/bits"
)

// ErrCheckpoint reports a checkpoint, or the files of an interrupted verification, that
// the auditor did not sign or that belong to another namespace.
var ErrCheckpoint = errors.New("not a checkpoint of this namespace, or not signed by this auditor")

// checkpointContent is what an auditor signs: the heads of all chains, and the number and
// the sum of all rows at that time.
type checkpointContent struct {
	Version      int      `json:"version"`
	Namespace    string   `json:"namespace"`
	Heads        []Head   `json:"heads"`
	Reservations tableSum `json:"reservations"`
	Holders      tableSum `json:"holders"`
	Enrolled     tableSum `json:"enrolled"`
	Applications tableSum `json:"applications"`
	Purges       int64    `json:"purges"`
	Salt         []byte   `json:"salt"`
}

// tableSum is the number of the rows of a table, and the value of their rowSum.
type tableSum struct {
	Rows int64    `json:"rows"`
	Sum  hexBytes `json:"sum"`
}

// hexBytes is encoded in hexadecimal.
type hexBytes [32]byte

func (b hexBytes) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, b[:]), nil }

func (b *hexBytes) UnmarshalText(text []byte) error {
	if len(text) != hex.EncodedLen(len(b)) {
		return ErrCheckpoint
	}
	_, err := hex.Decode(b[:], text)
	return err
}

const checkpointVersion = 1

// table returns the rows of a table.
func (c *checkpointContent) table(t table) *tableSum {
	switch t {
	case reservationTable:
		return &c.Reservations
	case holderTable:
		return &c.Holders
	case enrolledTable:
		return &c.Enrolled
	}
	return &c.Applications
}

// signed is a signed JSON value.
type signed struct {
	Content   json.RawMessage `json:"content"`
	Signature []byte          `json:"signature"`
}

// signJSON returns a value with the auditor's signature. Each purpose has its own
// signatures.
func signJSON(auditor Terminal, purpose string, value any) ([]byte, error) {
	content, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(signed{content, ed25519.Sign(auditor.key.Reveal(), digest(purpose, content))})
	return append(text, '\n'), err
}

// openJSON decodes a value that the auditor signed. It returns [ErrCheckpoint] otherwise.
func openJSON(auditor Terminal, purpose string, text []byte, value any) error {
	var s signed
	var content bytes.Buffer
	if json.Unmarshal(text, &s) != nil || json.Compact(&content, s.Content) != nil {
		return ErrCheckpoint
	}
	if !ed25519.Verify(auditor.Public().Key, digest(purpose, content.Bytes()), s.Signature) || json.Unmarshal(content.Bytes(), value) != nil {
		return ErrCheckpoint
	}
	return nil
}

const checkpointPurpose = "registry/checkpoint/v1"

// parseCheckpoint decodes a checkpoint of a namespace.
func parseCheckpoint(auditor Terminal, namespace string, text []byte) (*checkpointContent, error) {
	c := new(checkpointContent)
	if err := openJSON(auditor, checkpointPurpose, text, c); err != nil {
		return nil, err
	}
	if c.Version != checkpointVersion || c.Namespace != namespace {
		return nil, ErrCheckpoint
	}
	return c, nil
}

// newSalt returns a random salt.
func newSalt() []byte {
	salt := make([]byte, 32)
	_, _ = rand.Read(salt) // never fails
	return salt
}

// auditorKey derives a secret key from the auditor's key. A checkpoint contains only the
// salt, so that whoever reads it can't compute sums.
func auditorKey(auditor Terminal, purpose string, salt []byte) []byte {
	mac := hmac.New(sha256.New, auditor.key.Reveal().Seed())
	mac.Write(digest(purpose, salt))
	return mac.Sum(nil)
}

// rowSum is a keyed hash of the rows of each table in any order: the sum of their HMACs
// modulo 2^256. Without the key, nobody finds another set of rows with the same sum. Each
// checkpoint has its own key, because the difference of two sums under the same key would
// reveal the HMACs of single rows. The zero rowSum has no key and stays 0.
type rowSum struct {
	mac  hash.Hash
	sums map[table]*[4]uint64 // least significant first
}

func newRowSum(auditor Terminal, salt []byte) rowSum {
	return rowSum{hmac.New(sha256.New, auditorKey(auditor, "registry/checkpoint-key/v1", salt)), map[table]*[4]uint64{}}
}

// add adds a row.
func (s *rowSum) add(i image) {
	if s.mac == nil {
		return
	}
	var b [1 + 16 + 8 + 32]byte
	b[0] = byte(i.table)
	copy(b[1:], i.row[:])
	binary.BigEndian.PutUint64(b[17:], i.version)
	copy(b[25:], i.after[:])
	s.mac.Reset()
	s.mac.Write(b[:])
	var sum [32]byte
	s.mac.Sum(sum[:0])
	s.addValue(i.table, sum)
}

// addValue adds a number to the sum of a table.
func (s *rowSum) addValue(t table, b hexBytes) {
	if s.sums == nil {
		return
	}
	sum := s.sums[t]
	if sum == nil {
		sum = new([4]uint64)
		s.sums[t] = sum
	}
	var carry uint64
	for i := range sum {
		sum[i], carry = bits.Add64(sum[i], binary.BigEndian.Uint64(b[24-8*i:]), carry)
	}
}

// value returns the sum of a table.
func (s *rowSum) value(t table) (b hexBytes) {
	if sum := s.sums[t]; sum != nil {
		for i, part := range sum {
			binary.BigEndian.PutUint64(b[24-8*i:], part)
		}
	}
	return b
}
