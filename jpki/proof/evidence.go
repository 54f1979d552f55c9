package proof

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/mykeykit/mykeykit/internal/strictjson"
)

// ErrFormat reports bytes that are not evidence in this version's format.
var ErrFormat = errors.New("not evidence in a known format")

// MaxEvidence is the maximum length of evidence in JSON, in bytes. Evidence from current cards
// has about 5,000 bytes.
const MaxEvidence = 32 << 10

// Algorithm is how a card signed a challenge, as JSON Web Algorithms names it (RFC 7518 §3.1).
type Algorithm string

// The algorithms.
const (
	RS256 Algorithm = "RS256" // RSA with PKCS #1 v1.5 and SHA-256
	ES256 Algorithm = "ES256" // ECDSA on P-256 with SHA-256; the signature is r and s, of 32 bytes each
	ES384 Algorithm = "ES384" // ECDSA on P-384 with SHA-384; the signature is r and s, of 48 bytes each
)

// Evidence is a card's answer to a challenge. It can be sent to a verifier and holds nothing
// secret. It does hold the holder's certificate, which is personal data: send it over an
// encrypted connection, and do not store it. Printing it shows no part of it but the
// audience and the purpose; [json.Marshal] writes all of it.
type Evidence struct {
	Challenge     Challenge
	Certificate   []byte // the card's authentication certificate, in DER
	CACertificate []byte // the CA certificate that is said to have issued it, in DER; may be empty
	Algorithm     Algorithm
	Signature     []byte // over [Challenge.Message]
}

const format = "mykeykit-proof-v1"

// wire is the JSON of evidence. All members are strings.
type wire struct {
	Format        string        `json:"format"`
	Challenge     wireChallenge `json:"challenge"`
	Certificate   string        `json:"certificate"`
	CACertificate string        `json:"ca_certificate"`
	Algorithm     string        `json:"algorithm"`
	Signature     string        `json:"signature"`
}

type wireChallenge struct {
	Audience string `json:"audience"`
	Purpose  string `json:"purpose"`
	Nonce    string `json:"nonce"`
	Time     string `json:"time"`
}

// encoding rejects bits that no byte needs, so that evidence has one encoding.
var encoding = base64.StdEncoding.Strict()

// MarshalJSON writes evidence as an object: "format" is "mykeykit-proof-v1", "challenge" is an object
// with "audience", "purpose", "nonce" and "time" (RFC 3339, in UTC, whole seconds), and then the
// strings "certificate", "ca_certificate", "algorithm" and "signature". Certificates, nonce and
// signature are in base64 with padding (RFC 4648 §4).
func (e Evidence) MarshalJSON() ([]byte, error) {
	c, err := e.Challenge.wire()
	if err != nil {
		return nil, err
	}
	return json.Marshal(wire{
		Format: format, Challenge: c, Certificate: encoding.EncodeToString(e.Certificate),
		CACertificate: encoding.EncodeToString(e.CACertificate), Algorithm: string(e.Algorithm), Signature: encoding.EncodeToString(e.Signature),
	})
}

// MarshalJSON writes a challenge as [Evidence.MarshalJSON] does.
func (c Challenge) MarshalJSON() ([]byte, error) {
	w, err := c.wire()
	if err != nil {
		return nil, err
	}
	return json.Marshal(w)
}

func (c Challenge) wire() (wireChallenge, error) {
	if err := c.Check(); err != nil {
		return wireChallenge{}, err
	}
	at := c.Time.UTC()
	if year := at.Year(); year < 0 || year > 9999 {
		return wireChallenge{}, fmt.Errorf("%w: RFC 3339 has no year %d", ErrFormat, year)
	}
	return wireChallenge{c.Audience, c.Purpose, encoding.EncodeToString(c.Nonce[:]), at.Format(time.RFC3339)}, nil
}

// UnmarshalJSON reads what MarshalJSON writes, as [ParseEvidence] does.
func (e *Evidence) UnmarshalJSON(text []byte) (err error) {
	*e, err = ParseEvidence(text)
	return err
}

// UnmarshalJSON reads the format of [Challenge.MarshalJSON]. It is as strict as
// [ParseEvidence].
func (c *Challenge) UnmarshalJSON(text []byte) error {
	var w wireChallenge
	err := parse(text, &w)
	if err == nil {
		*c, err = w.challenge()
	}
	if err != nil {
		*c = Challenge{}
	}
	return err
}

// ParseEvidence reads the format of [Evidence.MarshalJSON]. It returns [ErrFormat] for anything
// else, including a missing, unknown or repeated member, other forms of base64, and more than
// [MaxEvidence] bytes. The error does not quote the text.
func ParseEvidence(text []byte) (Evidence, error) {
	var w wire
	if err := parse(text, &w); err != nil {
		return Evidence{}, err
	}
	if w.Format != format {
		return Evidence{}, fmt.Errorf("%w: its format is not %s", ErrFormat, format)
	}
	e := Evidence{Algorithm: Algorithm(w.Algorithm)}
	var err error
	if e.Challenge, err = w.Challenge.challenge(); err != nil {
		return Evidence{}, err
	}
	for _, part := range []struct {
		name, text string
		to         *[]byte
	}{{"certificate", w.Certificate, &e.Certificate}, {"ca_certificate", w.CACertificate, &e.CACertificate}, {"signature", w.Signature, &e.Signature}} {
		if *part.to, err = decode(part.name, part.text); err != nil {
			return Evidence{}, err
		}
	}
	return e, nil
}

func (w wireChallenge) challenge() (Challenge, error) {
	c := Challenge{Audience: w.Audience, Purpose: w.Purpose}
	nonce, err := decode("nonce", w.Nonce)
	if err != nil {
		return Challenge{}, err
	}
	at, err := time.Parse(time.RFC3339, w.Time)
	c.Time = at.UTC()
	switch {
	case len(nonce) != NonceLength:
		return Challenge{}, fmt.Errorf("%w: nonce of %d bytes", ErrFormat, len(nonce))
	case err != nil || c.Time.Format(time.RFC3339) != w.Time:
		return Challenge{}, fmt.Errorf("%w: the time is not in RFC 3339, UTC and whole seconds", ErrFormat)
	}
	copy(c.Nonce[:], nonce)
	if err := c.Check(); err != nil {
		return Challenge{}, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	return c, nil
}

func decode(name, text string) ([]byte, error) {
	b, err := encoding.DecodeString(text)
	if err != nil || strings.ContainsAny(text, "\r\n") { // which package base64 skips
		return nil, fmt.Errorf("%w: %s is not in base64", ErrFormat, name)
	}
	return b, nil
}

// parse decodes a JSON object into a struct, all of whose members must be there exactly once.
func parse(text []byte, to any) error {
	if len(text) > MaxEvidence {
		return fmt.Errorf("%w: more than %d bytes", ErrFormat, MaxEvidence)
	}
	if err := strictjson.Unmarshal(text, to); err != nil {
		return fmt.Errorf("%w: %w", ErrFormat, err)
	}
	return nil
}

// String returns the audience and the purpose.
func (e Evidence) String() string {
	return fmt.Sprintf("[evidence for %q, %q]", e.Challenge.Audience, e.Challenge.Purpose)
}

// Format prints [Evidence.String] for every verb and flag.
func (e Evidence) Format(f fmt.State, _ rune) { fmt.Fprint(f, e.String()) }

// LogValue implements slog.LogValuer with [Evidence.String].
func (e Evidence) LogValue() slog.Value { return slog.StringValue(e.String()) }
