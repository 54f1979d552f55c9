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

// Answers to reset of contact cards: one says nothing about extended lengths, one
// declares them, and one declares that they are absent.
const (
	silentATR   = "3BE000FF8131FE4514"
	declaredATR = "3BDA13FF8131FB468012392F31C173C601C03B"
	absentATR   = "3BC5FF8131FB458073C6010000"
)

const shortReads = "256 256 256 256 256 256 164" // of an object of 1700 bytes

// If the ATR says nothing, the channel probes with the rest of a long object. A failed
// probe costs one command, once in the channel's life.
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
		{"the card accepts the probe", silentATR, nil, true, passes, "256 x1444", "x1444 256"},
		{"the card rejects the probe", silentATR, nil, false, passes, "256 x1444 256 256 256 256 256 164", shortReads},
		{"the reader loses the response", silentATR, nil, true, above(258, nil, errLength), "256 x1444 256 256 256 256 256 164", shortReads},
		{"the reader replaces the response by 9000", silentATR, nil, true, status(0x90, 0x00), "256 x1444 256 256 256 256 256 164", shortReads},
		{"the reader replaces the response by nothing", silentATR, nil, true, above(258, []byte{}, nil), "256 x1444 256 256 256 256 256 164", shortReads},
		{"the reader truncates the response", silentATR, nil, true, truncate(1024), "256 x1444 256 256 256 256 256 164", shortReads},
		{"the reader truncates the response to a full block", silentATR, nil, true, func(answer []byte) ([]byte, error) {
			if len(answer) > 258 {
				return append(answer[:256:256], 0x90, 0x00), nil
			}
			return nil, nil
		}, "256 x1444 256 256 256 256 164", shortReads},
		{"the card answers with another status word", silentATR, nil, true, status(0x6F, 0x00), "256 x1444 256 256 256 256 256 164", shortReads},
		{"6Cxx is not followed", silentATR, nil, true, status(0x6C, 0x00), "256 x1444 256 256 256 256 256 164", shortReads},
		{"61xx is not followed", silentATR, nil, true, status(0x61, 0x00), "256 x1444 256 256 256 256 256 164", shortReads},
		{"declared: used at once", declaredATR, nil, true, passes, "x65536", "x65536"},
		{"declared absent: no probe", absentATR, nil, true, passes, shortReads, shortReads},
		{"malformed ATR: no probe", "3BF0", nil, true, passes, shortReads, shortReads},
		{"contactless: no probe", "3B888001000041E0B381A1003B", nil, true, passes, shortReads, shortReads},
		{"phone: no probe", "3B80800101", nil, true, passes, shortReads, shortReads},
		{"contactless, ATR in a reader's own format: no probe", "3BF59100FF918171FE4000420001B3A115", nil, true, passes, shortReads, shortReads},
		{"T=0 by default: no probe", "3B00", nil, true, passes, shortReads, shortReads},
		{"capabilities without the third byte", "3BE300FF8131FE45 8071C6 14", nil, true, passes, "256 x1444", "x1444 256"},
		{"the caller sets short lengths: no probe", silentATR, []apdu.Option{apdu.WithShortLengths()}, true, passes, shortReads, shortReads},
		{"the reader loses 256 bytes: no probe", silentATR, nil, true, func(answer []byte) ([]byte, error) {
			if len(answer) == 258 {
				return nil, errLength
			}
			return nil, nil
		}, "256 253 253 253 253 253 253 182", "253 253 253 253 253 253 182"},
		{"the caller sets a read size: no probe", silentATR, []apdu.Option{apdu.WithReadSize(255)}, true, passes,
			"255 255 255 255 255 255 170", "255 255 255 255 255 255 170"},
		{"the caller sets extended lengths: used at once", silentATR, []apdu.Option{apdu.WithExtendedLengths()}, true, passes, "x65536", "x65536"},
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

// If options contradict each other, the last one applies.
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

// The channel probes only if that saves a command. It asks for no byte after the object.
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
	t.Run("the card answers with less than 256 bytes", func(t *testing.T) {
		card := &file{content: object(1700), extended: true, shortest: 128}
		_, err := apdu.NewChannel(card, apdu.WithATR(unhex(t, silentATR))).ReadObject(context.Background(), 0x0A, 65536)
		require.NoError(t, err)
		assert.False(t, card.sent[1].Extended)
	})
}

// After a probe the channel asks for at most as many bytes as the probe returned. For a
// longer object it probes again. If that fails, it reads in short form.
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

// unlockable is a card that accepts any secret.
type unlockable struct{ *file }

func (u unlockable) Transmit(ctx context.Context, command []byte) ([]byte, error) {
	if command[1] == apdu.InsVerify {
		return []byte{0x90, 0x00}, nil
	}
	return u.file.Transmit(ctx, command)
}

// After a secret was sent there is no probe, because a lost connection would leave the
// card unlocked.
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
		channel := apdu.NewChannel(unlockable{card}, atr)
		require.NoError(t, tt.before(channel))
		_, err := channel.ReadObject(ctx, 0x0A, 65536)
		require.NoError(t, err)
		assert.Equal(t, tt.want, lengths(card.sent), tt.name)
	}
	t.Run("a length probed before the secret is used after it", func(t *testing.T) {
		card := &file{content: object(1000), extended: true}
		channel := apdu.NewChannel(unlockable{card}, atr)
		_, err := channel.ReadObject(ctx, 0x0A, 65536)
		require.NoError(t, err)
		require.NoError(t, channel.Verify(ctx, 0x98, []byte("1234")))
		card.sent, card.content = nil, object(1800)
		_, err = channel.ReadObject(ctx, 0x0A, 65536)
		require.NoError(t, err)
		assert.Equal(t, "x744 x744 x312", lengths(card.sent), "never more at once")
	})
	t.Run("also if the response to the secret was lost", func(t *testing.T) {
		channel, done := play(t, []step{
			{"00200098 04 31323334", "", errTransport},
			{"00B08A0000", hexOf(object(1700)[:256]) + "9000", nil},
			{"00B0010000", "", errTransport},
		}, atr)
		defer done()
		require.ErrorIs(t, channel.Verify(ctx, 0x98, []byte("1234")), errTransport)
		_, err := channel.ReadObject(ctx, 0x0A, 65536)
		require.ErrorIs(t, err, errTransport)
	})
}

// A reader that breaks the connection at the probe may report that the card was removed.
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
		{"the next command fails too", []step{first, probe("", errLength), next("", errBroken)},
			[]error{apdu.ErrProbe, errLength, errBroken}, []error{apdu.ErrRemoved}},
		{"the next command reports a removal", []step{first, probe("", errLength), next("", apdu.ErrRemoved)},
			[]error{apdu.ErrProbe, errLength}, []error{apdu.ErrRemoved}},
		{"no response, and the next command reports a removal", []step{first, probe("", nil), next("", apdu.ErrRemoved)},
			[]error{apdu.ErrProbe, apdu.ErrShortResponse}, []error{apdu.ErrRemoved}},
		{"the probe reports a removal", []step{first, probe("", apdu.ErrRemoved)},
			[]error{apdu.ErrRemoved}, []error{apdu.ErrProbe}},
		{"the card rejects the probe and is removed", []step{first, probe("6700", nil), next("", apdu.ErrRemoved)},
			[]error{apdu.ErrRemoved}, []error{apdu.ErrProbe}},
		{"the next command returns a status word", []step{first, probe("", errLength), next("6982", nil)},
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

// canceling cancels a context at an extended length.
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
