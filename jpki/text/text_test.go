package text_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/apdu"
	"github.com/mykeykit/mykeykit/internal/cardtest"
	"github.com/mykeykit/mykeykit/internal/surfacetest"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/jpki/credential"
	"github.com/mykeykit/mykeykit/jpki/cvc"
	"github.com/mykeykit/mykeykit/jpki/text"
	"github.com/mykeykit/mykeykit/jpki/trust"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// PIN returns the PIN of the text application of simulated cards.
func PIN(t testing.TB) text.PIN {
	t.Helper()
	pin, err := text.ParsePIN([]byte(simulator.PIN))
	require.NoError(t, err)
	return pin
}

// secrets are the secrets and what they open.
func secrets(t testing.TB) map[string]struct {
	secret             func() text.Secret
	attributes, number bool
} {
	return map[string]struct {
		secret             func() text.Secret
		attributes, number bool
	}{
		"PIN":      {func() text.Secret { return text.ByPIN(PIN(t)) }, true, true},
		"number A": {func() text.Secret { return text.ByNumberA(surfacetest.NumberA(t)) }, false, true},
		"number B": {func() text.Secret { return text.ByNumberB(surfacetest.NumberB(t)) }, true, false},
	}
}

// Each secret opens what it should, with the fewest commands, and the card is logged out. A secret
// that does not open a file is not sent.
func TestReader(t *testing.T) {
	persona := simulator.DefaultPersona()
	for name, test := range secrets(t) {
		t.Run(name, func(t *testing.T) {
			desk := cardtest.Open(t, simulator.ContactExtended)
			r := text.Reader{Policy: surfacetest.Policy(t, desk.Card)}
			a, err := r.Attributes(t.Context(), desk.Connection, test.secret())
			if test.attributes {
				require.NoError(t, err)
				assert.Equal(t, persona.Name, a.Name())
				assert.Equal(t, persona.Address, a.Address())
				assert.Equal(t, persona.Birth, a.Birth())
				assert.Equal(t, jpki.Female, a.Sex())
				assert.Equal(t, trust.IssuerSimulator, a.Issuer())
				assert.Len(t, desk.Sent(), 6+1)
			} else {
				require.ErrorIs(t, err, text.ErrWrongSecret)
				assert.Empty(t, desk.Sent())
			}
			desk.Forget()
			n, err := r.MyNumberUnderNumberAct(t.Context(), desk.Connection, test.secret())
			if test.number {
				require.NoError(t, err)
				assert.Equal(t, persona.MyNumber, n.Reveal())
				assert.Equal(t, trust.IssuerSimulator, n.Issuer())
				assert.Len(t, desk.Sent(), 6+1)
			} else {
				require.ErrorIs(t, err, text.ErrWrongSecret)
				assert.Empty(t, desk.Sent())
			}
		})
	}
}

// The individual number is not read along with the attributes.
func TestAttributesDoNotReadTheNumber(t *testing.T) {
	desk := cardtest.Open(t, simulator.Contact)
	files := surfacetest.Collect(desk)
	r := text.Reader{Policy: surfacetest.Policy(t, desk.Card)}
	_, err := r.Attributes(t.Context(), desk.Connection, text.ByPIN(PIN(t)))
	require.NoError(t, err)
	assert.NotContains(t, files, byte(1))
	assert.Contains(t, files, byte(2))
}

// Every card that has the application can be read, whatever lengths it takes, and the others are
// told apart from failures.
func TestProfiles(t *testing.T) {
	for _, profile := range simulator.Profiles() {
		t.Run(string(profile), func(t *testing.T) {
			desk := cardtest.Open(t, profile)
			r := text.Reader{Policy: surfacetest.Policy(t, desk.Card)}
			_, err := r.Attributes(t.Context(), desk.Connection, text.ByNumberB(surfacetest.NumberB(t)))
			switch profile {
			case simulator.Android, simulator.IPhone, simulator.ResidentCard, simulator.Announced2028, simulator.NotMyNumber:
				require.ErrorIs(t, err, text.ErrNoApplication)
				assert.Zero(t, desk.Secrets())
			default:
				require.NoError(t, err)
			}
		})
	}
}

// The counters cost nothing. A wrong secret uses up one attempt and is sent once; the last attempt
// and a locked secret are not sent.
func TestAttempts(t *testing.T) {
	desk := cardtest.Open(t, simulator.Contact)
	counters := func() text.Attempts {
		a, err := text.Counters(t.Context(), desk.Connection)
		require.NoError(t, err)
		return a
	}
	assert.Equal(t, text.Attempts{PIN: credential.Counter{Remaining: 3, Max: 3}, NumberA: credential.Counter{Remaining: 10, Max: 10}, NumberB: credential.Counter{Remaining: 10, Max: 10}}, counters())
	wrong := func(r text.Reader) error {
		pin, err := text.ParsePIN([]byte("9999"))
		require.NoError(t, err)
		_, err = r.Attributes(t.Context(), desk.Connection, text.ByPIN(pin))
		return err
	}
	var refused *credential.Error
	for left := 2; left >= 1; left-- {
		err := wrong(text.Reader{})
		require.ErrorIs(t, err, credential.ErrWrong)
		require.ErrorAs(t, err, &refused)
		assert.Equal(t, credential.TextPIN, refused.Kind)
		assert.Equal(t, left, refused.Remaining)
	}
	sent := desk.Secrets()
	require.ErrorIs(t, wrong(text.Reader{}), credential.ErrLastAttempt)
	require.ErrorIs(t, wrong(text.Reader{Shown: &credential.Counter{Remaining: 3, Max: 3}}), credential.ErrAttemptsChanged)
	assert.Equal(t, sent, desk.Secrets())
	require.ErrorIs(t, wrong(text.Reader{AllowLastAttempt: true}), credential.ErrLocked)
	sent = desk.Secrets()
	require.ErrorIs(t, wrong(text.Reader{AllowLastAttempt: true}), credential.ErrLocked)
	assert.Equal(t, sent, desk.Secrets())
	assert.Equal(t, 0, counters().PIN.Remaining)
	assert.Equal(t, 10, counters().NumberB.Remaining, "a secret of its own")
	used := PIN(t)
	used.Wipe()
	other := cardtest.Open(t, simulator.Contact)
	_, err := new(text.Reader).Attributes(t.Context(), other.Connection, text.ByPIN(used))
	require.ErrorIs(t, err, credential.ErrUsed)
}

// The policy decides about authorities: nobody's data are shown as J-LIS's.
//
// Faults: F143.
func TestAuthorities(t *testing.T) {
	desk, another := cardtest.Open(t, simulator.Contact), cardtest.AnotherCard(t, simulator.Contact)
	own, others := surfacetest.CallerPolicy(t, desk.Card), surfacetest.CallerPolicy(t, another)
	for name, test := range map[string]struct {
		policy cvc.Policy
		issuer trust.Issuer
		err    error
	}{
		"the caller's":                          {own, trust.IssuerCaller, nil},
		"none":                                  {cvc.Policy{}, trust.IssuerUnknown, nil},
		"none, and one is required":             {cvc.Policy{Required: true}, "", cvc.ErrUnknownAuthority},
		"the simulator's":                       {cvc.Policy{SimulatorAuthorities: own.Authorities}, trust.IssuerSimulator, nil},
		"the simulator's, and one is required":  {cvc.Policy{SimulatorAuthorities: own.Authorities, Required: true}, "", cvc.ErrUnknownAuthority},
		"another one of the same name":          {others, "", cvc.ErrSignature},
		"another one, and none is required":     {cvc.Policy{Authorities: others.Authorities}, "", cvc.ErrSignature},
		"an identifier that is too short":       {cvc.Policy{Authorities: []cvc.Authority{{ID: "9", Key: own.Authorities[1].Key}}}, trust.IssuerUnknown, nil},
		"an authority without a key":            {cvc.Policy{Authorities: []cvc.Authority{{ID: "9000033"}}}, trust.IssuerUnknown, nil},
		"the key of the other application's":    {cvc.Policy{Authorities: []cvc.Authority{{ID: "9000033", Key: own.Authorities[0].Key}}}, "", cvc.ErrSignature},
		"the authority of the other one, alone": {cvc.Policy{Authorities: own.Authorities[:1]}, trust.IssuerUnknown, nil},
	} {
		t.Run(name, func(t *testing.T) {
			r := text.Reader{Policy: test.policy}
			a, err := r.Attributes(t.Context(), desk.Connection, text.ByNumberB(surfacetest.NumberB(t)))
			require.ErrorIs(t, err, test.err)
			if test.err == nil {
				assert.Equal(t, test.issuer, a.Issuer())
			} else {
				assert.Nil(t, a)
			}
		})
	}
}

// One changed byte anywhere in a file is an error, unless it is in the table of offsets, and no data
// are returned. The error does not quote the file.
//
// Faults: F141.
func TestAlteredFiles(t *testing.T) {
	desk := cardtest.Open(t, simulator.ContactExtended)
	r := text.Reader{Policy: surfacetest.CallerPolicy(t, desk.Card)}
	files := surfacetest.Collect(desk)
	genuine, err := r.Attributes(t.Context(), desk.Connection, text.ByNumberB(surfacetest.NumberB(t)))
	require.NoError(t, err)
	for file, content := range files {
		for at := range content {
			desk.ServeFiles(files.Changed(file, at))
			a, err := r.Attributes(t.Context(), desk.Connection, text.ByNumberB(surfacetest.NumberB(t)))
			switch offsets := file == 2 && at >= 6 && at < 14; {
			case offsets:
				require.NoError(t, err)
				require.Equal(t, genuine.Name(), a.Name())
			default:
				require.Error(t, err, "file %d, byte %d", file, at)
				require.Nil(t, a)
				require.NotContains(t, err.Error(), genuine.Name())
			}
		}
	}
}

// Elements that came later are skipped, in any place after the offsets, and more offsets too; two
// elements of one tag, and elements before the offsets, which the signature does not cover, are not.
//
// Faults: F144.
func TestUnknownElements(t *testing.T) {
	name, rest := "DF2203414243", "DF2301 44 DF2408 3139383530343031 DF2501 32"
	for file, want := range map[string]error{
		"DF21080000000000000000" + name + rest:                nil,
		"DF21080000000000000000" + name + "DF2601 45" + rest:  nil,
		"DF210A00000000000000000000" + "DF7F00" + name + rest: nil,
		"DF21080000000000000000" + name + name + rest:         text.ErrMalformed,
		name + "DF21080000000000000000" + rest:                text.ErrMalformed,
		"DF21080000000000000000" + rest:                       text.ErrMalformed,
		name + rest:                                           text.ErrMalformed,
		"DF21080000000000000000" + name + rest + "DF":         text.ErrMalformed,
		"": text.ErrMalformed,
	} {
		require.ErrorIs(t, text.ParseAttributes(t, file), want, file)
	}
}

// A card whose files can't be read is told apart from a wrong secret, and is logged out.
//
// Faults: F145.
func TestFilesThatCannotBeRead(t *testing.T) {
	for _, file := range []byte{2, 3, 4} {
		desk := cardtest.Open(t, simulator.Contact)
		desk.After = func(_ int, c apdu.Command, response []byte) ([]byte, error) {
			if c.INS == apdu.InsReadBinary && c.P1 == 0x80|file {
				return []byte{0x69, 0x82}, nil
			}
			return response, nil
		}
		r := text.Reader{Policy: surfacetest.Policy(t, desk.Card)}
		_, err := r.Attributes(t.Context(), desk.Connection, text.ByNumberB(surfacetest.NumberB(t)))
		require.ErrorIs(t, err, apdu.StatusSecurityNotSatisfied)
	}
}
