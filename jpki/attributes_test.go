package jpki_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/json"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/cardtest"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// attribute is one of the holder's attributes, as a card has them.
func attribute(t testing.TB, number int, text string) asn1.RawValue {
	t.Helper()
	return named(t, asn1.ObjectIdentifier{1, 2, 392, 200149, 8, 5, 5, number}, asn1.RawValue{Tag: asn1.TagUTF8String, Bytes: []byte(text)})
}

// named is a name of another kind, in the tags that RFC 5280 §4.2.1.6 asks for.
func named(t testing.TB, id asn1.ObjectIdentifier, value asn1.RawValue) asn1.RawValue {
	t.Helper()
	kind, err := asn1.Marshal(id)
	require.NoError(t, err)
	content, err := asn1.Marshal(value)
	require.NoError(t, err)
	inner, err := asn1.Marshal(asn1.RawValue{Class: asn1.ClassContextSpecific, IsCompound: true, Bytes: content})
	require.NoError(t, err)
	return asn1.RawValue{Class: asn1.ClassContextSpecific, IsCompound: true, Bytes: append(kind, inner...)}
}

// holding is a certificate with these alternative names.
func holding(t testing.TB, names ...asn1.RawValue) *x509.Certificate {
	t.Helper()
	der, err := asn1.Marshal(names)
	require.NoError(t, err)
	return &x509.Certificate{Extensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 17}, Value: der}}}
}

func TestAttributesOfASimulatedCard(t *testing.T) {
	h := newSigningHolder(t)
	got, err := jpki.ParseAttributes(h.SignatureSigner(t).Certificate())
	require.NoError(t, err)
	assert.Equal(t, "模擬　花子", got.Name())
	assert.Equal(t, "00000", got.NameSubstitutes())
	assert.Equal(t, "模擬県試験市見本町１－２－３", got.Address())
	assert.Equal(t, "00000000000000", got.AddressSubstitutes())
	assert.Equal(t, jpki.Female, got.Sex())
	assert.Equal(t, jpki.Heisei, got.Birth().Era())
	year, month, day := got.Birth().Date()
	assert.Equal(t, []int{1990, 4, 1}, []int{year, month, day})

	certificate, err := open(t, cardtest.Open(t, simulator.Contact)).AuthCertificate(context.Background())
	require.NoError(t, err)
	_, err = jpki.ParseAttributes(certificate)
	require.ErrorIs(t, err, jpki.ErrNoAttributes)
}

// Faults: F51, F53, F54.
func TestParseAttributes(t *testing.T) {
	one := func(number int, text string) asn1.RawValue { return attribute(t, number, text) }
	name, sex, birth, address := one(1, "模擬　花子"), one(3, "2"), one(4, "419900401"), one(5, "模擬県")
	numbers := func(number int, tag int, text string) asn1.RawValue {
		return named(t, asn1.ObjectIdentifier{1, 2, 392, 200149, 8, 5, 5, number}, asn1.RawValue{Tag: tag, Bytes: []byte(text)})
	}
	other := asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 1, Bytes: []byte("somebody@example.jp")} // an address of mail
	foreign := named(t, asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 20, 2, 3}, asn1.RawValue{Tag: asn1.TagUTF8String, Bytes: []byte("\x1b")})
	for label, tt := range map[string]struct {
		certificate *x509.Certificate
		err         error
	}{
		"the four":                {holding(t, name, sex, birth, address), nil},
		"in another order":        {holding(t, address, birth, name, sex), nil},
		"with substitutes":        {holding(t, name, sex, birth, address, one(2, "01000"), one(6, "000")), nil},
		"beside names of others":  {holding(t, other, foreign, name, sex, birth, address), nil},
		"a birth known in part":   {holding(t, name, sex, one(4, "019000000"), address), nil},
		"another sex":             {holding(t, name, one(3, "9"), birth, address), nil},
		"none":                    {&x509.Certificate{}, jpki.ErrNoAttributes},
		"no names":                {holding(t), jpki.ErrNoAttributes},
		"names of others":         {holding(t, other, foreign), jpki.ErrNoAttributes},
		"no name":                 {holding(t, sex, birth, address), jpki.ErrMalformedAttributes},
		"an empty name":           {holding(t, one(1, ""), sex, birth, address), jpki.ErrMalformedAttributes},
		"no address":              {holding(t, name, sex, birth), jpki.ErrMalformedAttributes},
		"two names":               {holding(t, name, name, sex, birth, address), jpki.ErrMalformedAttributes},
		"a name that is cut":      {holding(t, one(1, "模擬"[:4]), sex, birth, address), jpki.ErrMalformedAttributes},
		"a name that is long":     {holding(t, one(1, strings.Repeat("長", 4000)), sex, birth, address), jpki.ErrMalformedAttributes},
		"an escape":               {holding(t, one(1, "\x1b[2J"), sex, birth, address), jpki.ErrMalformedAttributes},
		"a line feed":             {holding(t, name, sex, birth, one(5, "模擬県\n")), jpki.ErrMalformedAttributes},
		"an order of writing":     {holding(t, one(1, "\u202E子花"), sex, birth, address), jpki.ErrMalformedAttributes},
		"a name of another type":  {holding(t, numbers(1, asn1.TagIA5String, "HANAKO"), sex, birth, address), jpki.ErrMalformedAttributes},
		"a sex of two characters": {holding(t, name, one(3, "22"), birth, address), jpki.ErrMalformedAttributes},
		"a sex that is a word":    {holding(t, name, one(3, "女"), birth, address), jpki.ErrMalformedAttributes},
		"a short birth":           {holding(t, name, sex, one(4, "41990041"), address), jpki.ErrMalformedAttributes},
		"a 13th month":            {holding(t, name, sex, one(4, "419901301"), address), jpki.ErrMalformedAttributes},
		"a 32nd day":              {holding(t, name, sex, one(4, "419900432"), address), jpki.ErrMalformedAttributes},
		"an era to come":          {holding(t, name, sex, one(4, "619900401"), address), jpki.ErrMalformedAttributes},
		"letters":                 {holding(t, name, sex, one(4, "4199O0401"), address), jpki.ErrMalformedAttributes},
		"substitutes by letters":  {holding(t, name, sex, birth, address, one(2, "0x000")), jpki.ErrMalformedAttributes},
		"something behind":        {behind(holding(t, name, sex, birth, address), 0), jpki.ErrMalformedAttributes},
		"no sequence":             {&x509.Certificate{Extensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 17}, Value: []byte{5, 0}}}}, jpki.ErrMalformedAttributes},
		"nothing at all":          {&x509.Certificate{Extensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 17}, Value: []byte{}}}}, jpki.ErrMalformedAttributes},
	} {
		got, err := jpki.ParseAttributes(tt.certificate)
		require.ErrorIs(t, err, tt.err, label)
		assert.Equal(t, tt.err != nil, reflect.ValueOf(got).IsZero(), label)
		if err != nil {
			assert.NotContains(t, err.Error(), "模擬")
		}
	}
}

func behind(c *x509.Certificate, b ...byte) *x509.Certificate {
	c.Extensions[0].Value = append(c.Extensions[0].Value, b...)
	return c
}

// Attributes are printable, whatever the certificate contains.
//
// Faults: F51, F52, F53, F54.
func FuzzAttributes(f *testing.F) {
	f.Add(holding(f, attribute(f, 1, "模擬　花子"), attribute(f, 3, "2"), attribute(f, 4, "419900401"), attribute(f, 5, "模擬県")).Extensions[0].Value)
	f.Add([]byte{0x30, 0x80, 0, 0})
	f.Fuzz(func(t *testing.T, names []byte) {
		got, err := jpki.ParseAttributes(&x509.Certificate{Extensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 17}, Value: names}}})
		if err != nil {
			require.Zero(t, got)
			return
		}
		require.NotEmpty(t, got.Name())
		require.NotEmpty(t, got.Address())
		require.False(t, strings.ContainsAny(got.Name()+got.Address(), "\x00\x1b\n\r\u202E"))
		_, month, _ := got.Birth().Date()
		require.LessOrEqual(t, month, 12)
	})
}

// Faults: F48.
func TestAttributesCannotBePrinted(t *testing.T) {
	a, err := jpki.ParseAttributes(holding(t, attribute(t, 1, "模擬　花子"), attribute(t, 3, "2"), attribute(t, 4, "419900401"), attribute(t, 5, "模擬県")))
	require.NoError(t, err)
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		fmt.Fprintf(&out, verb+verb+verb, a, &a, []jpki.Attributes{a})
	}
	slog.New(slog.NewJSONHandler(&out, nil)).Info("holder", "it", a, "all", []jpki.Attributes{a})
	b, err := json.Marshal(struct{ A jpki.Attributes }{a})
	require.NoError(t, err)
	out.Write(b)
	for _, part := range []string{"模擬", "1990", "花子"} {
		assert.NotContains(t, out.String(), part)
	}
	assert.Contains(t, out.String(), "[attributes of the holder]")
}
