package apdu_test

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/apdu"
)

// Answers to reset: of a contact card that says nothing about extended lengths, of
// one that declares them, and of one that declares their absence.
const (
	silentATR   = "3BE000FF8131FE4514"
	declaredATR = "3BDA13FF8131FB468012392F31C173C601C03B"
	absentATR   = "3BC5FF8131FB458073C6010000"
)

const shortReads = "256 256 256 256 256 256 164" // of an object of 1700 bytes

// With an ATR that says nothing, the rest of a long object is probed for. A probe
// that fails costs one command, once in the channel's life.
//
// Faults: F37.
func TestProbe(t *testing.T) {
	status := func(sw ...byte) func([]byte) ([]byte, error) { return above(258, sw, nil) }
	for _, tt := range []struct {
		name          string
		atr           string
		options       []apdu.Option
		accepted      bool // extended lengths, by the card
		fails         func([]byte) ([]byte, error)
		first, second string
	}{
		{"accepted", silentATR, nil, true, passes, "256 x1444", "x1444 256"},
		{"rejected", silentATR, nil, false, passes, "256 x1444 256 256 256 256 256 164", shortReads},
		{"lost by the reader", silentATR, nil, true, above(258, nil, errLength), "256 x1444 256 256 256 256 256 164", shortReads},
		{"lost, and said to be done", silentATR, nil, true, status(0x90, 0x00), "256 x1444 256 256 256 256 256 164", shortReads},
		{"no answer", silentATR, nil, true, above(258, []byte{}, nil), "256 x1444 256 256 256 256 256 164", shortReads},
		{"truncated", silentATR, nil, true, truncate(1024), "256 x1444 256 256 256 256 256 164", shortReads},
		{"truncated to a full block", silentATR, nil, true, func(answer []byte) ([]byte, error) {
			if len(answer) > 258 {
				return append(answer[:256:256], 0x90, 0x00), nil
			}
			return nil, nil
		}, "256 x1444 256 256 256 256 164", shortReads},
		{"answered with another status", silentATR, nil, true, status(0x6F, 0x00), "256 x1444 256 256 256 256 256 164", shortReads},
		{"6Cxx is not followed", silentATR, nil, true, status(0x6C, 0x00), "256 x1444 256 256 256 256 256 164", shortReads},
		{"61xx is not followed", silentATR, nil, true, status(0x61, 0x00), "256 x1444 256 256 256 256 256 164", shortReads},
		{"declared: used at once", declaredATR, nil, true, passes, "x65536", "x65536"},
		{"declared absent: never", absentATR, nil, true, passes, shortReads, shortReads},
		{"malformed ATR: never", "3BF0", nil, true, passes, shortReads, shortReads},
		{"contactless: never", "3B888001000041E0B381A1003B", nil, true, passes, shortReads, shortReads},
		{"a phone: never", "3B80800101", nil, true, passes, shortReads, shortReads},
		{"contactless, by a reader's own form: never", "3BF59100FF918171FE4000420001B3A115", nil, true, passes, shortReads, shortReads},
		{"T=0 is the default: never", "3B00", nil, true, passes, shortReads, shortReads},
		{"capabilities without the third byte", "3BE300FF8131FE45 8071C6 14", nil, true, passes, "256 x1444", "x1444 256"},
		{"short lengths by the caller: never", silentATR, []apdu.Option{apdu.WithShortLengths()}, true, passes, shortReads, shortReads},
		{"a reader that loses 256 bytes: never", silentATR, nil, true, func(answer []byte) ([]byte, error) {
			if len(answer) == 258 {
				return nil, errLength
			}
			return nil, nil
		}, "256 253 253 253 253 253 253 182", "253 253 253 253 253 253 182"},
		{"a read size by the caller: never", silentATR, []apdu.Option{apdu.WithReadSize(255)}, true, passes,
			"255 255 255 255 255 255 170", "255 255 255 255 255 255 170"},
		{"extended lengths by the caller", silentATR, []apdu.Option{apdu.WithExtendedLengths()}, true, passes, "x65536", "x65536"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			card := &limited{file: &file{content: padded(object(1700), 348), extended: tt.accepted}, fails: tt.fails}
			channel := apdu.NewChannel(card, append([]apdu.Option{apdu.WithATR(unhex(t, tt.atr))}, tt.options...)...)
			for _, want := range []string{tt.first, tt.second} {
				card.sent = nil
				got, err := channel.ReadObject(context.Background(), 0x0A, 65536)
				require.NoError(t, err)
				assert.Equal(t, object(1700), got)
				assert.Equal(t, want, lengths(card.sent))
			}
		})
	}
}

// Of options that contradict each other the last one counts.
func TestWithATROverridesOptionsBeforeIt(t *testing.T) {
	for atr, want := range map[string]string{absentATR: shortReads, silentATR: "256 x1444", declaredATR: "x65536"} {
		for _, before := range []apdu.Option{apdu.WithExtendedLengths(), apdu.WithShortLengths(), apdu.WithATR(unhex(t, declaredATR))} {
			card := &file{content: object(1700), extended: true}
			_, err := apdu.NewChannel(card, before, apdu.WithATR(unhex(t, atr))).ReadObject(context.Background(), 0x0A, 65536)
			require.NoError(t, err)
			assert.Equal(t, want, lengths(card.sent), atr)
		}
	}
}

// The probe is sent where it saves a command, and asks for no byte behind the object.
func TestProbeIsSentForLongObjectsOnly(t *testing.T) {
	for size, want := range map[int]string{
		260: "256 4", 512: "256 256", 513: "256 x257", 1700: "256 x1444", 32768: "256 x32512",
	} {
		card := &file{content: padded(object(size), 400), extended: true}
		got, err := apdu.NewChannel(card, apdu.WithATR(unhex(t, silentATR))).ReadObject(context.Background(), 0x0A, 65536)
		require.NoError(t, err)
		assert.Equal(t, object(size), got)
		assert.Equal(t, want, lengths(card.sent), size)
	}
	t.Run("a card that answers with less than 256 bytes", func(t *testing.T) {
		card := &file{content: object(1700), extended: true, shortest: 128}
		_, err := apdu.NewChannel(card, apdu.WithATR(unhex(t, silentATR))).ReadObject(context.Background(), 0x0A, 65536)
		require.NoError(t, err)
		assert.False(t, card.sent[1].Extended)
	})
}

// After a probe the channel asks for no more than has arrived, but for a longer
// object it probes again. If that fails it reads in short form.
func TestProbeForALongerObject(t *testing.T) {
	card := &limited{file: &file{content: object(1000), extended: true}, fails: above(1002, nil, errLength)}
	channel := apdu.NewChannel(card, apdu.WithATR(unhex(t, silentATR)))
	for _, tt := range []struct {
		size int
		want string
	}{
		{1000, "256 x744"},
		{1300, "x744 x556"},
		{1700, "x744 x956"},
		{2000, "x956 x1044 256 256 256 256 20"}, // lost
		{1700, shortReads},
	} {
		card.sent, card.content = nil, object(tt.size)
		got, err := channel.ReadObject(context.Background(), 0x0A, 65536)
		require.NoError(t, err)
		assert.Equal(t, object(tt.size), got)
		assert.Equal(t, tt.want, lengths(card.sent))
	}
}

// locked is a card that accepts any secret.
type locked struct{ *file }

func (l locked) Transmit(ctx context.Context, command []byte) ([]byte, error) {
	if command[1] == apdu.InsVerify {
		return []byte{0x90, 0x00}, nil
	}
	return l.file.Transmit(ctx, command)
}

// A lost connection would leave an unlocked card unlocked, so nothing is tried on it.
func TestNoProbeAfterASecret(t *testing.T) {
	ctx := context.Background()
	atr := apdu.WithATR(unhex(t, silentATR))
	for _, tt := range []struct {
		name, want string
		before     func(*apdu.Channel) error
	}{
		{"after VERIFY", shortReads, func(c *apdu.Channel) error { return c.Verify(ctx, 0x98, []byte("1234")) }},
		{"after a command without a secret", "256 x1444", func(c *apdu.Channel) error {
			_, err := c.VerifyStatus(ctx, 0x98)
			return err
		}},
	} {
		card := &file{content: object(1700), extended: true}
		channel := apdu.NewChannel(locked{card}, atr)
		require.NoError(t, tt.before(channel))
		_, err := channel.ReadObject(ctx, 0x0A, 65536)
		require.NoError(t, err)
		assert.Equal(t, tt.want, lengths(card.sent), tt.name)
	}
	t.Run("what has arrived before the secret is asked for after it", func(t *testing.T) {
		card := &file{content: object(1000), extended: true}
		channel := apdu.NewChannel(locked{card}, atr)
		_, err := channel.ReadObject(ctx, 0x0A, 65536)
		require.NoError(t, err)
		require.NoError(t, channel.Verify(ctx, 0x98, []byte("1234")))
		card.sent, card.content = nil, object(1800)
		_, err = channel.ReadObject(ctx, 0x0A, 65536)
		require.NoError(t, err)
		assert.Equal(t, "x744 x744 x312", lengths(card.sent), "and never more at once")
	})
	t.Run("also if the secret was lost", func(t *testing.T) {
		channel, done := play(t, []step{
			{"00200098 04 31323334", "", errPulled},
			{"00B08A0000", hexOf(object(1700)[:256]) + "9000", nil},
			{"00B0010000", "", errPulled},
		}, atr)
		defer done()
		require.ErrorIs(t, channel.Verify(ctx, 0x98, []byte("1234")), errPulled)
		_, err := channel.ReadObject(ctx, 0x0A, 65536)
		require.ErrorIs(t, err, errPulled)
	})
}

// A reader that breaks the connection at the probe may report that the card is gone.
func TestConnectionLostAtTheProbe(t *testing.T) {
	errBroken := errors.New("connection broken")
	first := step{"00B08A0000", hexOf(object(1700)[:256]) + "9000", nil}
	probe := func(answer string, err error) step { return step{"00B00100 0005A4", answer, err} }
	next := func(answer string, err error) step { return step{"00B0010000", answer, err} }
	for _, tt := range []struct {
		name     string
		steps    []step
		matches  []error
		excludes []error
	}{
		{"and broken from then on", []step{first, probe("", errLength), next("", errBroken)},
			[]error{apdu.ErrProbe, errLength, errBroken}, []error{apdu.ErrRemoved}},
		{"and reported as removed from then on", []step{first, probe("", errLength), next("", apdu.ErrRemoved)},
			[]error{apdu.ErrProbe, errLength}, []error{apdu.ErrRemoved}},
		{"no answer, and reported as removed", []step{first, probe("", nil), next("", apdu.ErrRemoved)},
			[]error{apdu.ErrProbe, apdu.ErrShortResponse}, []error{apdu.ErrRemoved}},
		{"the transmitter is certain that the card was removed", []step{first, probe("", apdu.ErrRemoved)},
			[]error{apdu.ErrRemoved}, []error{apdu.ErrProbe}},
		{"rejected, then removed", []step{first, probe("6700", nil), next("", apdu.ErrRemoved)},
			[]error{apdu.ErrRemoved}, []error{apdu.ErrProbe}},
		{"lost, then a status word", []step{first, probe("", errLength), next("6982", nil)},
			[]error{apdu.StatusSecurityNotSatisfied}, []error{apdu.ErrProbe, errLength}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			channel, done := play(t, tt.steps, apdu.WithATR(unhex(t, silentATR)))
			got, err := channel.ReadObject(context.Background(), 0x0A, 65536)
			done()
			assert.Nil(t, got)
			for _, match := range tt.matches {
				require.ErrorIs(t, err, match)
			}
			for _, exclude := range tt.excludes {
				require.NotErrorIs(t, err, exclude)
			}
		})
	}
	t.Run("not after the context has ended", func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		card := &file{content: object(1700), extended: true}
		channel := apdu.NewChannel(canceling{card, cancel}, apdu.WithATR(unhex(t, silentATR)))
		_, err := channel.ReadObject(ctx, 0x0A, 65536)
		require.ErrorIs(t, err, context.Canceled)
		require.NotErrorIs(t, err, apdu.ErrProbe)
		assert.Equal(t, "256 x1444", lengths(card.sent))
	})
}

// canceling ends a context at an extended length.
type canceling struct {
	*file
	cancel func()
}

func (c canceling) Transmit(ctx context.Context, command []byte) ([]byte, error) {
	answer, err := c.file.Transmit(ctx, command)
	if bytes.Equal(command[4:5], []byte{0}) && len(command) == 7 {
		c.cancel()
		return nil, ctx.Err()
	}
	return answer, err
}
