package jpki_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/apdu"
	"github.com/mykeykit/mykeykit/internal/cardtest"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/jpki/credential"
	"github.com/mykeykit/mykeykit/jpki/proof"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// When recorded sessions took place, and the challenge that they signed: a
// replay has to ask the same to be answered right.
var (
	recordedAt        = time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC)
	recordedChallenge = bytes.Repeat([]byte{0xC4}, 32)
)

// session is what a use of everything that the package offers established.
type session struct {
	token    jpki.Token
	counters [2]credential.Counter
	holder   *proof.Holder
	errs     []error
}

// use asks a card everything, whatever fails, and then authenticates.
func use(card apdu.Transmitter, pin jpki.PIN) (s session) {
	ctx := context.Background()
	note := func(err error) {
		if err != nil {
			s.errs = append(s.errs, err)
		}
	}
	note(jpki.Do(ctx, card, func(a *jpki.Application) (err error) {
		s.token, err = a.Token(ctx)
		note(err)
		s.counters[0], err = a.AuthPINCounter(ctx)
		note(err)
		s.counters[1], err = a.SignaturePasswordCounter(ctx)
		note(err)
		_, err = a.AuthCertificate(ctx)
		note(err)
		_, err = a.AuthCACertificate(ctx)
		note(err)
		return nil
	}))
	var err error
	s.holder, err = jpki.Authenticate(ctx, card, pin,
		jpki.WithClock(func() time.Time { return recordedAt }), jpki.WithRandom(bytes.NewReader(recordedChallenge)))
	note(err)
	return s
}

// said is all that a log may hold of the errors.
func (s session) said() string { return fmt.Sprintf("%v %+v", s.errs, errors.Join(s.errs...)) }

// signatures that were recorded, by the modulus. With PKCS #1 v1.5 there is no
// other for the same challenge and key.
var signatures = map[string][]byte{}

// record writes the answers of a simulated card down as a script.
func record(t testing.TB, profile simulator.Profile) []byte {
	t.Helper()
	d := cardtest.Open(t, profile, simulator.WithClock(func() time.Time { return recordedAt }))
	recording, signature := script(d.Connection.ATR()), []byte(nil)
	d.After = func(_ int, c apdu.Command, answer []byte) ([]byte, error) {
		recording = append(recording, script(answer)...)
		if isSign(c) {
			signature = answer[:len(answer)-2]
		}
		return answer, nil
	}
	if s := use(d.Connection, pin(t, simulator.PIN)); s.holder != nil {
		signatures[modulus(s.holder)] = signature
	}
	return recording
}

func modulus(holder *proof.Holder) string {
	return holder.Certificate().PublicKey.(*rsa.PublicKey).N.String()
}

// script is an answer to reset and answers, all with their length in front.
func script(atr []byte, answers ...[]byte) (written []byte) {
	for _, chunk := range append([][]byte{atr}, answers...) {
		written = append(binary.BigEndian.AppendUint16(written, uint16(len(chunk))), chunk...)
	}
	return written
}

// replay is a card that answers from a script, whatever it is asked, and is gone
// when that runs out.
type replay struct {
	atr     []byte
	answers [][]byte

	sent, pins int
	loggedOut  bool // another application was selected after the PIN
	signed     []byte
}

var errRunOut = errors.New("the script has run out")

func newReplay(script []byte) *replay {
	var chunks [][]byte
	for len(script) >= 2 {
		n := min(int(binary.BigEndian.Uint16(script)), len(script)-2)
		chunks = append(chunks, script[2:2+n])
		script = script[2+n:]
	}
	if len(chunks) == 0 {
		return &replay{}
	}
	return &replay{atr: chunks[0], answers: chunks[1:]}
}

func (r *replay) ATR() []byte { return r.atr }

func (r *replay) Transmit(_ context.Context, command []byte) ([]byte, error) {
	parsed, err := apdu.ParseCommand(command)
	if err != nil {
		return nil, err
	}
	switch {
	case parsed.Secret():
		r.pins++
		r.loggedOut = false
	case parsed.INS == apdu.InsSelect && parsed.Data()[0] == 0xA0:
		r.loggedOut = true
	case isSign(parsed):
		r.signed = bytes.Clone(parsed.Data())
	}
	r.sent++
	if r.sent > len(r.answers) {
		return nil, errRunOut
	}
	return bytes.Clone(r.answers[r.sent-1]), nil
}

// replayed uses a script as a card and checks what must hold whatever it says.
func replayed(t testing.TB, script []byte) session {
	t.Helper()
	card := newReplay(script)
	s := use(card, pin(t, "7305"))

	require.LessOrEqual(t, card.sent, len(card.answers)+16, "commands to a card that is gone")
	require.LessOrEqual(t, card.pins, 1, "one PIN is one VERIFY")
	require.Equal(t, card.pins > 0, card.loggedOut, "a card that got a PIN is logged out")

	onlyASCII(t, s.token.Label)
	require.LessOrEqual(t, len(s.token.Label), 32)
	for i, most := range []int{3, 5} {
		require.GreaterOrEqual(t, s.counters[i].Remaining, 0)
		require.LessOrEqual(t, s.counters[i].Remaining, most)
	}
	onlyASCII(t, strings.ReplaceAll(s.said(), "\n", " "))
	for _, err := range s.errs {
		require.Less(t, len(err.Error()), 500)
	}
	// That another PIN changes nothing about what is said means that nothing is
	// said of the PIN; its digits alone may come up in a status word.
	require.Equal(t, use(newReplay(script), pin(t, "1937")).said(), s.said())

	if s.holder != nil {
		require.Equal(t, 1, card.pins)
		proven(t, script, card.signed, s.holder)
	}
	return s
}

// proven checks a success without the package: what the card was asked to sign
// is the challenge, and the script holds a signature for it under the key of the
// certificate that it holds.
func proven(t testing.TB, script, signed []byte, holder *proof.Holder) {
	t.Helper()
	require.True(t, holder.Certificate() != nil)
	require.LessOrEqual(t, len(holder.Certificate().Raw), 32<<10)
	require.True(t, holds(script, holder.Certificate().Raw))

	challenge := proof.Challenge{Audience: "mykeykit jpki.Authenticate", Purpose: "authenticate", Nonce: [32]byte(recordedChallenge), Time: recordedAt}
	hash := sha256.Sum256(challenge.Message())
	require.True(t, bytes.HasSuffix(signed, hash[:]))
	signature := signatures[modulus(holder)]
	require.NotEmpty(t, signature, "a proof with a key that never signed")
	require.True(t, holds(script, signature))
	require.NoError(t, rsa.VerifyPKCS1v15(holder.Certificate().PublicKey.(*rsa.PublicKey), crypto.SHA256, hash[:], signature))
}

// holds tells whether all bytes of part come in text in this order, with others
// between, as status words and lengths are.
func holds(text, part []byte) bool {
	for _, b := range text {
		if len(part) > 0 && part[0] == b {
			part = part[1:]
		}
	}
	return len(part) == 0
}

func onlyASCII(t testing.TB, text string) {
	t.Helper()
	for _, r := range text {
		if r < ' ' || r > '~' {
			require.Failf(t, "not printable", "%q", text)
		}
	}
}

var recordedProfiles = []simulator.Profile{
	simulator.Contact, simulator.ContactExtended, simulator.ContactShort, simulator.Android, simulator.ResidentCard,
	simulator.NoCertificate, simulator.Expired, simulator.LastAttempt, simulator.Locked, simulator.NotMyNumber,
}

// The invariants hold if any answer of a session is replaced, inserted or lost.
//
// Faults: F31, F34, F35, F39, F58.
func TestRecordedSessionsWithAnotherAnswer(t *testing.T) {
	var others [][]byte
	for _, other := range []string{
		"", "\x90", "\x90\x00", "\x61\x00", "A\x61\x01", "\x6c\x00", "\x6c\x01", "\x62\x82", "\x63\x00", "\x63\xc0", "\x63\xc3", "\x63\xcf",
		"\x67\x00", "\x69\x82", "\x69\x83", "\x69\x84", "\x6a\x82", "\x6a\x86", "\x6b\x00", "\x6f\x00", "\x73\x05", "\x30\x80\x90\x00", "\x30\x82\x7f\xff\x90\x00",
		strings.Repeat("A", 256) + "\x90\x00", strings.Repeat("A", 257) + "\x90\x00", strings.Repeat("A", 65533) + "\x90\x00",
	} {
		others = append(others, []byte(other))
	}
	cases := 0
	for _, profile := range []simulator.Profile{simulator.ContactExtended, simulator.Android, simulator.LastAttempt} {
		whole := newReplay(record(t, profile))
		for n := range whole.answers {
			replayed(t, script(whole.atr, slices.Delete(slices.Clone(whole.answers), n, n+1)...))
			for _, other := range others {
				changed := slices.Clone(whole.answers)
				changed[n] = other
				replayed(t, script(whole.atr, changed...))
				replayed(t, script(whole.atr, slices.Insert(slices.Clone(whole.answers), n, other)...))
				cases += 2
			}
		}
	}
	t.Logf("%d cases", cases)
}

// A card is recognized by its applications, whatever its answer to reset. If that is
// malformed, short lengths are used.
//
// Faults: F30.
func TestMalformedAnswersToReset(t *testing.T) {
	answers := newReplay(record(t, simulator.Contactless)).answers // nothing is probed for
	for _, atr := range [][]byte{
		nil, {0x3B}, {0x3B, 0x8F, 0x80, 0x01}, {0x3B, 0x80, 0x80, 0x80}, make([]byte, 33), make([]byte, 34),
		bytes.Repeat([]byte{0xFF}, 33), bytes.Repeat([]byte{0xFF}, 255), bytes.Repeat([]byte{0x73, 0xC6, 0x01, 0x40}, 9),
	} {
		s := replayed(t, script(atr, answers...))
		require.Empty(t, s.errs, "%X", atr)
		require.NotNil(t, s.holder, "%X", atr)
	}
}

// The recorded sessions from which FuzzSession starts succeed, so that it has something to
// break.
//
// Faults: F58.
func TestRecordedSessionsReachTheEnd(t *testing.T) {
	succeeded := 0
	for _, profile := range recordedProfiles {
		recording := record(t, profile)
		require.Equal(t, recording, record(t, profile), "a recording is the same each time")
		if replayed(t, recording).holder != nil {
			succeeded++
		}
		// Cut off anywhere, it is no success, and what must hold does.
		whole := newReplay(recording)
		for n := range whole.answers {
			cut := replayed(t, script(whole.atr, whole.answers[:n]...))
			require.True(t, cut.holder == nil, "%s, %d of %d answers", profile, n, len(whole.answers))
			require.NotEmpty(t, cut.errs)
		}
	}
	require.Equal(t, 5, succeeded)
}

// The invariants hold in a session with a card that answers anything.
//
// Faults: F30, F49, F50, F51, F54, F57, F58.
func FuzzSession(f *testing.F) {
	for _, profile := range recordedProfiles {
		f.Add(record(f, profile))
	}
	f.Fuzz(func(t *testing.T, script []byte) { replayed(t, script) })
}
