package face_test

import (
	"bytes"
	"errors"
	"image/png"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/apdu"
	"github.com/mykeykit/mykeykit/internal/cardtest"
	"github.com/mykeykit/mykeykit/internal/surfacetest"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/jpki/credential"
	"github.com/mykeykit/mykeykit/jpki/cvc"
	"github.com/mykeykit/mykeykit/jpki/face"
	"github.com/mykeykit/mykeykit/jpki/trust"
	"github.com/mykeykit/mykeykit/jpki/verification"
	"github.com/mykeykit/mykeykit/reader"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// read reads a card with verification number B.
func read(t *testing.T, desk *cardtest.Desk, policy cvc.Policy) (*face.Data, error) {
	t.Helper()
	r := face.Reader{Policy: policy}
	return r.Read(t.Context(), desk.Connection, face.ByNumberB(surfacetest.NumberB(t)))
}

// The data and pictures are read with the fewest commands, whichever number opens them, and the card
// is logged out. What is not signed is apart.
func TestReader(t *testing.T) {
	persona := simulator.DefaultPersona()
	for name, secret := range map[string]func() face.Secret{
		"number B": func() face.Secret { return face.ByNumberB(surfacetest.NumberB(t)) },
		"number A": func() face.Secret { return face.ByNumberA(surfacetest.NumberA(t)) },
	} {
		t.Run(name, func(t *testing.T) {
			desk := cardtest.Open(t, simulator.ContactExtended)
			r := face.Reader{Policy: surfacetest.Policy(t, desk.Card)}
			data, err := r.Read(t.Context(), desk.Connection, secret())
			require.NoError(t, err)
			assert.Len(t, desk.Sent(), 6+1)
			assert.Equal(t, persona.Birth, data.Birth())
			assert.Equal(t, jpki.Female, data.Sex())
			assert.Equal(t, persona.Photo, data.PhotoJP2())
			assert.Equal(t, persona.NamePicture, data.NamePNG())
			assert.Equal(t, persona.AddressPicture, data.AddressPNG())
			assert.Equal(t, persona.Expiry, data.Unsigned().Expiry())
			assert.Equal(t, persona.SecurityCodePicture, data.Unsigned().SecurityCodePNG())
			assert.Equal(t, trust.IssuerSimulator, data.Issuer())
			picture, err := png.Decode(bytes.NewReader(data.NamePNG()))
			require.NoError(t, err)
			assert.Equal(t, 216, picture.Bounds().Dx())

			desk.Forget()
			_, err = r.ReadAgeRecord(t.Context(), desk.Connection, secret())
			require.ErrorIs(t, err, face.ErrWrongSecret)
			assert.Empty(t, desk.Sent())
		})
	}
}

// The date of birth opens the age record and nothing else.
func TestReadAge(t *testing.T) {
	desk := cardtest.Open(t, simulator.ContactExtended)
	birth := func() face.Secret {
		b, err := verification.ParseBirth([]byte(simulator.Birth))
		require.NoError(t, err)
		return face.ByBirth(b)
	}
	r := face.Reader{Policy: surfacetest.Policy(t, desk.Card)}
	age, err := r.ReadAgeRecord(t.Context(), desk.Connection, birth())
	require.NoError(t, err)
	assert.Equal(t, simulator.DefaultPersona().Birth, age.Birth())
	assert.Equal(t, trust.IssuerSimulator, age.Issuer())
	assert.Len(t, desk.Sent(), 6+1)
	desk.Forget()
	_, err = r.Read(t.Context(), desk.Connection, birth())
	require.ErrorIs(t, err, face.ErrWrongSecret)
	assert.Empty(t, desk.Sent())
}

func TestProfiles(t *testing.T) {
	for _, profile := range simulator.Profiles() {
		t.Run(string(profile), func(t *testing.T) {
			desk := cardtest.Open(t, profile)
			_, err := read(t, desk, surfacetest.Policy(t, desk.Card))
			switch profile {
			case simulator.Android, simulator.IPhone, simulator.ResidentCard, simulator.Announced2028, simulator.NotMyNumber:
				require.ErrorIs(t, err, face.ErrNoApplication)
				assert.Zero(t, desk.Secrets())
			default:
				require.NoError(t, err)
			}
		})
	}
}

// A card to which the data of another one were copied does not have its key.
//
// Faults: F142.
func TestCopiedCard(t *testing.T) {
	genuine := cardtest.Open(t, simulator.ContactExtended)
	files := surfacetest.Collect(genuine)
	_, err := read(t, genuine, surfacetest.CallerPolicy(t, genuine.Card))
	require.NoError(t, err)

	copied := cardtest.In(t, simulator.New(), cardtest.AnotherCard(t, simulator.ContactExtended)).Open(t)
	copied.ServeFiles(files)
	data, err := read(t, copied, surfacetest.CallerPolicy(t, genuine.Card))
	require.ErrorIs(t, err, face.ErrCopied)
	assert.Nil(t, data)

	for name, response := range map[string][]byte{
		"no signature":          {0x90, 0x00},
		"another status":        {0x6A, 0x86},
		"a signature of zeros":  append(make([]byte, 256), 0x90, 0x00),
		"a signature too short": append(make([]byte, 255), 0x90, 0x00),
	} {
		genuine.After = func(_ int, c apdu.Command, answer []byte) ([]byte, error) {
			if c.INS == apdu.InsPerformSecurityOperation {
				return response, nil
			}
			return answer, nil
		}
		_, err := read(t, genuine, surfacetest.CallerPolicy(t, genuine.Card))
		require.ErrorIs(t, err, face.ErrCopied, name)
	}
	var signature []byte
	genuine.After = func(_ int, c apdu.Command, answer []byte) ([]byte, error) {
		if c.INS == apdu.InsPerformSecurityOperation {
			if signature == nil {
				signature = bytes.Clone(answer)
			}
			return signature, nil
		}
		return answer, nil
	}
	_, err = read(t, genuine, surfacetest.CallerPolicy(t, genuine.Card))
	require.NoError(t, err)
	_, err = read(t, genuine, surfacetest.CallerPolicy(t, genuine.Card))
	require.ErrorIs(t, err, face.ErrCopied, "the signature of an earlier challenge")

	_, err = (&face.Reader{Random: failing{}}).Read(t.Context(), genuine.Connection, face.ByNumberB(surfacetest.NumberB(t)))
	require.ErrorIs(t, err, errRandom)
}

var errRandom = errors.New("no random bytes")

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errRandom }

// One changed byte in a file is an error, unless it is in what is not signed.
//
// Faults: F141.
func TestAlteredFiles(t *testing.T) {
	desk := cardtest.Open(t, simulator.ContactExtended)
	policy := surfacetest.CallerPolicy(t, desk.Card)
	files := surfacetest.Collect(desk)
	genuine, err := read(t, desk, policy)
	require.NoError(t, err)
	unsigned := bytes.Index(files[2], []byte{0xDF, 0x29})
	for file, content := range files {
		for at := 0; at < len(content); at += 3 {
			desk.ServeFiles(files.Changed(file, at))
			data, err := read(t, desk, policy)
			if file == 2 && (at >= 5 && at < 26 || at >= unsigned) {
				require.Equal(t, err == nil, data != nil)
				continue
			}
			require.Error(t, err, "file %d, byte %d", file, at)
			require.Nil(t, data)
		}
	}
	altered := bytes.Replace(files[2], []byte(genuine.Unsigned().Expiry()), []byte("20991231"), 1)
	desk.ServeFiles(map[byte][]byte{2: altered})
	data, err := read(t, desk, policy)
	require.NoError(t, err, "nobody can tell")
	assert.Equal(t, "20991231", data.Unsigned().Expiry())
}

// The counters cost nothing; the numbers of the card have attempts of their own.
func TestAttempts(t *testing.T) {
	desk := cardtest.Open(t, simulator.Contact)
	ten := credential.Counter{Remaining: 10, Max: 10}
	a, err := face.Counters(t.Context(), desk.Connection)
	require.NoError(t, err)
	assert.Equal(t, face.Attempts{Birth: ten, NumberB: ten, NumberA: ten}, a)
	assert.Zero(t, desk.Secrets())
	wrong, err := verification.ParseNumberB([]byte("00000000000000"))
	require.NoError(t, err)
	_, err = new(face.Reader).Read(t.Context(), desk.Connection, face.ByNumberB(wrong))
	var refused *credential.Error
	require.ErrorAs(t, err, &refused)
	assert.Equal(t, credential.VerificationNumberB, refused.Kind)
	assert.Equal(t, 9, refused.Remaining)
	assert.Equal(t, 1, desk.Secrets())
	_, err = (&face.Reader{Shown: &ten}).Read(t.Context(), desk.Connection, face.ByNumberB(surfacetest.NumberB(t)))
	require.ErrorIs(t, err, credential.ErrAttemptsChanged)
	assert.Equal(t, 1, desk.Secrets())
}

// Data that another authority signed are rejected, or marked, as the policy says.
//
// Faults: F143.
func TestAuthorities(t *testing.T) {
	desk, another := cardtest.Open(t, simulator.Contact), cardtest.AnotherCard(t, simulator.Contact)
	data, err := read(t, desk, cvc.Policy{})
	require.NoError(t, err)
	assert.Equal(t, trust.IssuerUnknown, data.Issuer())
	_, err = read(t, desk, cvc.Policy{Required: true})
	require.ErrorIs(t, err, cvc.ErrUnknownAuthority)
	_, err = read(t, desk, surfacetest.CallerPolicy(t, another))
	require.ErrorIs(t, err, cvc.ErrSignature)
}

// Reading takes the fewest commands that the card and the reader allow.
func TestRoundTrips(t *testing.T) {
	for profile, commands := range map[simulator.Profile]int{
		simulator.ContactExtended: 6 + 1,
		simulator.Contact:         20 + 1, // 312 bytes at a time, as the CV certificate has shown; nothing longer is tried after the secret
		simulator.ContactShort:    24 + 1,
	} {
		desk := cardtest.Open(t, profile)
		_, err := read(t, desk, surfacetest.Policy(t, desk.Card))
		require.NoError(t, err)
		assert.Len(t, desk.Sent(), commands, profile)
	}
}

// A reader that breaks the connection at an extended length has not used the secret: it works with
// short lengths on another connection.
//
// Faults: F146.
func TestReaderThatBreaksTheConnection(t *testing.T) {
	desk := cardtest.Open(t, simulator.Contact)
	broken := false
	desk.Before = func(_ int, c apdu.Command) error {
		if broken = broken || c.Extended; broken {
			return reader.ErrTransport
		}
		return nil
	}
	r, secret := face.Reader{Policy: surfacetest.Policy(t, desk.Card)}, face.ByNumberB(surfacetest.NumberB(t))
	_, err := r.Read(t.Context(), desk.Connection, secret)
	require.ErrorIs(t, err, apdu.ErrProbe)
	assert.Zero(t, desk.Secrets())
	broken, r.ShortLengths = false, true
	_, err = r.Read(t.Context(), desk.Connection, secret)
	require.NoError(t, err)
	assert.Equal(t, 1, desk.Secrets())
}
