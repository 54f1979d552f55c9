package redacttest_test

import (
	"bytes"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/apdu"
	"github.com/mykeykit/mykeykit/apdu/tlv"
	"github.com/mykeykit/mykeykit/internal/cardtest"
	"github.com/mykeykit/mykeykit/internal/prooftest"
	"github.com/mykeykit/mykeykit/internal/redacttest"
	"github.com/mykeykit/mykeykit/internal/signtest"
	"github.com/mykeykit/mykeykit/internal/sourcetest"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/jpki/cardtls"
	"github.com/mykeykit/mykeykit/jpki/cms"
	"github.com/mykeykit/mykeykit/jpki/credential"
	"github.com/mykeykit/mykeykit/jpki/cvc"
	"github.com/mykeykit/mykeykit/jpki/face"
	"github.com/mykeykit/mykeykit/jpki/pdf"
	"github.com/mykeykit/mykeykit/jpki/proof"
	"github.com/mykeykit/mykeykit/jpki/revocation"
	"github.com/mykeykit/mykeykit/jpki/text"
	"github.com/mykeykit/mykeykit/jpki/trust"
	"github.com/mykeykit/mykeykit/jpki/verification"
	"github.com/mykeykit/mykeykit/mykey"
	"github.com/mykeykit/mykeykit/mykey/message"
	"github.com/mykeykit/mykeykit/reader"
	"github.com/mykeykit/mykeykit/reader/pcsc"
	"github.com/mykeykit/mykeykit/reader/readertest"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

const (
	pin      = "7305"
	password = "CANARY7305"
)

// Every exported type of the module is listed: with the secrets and personal data that it
// holds and does not print, or among those that hold none. The types of mykey/registry are
// in a test of that package, which compiles SQLite.
//
// Faults: F84.
func TestNoTypePrintsSecrets(t *testing.T) {
	certificate, subject := certificateOf(t)
	card := newCard(t)
	typed := func() jpki.PIN {
		p, err := jpki.ParsePIN([]byte(pin))
		require.NoError(t, err)
		return p
	}()
	signing, err := jpki.ParsePassword([]byte(password))
	require.NoError(t, err)
	holder := prooftest.Card{Name: certificate.Subject.CommonName, NotAfter: certificate.NotAfter}.Holder(certificate.NotAfter.AddDate(-1, 0, 0))
	attributes, err := jpki.ParseAttributes(certificate)
	require.NoError(t, err)
	key, err := mykey.NewKey([]byte("canary of thirty-two bytes, 7305"))
	require.NoError(t, err)
	namespace, err := mykey.NewNamespace("points.example.jp", key)
	require.NoError(t, err)
	element, _, err := tlv.Read([]byte("\xFF\x10\x14canary of an element"))
	require.NoError(t, err)
	personal := []redacttest.Canary{
		redacttest.Text("模擬"), redacttest.Text("花子"), redacttest.Text("見本町"), redacttest.Number(1987),
		redacttest.Text("419870701"), redacttest.Text("01010101"),
	}

	surface := newSurface(t)
	document := newDocument(t)

	redacttest.Run(t, []redacttest.Type{
		redacttest.Holder(apdu.Command{INS: apdu.InsVerify, P2: 0x98}.WithData([]byte(password)), redacttest.Text(password)),
		redacttest.Holder(apdu.NewResponse([]byte(password), apdu.StatusOK), redacttest.Text(password)),
		redacttest.Holder(element, redacttest.Text("canary of an element")),
		redacttest.Holder(typed, redacttest.Text(pin)),
		redacttest.Holder(signing, redacttest.Text(password)),
		redacttest.Holder(attributes, personal...),
		redacttest.Holder(attributes.Birth(), personal...),
		redacttest.Holder(card.ready, card.canaries...),
		redacttest.Holder(*holder, subject...),
		redacttest.Holder(*document, surface.canaries...),
		redacttest.Holder(document.Signatures[0], surface.canaries...),
		redacttest.Holder(*document.Signatures[0].Verified, surface.canaries...),
		redacttest.Holder(surface.attributes, surface.canaries...),
		redacttest.Holder(surface.number, surface.canaries...),
		redacttest.Holder(surface.data, surface.canaries...),
		redacttest.Holder(surface.data.Unsigned(), surface.canaries...),
		redacttest.Holder(surface.age, surface.canaries...),
		redacttest.Holder(surface.pin, redacttest.Text(pin)),
		redacttest.Holder(surface.a, surface.canaries...),
		redacttest.Holder(surface.b, surface.canaries...),
		redacttest.Holder(surface.birth, surface.canaries...),
		redacttest.Holder(text.ByPIN(surface.pin), redacttest.Text(pin)),
		redacttest.Holder(face.ByNumberB(surface.b), surface.canaries...),
		redacttest.PublicHolder(card.signer, card.canaries...),
		redacttest.Holder(key, redacttest.Text("canary of thirty-two bytes, 7305"), redacttest.Text(string(key.RevealText()[:64]))),
		redacttest.Holder(*namespace, redacttest.Text("canary of thirty-two bytes, 7305")),
		redacttest.Holder(card.exchange, redacttest.Text(simulator.Password)),

		// What a program is made to show.
		redacttest.Plain[mykey.ID](),
		redacttest.Plain[mykey.Month](),
		redacttest.Holder(revocation.NewSubject("platform", "canary-subject"), redacttest.Text("canary-subject")),
		redacttest.Plain[revocation.Answer](), // its Subject is hidden
		redacttest.Plain[revocation.CheckerFunc](),
		redacttest.Plain[revocation.Method](),
		redacttest.Plain[revocation.Policy](),
		redacttest.Plain[revocation.Question](), // what a platform is asked, as its documentation says
		redacttest.Plain[revocation.Reason](),
		redacttest.Plain[revocation.RevokedError](),
		redacttest.Plain[revocation.Status](),
		redacttest.Plain[proof.Algorithm](),
		redacttest.Plain[proof.Challenge](),
		redacttest.Plain[proof.Verifier](),
		redacttest.Plain[proof.Evidence](), // what is sent to a verifier, as its documentation says
		redacttest.Plain[jpki.Sex](),       // a character that is somebody's sex only with a name
		redacttest.Plain[jpki.Era](),
		redacttest.Plain[trust.ValidityError](), // the dates that a person is told
		// What is said of any card: counters, labels, status words, errors.
		redacttest.Plain[apdu.ATR](),
		redacttest.Plain[apdu.Declaration](),
		redacttest.Plain[apdu.Status](),
		redacttest.Plain[trust.Anchor](),
		redacttest.Plain[trust.Issuer](),
		redacttest.Plain[trust.Policy](),
		redacttest.Plain[cms.Options](), // the certificates in it are the CAs'
		redacttest.Plain[cms.Verifier](),
		redacttest.Plain[pdf.Appearance](), redacttest.Plain[pdf.Corner](), redacttest.Plain[pdf.Options](),
		redacttest.Plain[cvc.Authority](),
		redacttest.Plain[cvc.Certificate](), // of a card's issuer
		redacttest.Plain[cvc.Policy](),
		redacttest.Plain[text.Attempts](),
		redacttest.Plain[text.Reader](),
		redacttest.Plain[face.Attempts](),
		redacttest.Plain[face.Reader](),
		redacttest.Plain[credential.Counter](),
		redacttest.Plain[jpki.Kind](),
		redacttest.Plain[credential.Error](),
		redacttest.Plain[credential.Kind](),
		redacttest.Plain[jpki.Token](),
		redacttest.Plain[trust.Validity](),
		redacttest.Plain[reader.AmbiguousError](),
		redacttest.Plain[reader.NameError](),
		redacttest.Plain[reader.NoMatchError](),
		redacttest.Plain[reader.Probe](),
		redacttest.Plain[reader.Event](),
		redacttest.Plain[reader.EventKind](),
		redacttest.Plain[reader.Reader](),
		redacttest.Plain[pcsc.Code](),
		redacttest.Plain[pcsc.Error](),
		// Messages for people. Their texts are fixed, except for readers' names, dates and
		// numbers of attempts.
		redacttest.Plain[message.Attempt](),
		redacttest.Plain[message.Code](),
		redacttest.Plain[message.Group](),
		redacttest.Plain[message.Language](),
		redacttest.Plain[message.Message](),
		redacttest.Plain[message.Text](),
		// Means to reach a card, and functions.
		redacttest.Plain[apdu.Channel](),
		redacttest.Plain[apdu.Option](),
		redacttest.Plain[tlv.Option](),
		redacttest.Plain[tlv.Tag](),
		redacttest.Plain[jpki.Application](),
		redacttest.Plain[jpki.AskPIN](),
		redacttest.Plain[jpki.AskPassword](),
		redacttest.Plain[cardtls.Dialer](),
		redacttest.Plain[cardtls.Option](),
		redacttest.Plain[pcsc.Driver](),
		redacttest.Plain[readertest.Fixture](),
		// Simulated cards have the same PIN and password, which are published, and
		// nobody's data.
		redacttest.Plain[simulator.Action](),
		redacttest.Plain[simulator.Authority](),
		redacttest.Plain[simulator.Persona](),
		redacttest.Plain[simulator.Card](),
		redacttest.Plain[simulator.Driver](),
		redacttest.Plain[simulator.DriverOption](),
		redacttest.Plain[simulator.Fault](),
		redacttest.Plain[simulator.Operation](),
		redacttest.Plain[simulator.Option](),
		redacttest.Plain[simulator.Profile](),
		redacttest.Plain[simulator.Reader](),
		redacttest.Plain[simulator.State](),
	}, packages(t)...)
}

// ofSurface is what a program holds of the text and the visual application of a card.
type ofSurface struct {
	attributes text.Attributes
	number     text.MyNumber
	data       face.Data
	age        face.AgeRecord
	pin        text.PIN
	a          verification.NumberA
	b          verification.NumberB
	birth      verification.Birth
	canaries   []redacttest.Canary
}

func newSurface(t *testing.T) (of ofSurface) {
	t.Helper()
	desk, p := cardtest.Open(t, simulator.ContactExtended), simulator.DefaultPersona()
	numberB := func() verification.NumberB {
		b, err := verification.ParseNumberB([]byte(p.NumberB()))
		require.NoError(t, err)
		return b
	}
	numberA := func() verification.NumberA {
		a, err := verification.ParseNumberA([]byte(p.NumberA()))
		require.NoError(t, err)
		return a
	}
	birth := func() verification.Birth {
		b, err := verification.ParseBirth([]byte(p.BirthAsPrinted))
		require.NoError(t, err)
		return b
	}
	attributes, err := new(text.Reader).Attributes(t.Context(), desk.Connection, text.ByNumberB(numberB()))
	require.NoError(t, err)
	number, err := new(text.Reader).MyNumberUnderNumberAct(t.Context(), desk.Connection, text.ByNumberA(numberA()))
	require.NoError(t, err)
	data, err := new(face.Reader).Read(t.Context(), desk.Connection, face.ByNumberB(numberB()))
	require.NoError(t, err)
	age, err := new(face.Reader).ReadAgeRecord(t.Context(), desk.Connection, face.ByBirth(birth()))
	require.NoError(t, err)
	of.attributes, of.number, of.data, of.age = *attributes, *number, *data, *age
	of.pin, err = text.ParsePIN([]byte(pin))
	require.NoError(t, err)
	of.a, of.b, of.birth = numberA(), numberB(), birth()
	for _, canary := range []string{"花子", "例示町", p.Birth, p.MyNumber, p.NumberB(), p.BirthAsPrinted, p.Expiry, string(p.Photo[100:120])} {
		of.canaries = append(of.canaries, redacttest.Text(canary))
	}
	return of
}

// packages are those of which types are tested here.
func packages(t *testing.T) []string {
	root := filepath.Join("..", "..")
	elsewhere := filepath.Join(root, "mykey", "registry")
	all := sourcetest.Packages(t, root)
	require.Contains(t, all, elsewhere)
	return slices.DeleteFunc(all, func(directory string) bool {
		return directory == elsewhere || sourcetest.IsInternal(directory)
	})
}

// certificateOf is a signature certificate's content that nobody signed, and by
// what its holder would be known.
func certificateOf(t *testing.T) (*x509.Certificate, []redacttest.Canary) {
	t.Helper()
	var names []asn1.RawValue
	for i, text := range []string{"模擬　花子", "01010101", "2", "419870701", "模擬県試験市見本町１－２－３"} {
		value, err := asn1.MarshalWithParams(text, "utf8,explicit,tag:0")
		require.NoError(t, err)
		id, err := asn1.Marshal(asn1.ObjectIdentifier{1, 2, 392, 200149, 8, 5, 5, i + 1})
		require.NoError(t, err)
		names = append(names, asn1.RawValue{Class: asn1.ClassContextSpecific, IsCompound: true, Bytes: append(id, value...)})
	}
	extension, err := asn1.Marshal(names)
	require.NoError(t, err)
	end := time.Date(2031, 7, 1, 14, 59, 59, 0, time.UTC)
	return &x509.Certificate{
		Subject:    pkix.Name{CommonName: "KANJA0730573057"},
		Extensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 17}, Value: extension}},
		NotAfter:   end,
	}, []redacttest.Canary{redacttest.Text("KANJA0730573057"), redacttest.Text("2031-07-01"), redacttest.Text("模擬")}
}

// ofCard is what a program holds of a simulated card.
type ofCard struct {
	ready    jpki.Readiness
	signer   *jpki.Signer
	exchange reader.Exchange
	canaries []redacttest.Canary
}

func newCard(t *testing.T) (of ofCard) {
	t.Helper()
	h := cardtest.NewHolder(t, simulator.Contact)
	ctx := t.Context()
	traced := reader.Trace(h.OtherProgram(t), func(e reader.Exchange) {
		if e.Command.Secret() {
			of.exchange = e
		}
	})
	require.NoError(t, jpki.Do(ctx, traced, func(a *jpki.Application) error {
		secret, err := jpki.ParsePassword([]byte(simulator.Password))
		require.NoError(t, err)
		require.NoError(t, a.VerifySignaturePassword(ctx, secret))
		of.ready, err = a.Ready(ctx)
		return err
	}))
	require.True(t, of.exchange.Command.Secret())

	of.signer = h.Signer(t)
	certificate := of.signer.Certificate()
	for _, text := range []string{certificate.Subject.CommonName, certificate.SerialNumber.String(), hex.EncodeToString(certificate.Raw[:32])} {
		require.NotEmpty(t, strings.TrimSpace(text))
		of.canaries = append(of.canaries, redacttest.Text(text))
	}
	of.canaries = append(of.canaries, redacttest.Text(string(certificate.RawSubjectPublicKeyInfo[40:60])))
	return of
}

// newDocument returns the signatures of a document that a person signed who has the names of the canaries.
func newDocument(t *testing.T) *pdf.Result {
	file := signtest.PDF(nil)
	signer := signtest.New(t, func(c *x509.Certificate) { c.Subject.CommonName = "模擬　花子" })
	var signed bytes.Buffer
	require.NoError(t, pdf.Sign(t.Context(), &signed, bytes.NewReader(file), int64(len(file)), signer, pdf.Options{Reason: "見本町"}))
	v := cms.Verifier{Trust: trust.Policy{CAs: []*x509.Certificate{signtest.CA(t).Certificate}}}
	result, err := pdf.Verify(t.Context(), bytes.NewReader(signed.Bytes()), int64(signed.Len()), &v)
	require.NoError(t, err)
	return result
}
