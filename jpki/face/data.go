package face

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"slices"

	"github.com/mykeykit/mykeykit/internal/hidden"
	"github.com/mykeykit/mykeykit/internal/record"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/jpki/cvc"
	"github.com/mykeykit/mykeykit/jpki/trust"
)

// Data is what is printed on the card. The signature of everything but Unsigned was verified. It is
// personal data: keep it no longer than needed. Printing or encoding it shows nothing. The zero value
// is empty. Do not modify the slices that its methods return.
type Data struct{ held hidden.Value[*data] }

type data struct {
	birth                string
	sex                  jpki.Sex
	name, address, photo []byte
	unsigned             Unsigned
	issuer               trust.Issuer
}

func newData(d data) *Data { return &Data{hidden.New(&d)} }

func (d *Data) reveal() data {
	if d == nil || d.held.Reveal() == nil {
		return data{issuer: trust.IssuerUnknown}
	}
	return *d.held.Reveal()
}

// Birth returns the date of birth as 8 digits, YYYYMMDD. Cards presumably write zeros for unknown
// parts.
func (d *Data) Birth() string { return d.reveal().birth }

// Sex returns the sex, 0 for the zero value.
func (d *Data) Sex() jpki.Sex { return d.reveal().sex }

// NamePNG returns the picture of the name, as stored on the card. It was not decoded.
func (d *Data) NamePNG() []byte { return d.reveal().name }

// AddressPNG returns the picture of the address, as stored on the card. It was not decoded.
func (d *Data) AddressPNG() []byte { return d.reveal().address }

// PhotoJP2 returns the photograph in JPEG 2000, as stored on the card. It was not decoded.
func (d *Data) PhotoJP2() []byte { return d.reveal().photo }

// Unsigned returns what the card states without a signature.
func (d *Data) Unsigned() Unsigned { return d.reveal().unsigned }

// Issuer reports who issued the CV certificate of the key that signed the data:
// [trust.IssuerCaller] for an authority that the caller listed, or [trust.IssuerSimulator]. It is
// [trust.IssuerUnknown] if the policy has no key of that authority: then nothing shows that J-LIS
// issued the data.
func (d *Data) Issuer() trust.Issuer { return d.reveal().issuer }

// Unsigned is what the card states without a signature. Anybody can change it unnoticed. Do not
// show it as confirmed. Printing or encoding it shows nothing.
type Unsigned struct{ held hidden.Value[*unsigned] }

type unsigned struct {
	expiry       string
	securityCode []byte
}

func (u Unsigned) reveal() unsigned {
	if held := u.held.Reveal(); held != nil {
		return *held
	}
	return unsigned{}
}

// Expiry returns the day on which the card expires as 8 digits, YYYYMMDD, or "" if the card states
// none.
func (u Unsigned) Expiry() string { return u.reveal().expiry }

// SecurityCodePNG returns the picture of the security code, or nil. It was not decoded.
func (u Unsigned) SecurityCodePNG() []byte { return u.reveal().securityCode }

// Tags of the record with the data.
const (
	tagFace         = 0xFF20
	tagBirth        = 0xDF22
	tagSex          = 0xDF23
	tagKey          = 0xDF24
	tagName         = 0xDF25
	tagAddress      = 0xDF26
	tagPhoto        = 0xDF27
	tagSignature    = 0xDF28
	tagExpiry       = 0xDF29
	tagSecurityCode = 0xDF2A
)

// threeDigests is the beginning of the DigestInfo of the data's signature: one that has three SHA-256
// digests in place of one.
var threeDigests = []byte{0x30, 0x71, 0x30, 0x0D, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x60}

// parseData reads the record, checks its signature with a key, and returns the card's own key.
func parseData(file []byte, key *rsa.PublicKey) (data, *rsa.PublicKey, error) {
	r, err := record.Parse(file, tagFace)
	if err != nil {
		return data{}, nil, err
	}
	values, err := r.Values(tagBirth, tagSex, tagKey, tagName, tagAddress, tagPhoto, tagSignature)
	if err != nil {
		return data{}, nil, err
	}
	birth, sex, expiry := values[0], values[1], r.Value(tagExpiry)
	if !isDate(birth) || len(sex) != 1 || sex[0] < '0' || sex[0] > '9' || len(expiry) > 0 && !isDate(expiry) {
		return data{}, nil, ErrMalformed
	}
	signed := slices.Clone(threeDigests)
	for _, part := range [][]byte{r.Raw(tagBirth, tagSex, tagKey), r.Raw(tagName, tagAddress), r.Raw(tagPhoto)} {
		sum := sha256.Sum256(part)
		signed = append(signed, sum[:]...)
	}
	if rsa.VerifyPKCS1v15(key, crypto.Hash(0), signed, values[6]) != nil {
		return data{}, nil, ErrAltered
	}
	own, err := cvc.ParseKey(values[2])
	return data{
		birth: string(birth), sex: jpki.Sex(sex[0]), name: values[3], address: values[4], photo: values[5],
		unsigned: Unsigned{hidden.New(&unsigned{string(expiry), r.Value(tagSecurityCode)})},
	}, own, err
}

// isDate reports whether a date has 8 digits.
func isDate(text []byte) bool {
	return len(text) == 8 && !bytes.ContainsFunc(text, func(r rune) bool { return r < '0' || r > '9' })
}

// AgeRecord is the record for proofs of age. It has only the holder's date of birth, which is
// personal data. Its signature was verified. Printing or encoding it shows nothing. The zero value
// is empty.
type AgeRecord struct{ held hidden.Value[*age] }

type age struct {
	birth  string
	issuer trust.Issuer
}

func newAge(birth string, issuer trust.Issuer) *AgeRecord {
	return &AgeRecord{hidden.New(&age{birth, issuer})}
}

// Birth is like [Data.Birth].
func (a *AgeRecord) Birth() string {
	if a == nil || a.held.Reveal() == nil {
		return ""
	}
	return a.held.Reveal().birth
}

// Issuer is like [Data.Issuer].
func (a *AgeRecord) Issuer() trust.Issuer {
	if a == nil || a.held.Reveal() == nil {
		return trust.IssuerUnknown
	}
	return a.held.Reveal().issuer
}

// Tags of the age record.
const (
	tagAge          = 0xFF10
	tagAgeBirth     = 0xDF11
	tagAgeKey       = 0xDF12
	tagAgeSignature = 0xDF13
)

// parseAge is like parseData for the age record.
func parseAge(file []byte, key *rsa.PublicKey) (birth string, own *rsa.PublicKey, err error) {
	r, err := record.Parse(file, tagAge)
	if err != nil {
		return "", nil, err
	}
	values, err := r.Values(tagAgeBirth, tagAgeKey, tagAgeSignature)
	switch {
	case err != nil:
		return "", nil, err
	case !isDate(values[0]):
		return "", nil, ErrMalformed
	case cvc.CheckSignature(key, r.Raw(tagAgeBirth, tagAgeKey), values[2]) != nil:
		return "", nil, ErrAltered
	}
	own, err = cvc.ParseKey(values[1])
	return string(values[0]), own, err
}

const (
	redactedData     = "[data of the card's face]"
	redactedUnsigned = "[unsigned data of the card's face]"
	redactedAge      = "[date of birth]"
	redactedSecret   = "[secret of the visual application]"
)

// String returns a fixed text without any of the content.
func (d Data) String() string { return redactedData }

// Format prints [Data.String] for every verb and flag.
func (d Data) Format(f fmt.State, _ rune) { fmt.Fprint(f, redactedData) }

// MarshalText returns [Data.String]. JSON uses it too.
func (d Data) MarshalText() ([]byte, error) { return []byte(redactedData), nil }

// LogValue implements slog.LogValuer.
func (d Data) LogValue() slog.Value { return slog.StringValue(redactedData) }

// String returns a fixed text without any of the content.
func (u Unsigned) String() string { return redactedUnsigned }

// Format prints [Unsigned.String] for every verb and flag.
func (u Unsigned) Format(f fmt.State, _ rune) { fmt.Fprint(f, redactedUnsigned) }

// MarshalText returns [Unsigned.String]. JSON uses it too.
func (u Unsigned) MarshalText() ([]byte, error) { return []byte(redactedUnsigned), nil }

// LogValue implements slog.LogValuer.
func (u Unsigned) LogValue() slog.Value { return slog.StringValue(redactedUnsigned) }

// String returns a fixed text without any of the content.
func (a AgeRecord) String() string { return redactedAge }

// Format prints [AgeRecord.String] for every verb and flag.
func (a AgeRecord) Format(f fmt.State, _ rune) { fmt.Fprint(f, redactedAge) }

// MarshalText returns [AgeRecord.String]. JSON uses it too.
func (a AgeRecord) MarshalText() ([]byte, error) { return []byte(redactedAge), nil }

// LogValue implements slog.LogValuer.
func (a AgeRecord) LogValue() slog.Value { return slog.StringValue(redactedAge) }

// String returns a fixed text without any of the content.
func (s Secret) String() string { return redactedSecret }

// Format prints [Secret.String] for every verb and flag.
func (s Secret) Format(f fmt.State, _ rune) { fmt.Fprint(f, redactedSecret) }

// MarshalText returns [Secret.String]. JSON uses it too.
func (s Secret) MarshalText() ([]byte, error) { return []byte(redactedSecret), nil }

// LogValue implements slog.LogValuer.
func (s Secret) LogValue() slog.Value { return slog.StringValue(redactedSecret) }
