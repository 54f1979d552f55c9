package jpki_test

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/apdu"
	"github.com/mykeykit/mykeykit/internal/cardtest"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/jpki/credential"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

func open(t testing.TB, d *cardtest.Desk, options ...jpki.CardOption) *jpki.Application {
	t.Helper()
	a, err := jpki.Open(context.Background(), d.Connection, options...)
	require.NoError(t, err)
	return a
}

func TestTokens(t *testing.T) {
	for profile, want := range map[simulator.Profile]jpki.Token{
		simulator.Contact:      {Label: "JPKIAPICCTOKEN2", Kind: jpki.IndividualNumberCard},
		simulator.ResidentCard: {Label: "JPKIAPICCTOKEN", Kind: jpki.ResidentCard},
		simulator.Android:      {Label: "JPKIAPGPSETOKEN", Kind: jpki.Android},
		simulator.IPhone:       {Label: "JPKIAPIOSTOKEN", Kind: jpki.IPhone},
	} {
		got, err := open(t, cardtest.Open(t, profile)).Token(context.Background())
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
}

// Faults: F54.
func TestTokenTextIsSafeToPrint(t *testing.T) {
	d := cardtest.Open(t, simulator.Contact)
	a := open(t, d)
	for sent, want := range map[string]string{
		"\x1b[2J\x07EVIL\x00\x00": "?[2J?EVIL",
		"JPKIAPICCTOKEN2\x00\x00": "JPKIAPICCTOKEN2",
		"\xff\xfe":                "??",
		"":                        "",
		"zero\x00byte":            "zero?byte",
		"\xe2\x80\xaecod":         "?cod", // UTF-8 of a character that turns the text around
		"\u009b31m":               "?31m",
		"\x7f\r\n\t":              "????",
	} {
		d.After = func(int, apdu.Command, []byte) ([]byte, error) { return append([]byte(sent), 0x90, 0x00), nil }
		got, err := a.Token(context.Background())
		require.NoError(t, err)
		assert.Equal(t, want, got.Label)
	}
}

func TestCounters(t *testing.T) {
	ctx := context.Background()
	for profile, left := range map[simulator.Profile]int{
		simulator.Contact: 3, simulator.LastAttempt: 1, simulator.Locked: 0, simulator.FaceAuth: 0,
	} {
		d := cardtest.Open(t, profile)
		a := open(t, d)
		for range 3 { // asking costs nothing
			auth, err := a.AuthPINCounter(ctx)
			require.NoError(t, err)
			assert.Equal(t, credential.Counter{Remaining: left, Max: 3}, auth)
			assert.Equal(t, left == 0, auth.Locked())
		}
		signature, err := a.SignaturePasswordCounter(ctx)
		require.NoError(t, err)
		assert.Equal(t, credential.Counter{Remaining: 5, Max: 5}, signature)
		assert.Zero(t, d.Secrets())
	}
	b, err := json.Marshal(credential.Counter{Remaining: 2, Max: 3})
	require.NoError(t, err)
	assert.JSONEq(t, `{"remaining":2,"max":3,"blocked":false}`, string(b))
}

// Only these status words mean a number of attempts. TestSweepOfStatusWords has the others.
// 9000 means none, though it answers the question.
//
// Faults: F41, F42, F43.
func TestStatusWordsWithAttempts(t *testing.T) {
	ctx := context.Background()
	d := cardtest.Open(t, simulator.Contact)
	var answer apdu.Status
	d.After = func(_ int, c apdu.Command, response []byte) ([]byte, error) {
		if isQuery(c) {
			return []byte{byte(answer >> 8), byte(answer)}, nil
		}
		return response, nil
	}
	left := 0
	for answer, left = range map[apdu.Status]int{0x63C0: 0, 0x63C1: 1, 0x63C2: 2, 0x63C3: 3, 0x6983: 0, 0x6984: 0} {
		counter, err := open(t, d).AuthPINCounter(ctx)
		require.NoError(t, err, "%04X", uint16(answer))
		assert.Equal(t, credential.Counter{Remaining: left, Max: 3}, counter, "%04X", uint16(answer))
	}
	answer = 0x9000
	_, err := jpki.Authenticate(ctx, d.Connection, pin(t, simulator.PIN))
	require.ErrorIs(t, err, credential.ErrCounterUnknown, "no PIN is sent blindly")
	assert.Zero(t, d.Secrets())
}

func TestCardsWithoutShortIdentifiersForSecrets(t *testing.T) {
	d := cardtest.Open(t, simulator.Contact)
	d.After = func(_ int, c apdu.Command, response []byte) ([]byte, error) {
		if (c.INS == apdu.InsVerify || isSign(c)) && c.P2 != 0x80 {
			return []byte{0x6A, 0x86}, nil
		}
		return response, nil
	}
	_, err := jpki.Authenticate(context.Background(), d.Connection, pin(t, simulator.PIN))
	require.NoError(t, err)
	assert.Equal(t, 1, d.Secrets())
	refused := 0
	for _, c := range d.Sent() {
		if (c.INS == apdu.InsVerify || isSign(c)) && c.P2 != 0x80 {
			refused++
		}
	}
	assert.Equal(t, 1, refused, "asked once, remembered")
}

func TestAuthCertificateIsReadWithTheFewestCommands(t *testing.T) {
	for profile, commands := range map[simulator.Profile]int{
		simulator.ContactExtended: 2, // SELECT, and the whole file at once
		simulator.ContactShort:    8, // SELECT, and 7 blocks of 256 bytes
	} {
		d := cardtest.Open(t, profile)
		certificate, err := open(t, d).AuthCertificate(context.Background())
		require.NoError(t, err)
		assert.Greater(t, len(certificate.Raw), 6*256)
		assert.LessOrEqual(t, len(certificate.Raw), 7*256)
		assert.Len(t, d.Sent(), commands, profile)
	}
}

func TestTheCACertificateIssuedTheOther(t *testing.T) {
	ctx := context.Background()
	a := open(t, cardtest.Open(t, simulator.Contact))
	certificate, err := a.AuthCertificate(ctx)
	require.NoError(t, err)
	ca, err := a.AuthCACertificate(ctx)
	require.NoError(t, err)
	require.NoError(t, certificate.CheckSignatureFrom(ca))
}

// Open repeats the first command if the card rejects it after power-up.
//
// Faults: F40.
func TestOpenAfterPowerUp(t *testing.T) {
	card, err := simulator.NewCard(simulator.Contact, simulator.WithInsecureSeed("power-up"), simulator.WithFirstCommandRejected())
	require.NoError(t, err)
	driver := simulator.New()
	require.NoError(t, driver.AddReader("Reader").Insert(card))
	for range 2 {
		session, err := driver.Connect(t.Context(), "Reader")
		require.NoError(t, err)
		got, err := jpki.Authenticate(t.Context(), session, pin(t, simulator.PIN))
		require.NoError(t, err)
		assert.NotNil(t, got)
		require.NoError(t, session.Close())
	}
	assert.Equal(t, 3, card.State().AuthAttempts)
}

// Faults: F40.
func TestOpenTellsOtherCardsFromFailures(t *testing.T) {
	ctx := context.Background()
	answering := func(answers ...apdu.Status) (*cardtest.Desk, error) {
		d := cardtest.Open(t, simulator.Contact)
		d.After = func(n int, _ apdu.Command, response []byte) ([]byte, error) {
			if n < len(answers) {
				return []byte{byte(answers[n] >> 8), byte(answers[n])}, nil
			}
			return response, nil
		}
		_, err := jpki.Open(ctx, d.Connection)
		return d, err
	}
	for _, other := range []apdu.Status{0x6A82, 0x6A81, 0x6A86, 0x6D00, 0x6E00, 0x6700, 0x6999} {
		_, err := answering(other)
		require.ErrorIs(t, err, jpki.ErrNoApplication, "%04X", other)
		require.ErrorIs(t, err, other)
	}
	for _, failed := range []apdu.Status{0x6400, 0x6881, 0x6110, 0x6982} {
		_, err := answering(failed)
		require.ErrorIs(t, err, failed)
		require.NotErrorIs(t, err, jpki.ErrNoApplication, "%04X", failed)
	}
	d, err := answering(0x6F00)
	require.NoError(t, err, "the first command after power-up may fail so")
	assert.Len(t, d.Sent(), 2)
	_, err = answering(0x6F00, 0x6F00)
	require.ErrorIs(t, err, apdu.StatusNoDiagnosis)
}

// Faults: F41.
func TestProofsNeedThePIN(t *testing.T) {
	ctx := context.Background()
	d := cardtest.Open(t, simulator.Contact)
	a := open(t, d)
	certificate, err := a.AuthCertificate(ctx)
	require.NoError(t, err)
	require.ErrorIs(t, prove(ctx, a, certificate), jpki.ErrPINRequired)

	require.NoError(t, a.VerifyAuthPIN(ctx, pin(t, simulator.PIN)))
	require.NoError(t, prove(ctx, a, certificate))
	require.NoError(t, prove(ctx, a, certificate), "several proofs for one PIN")
	require.NoError(t, a.LogOut(ctx))
	assert.False(t, d.Card.State().AuthVerified)
	sent := len(d.Sent())
	require.NoError(t, a.LogOut(ctx))
	assert.Len(t, d.Sent(), sent, "left already")
}

func TestReadingSendsNoLogOut(t *testing.T) {
	d := cardtest.Open(t, simulator.Contact)
	require.NoError(t, jpki.Do(context.Background(), d.Connection, func(a *jpki.Application) error {
		_, err := a.AuthPINCounter(context.Background())
		return err
	}))
	assert.Len(t, d.Sent(), 2, "no PIN was sent, so the card is not logged out")
}
