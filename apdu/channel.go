package apdu

import (
	"context"
	"fmt"
)

// maxGetResponse limits how often GET RESPONSE may follow one command: the longest
// response has 256 times 256 bytes.
const maxGetResponse = MaxExtendedNe / MaxShortNe

// Channel sends commands over a [Transmitter] and handles what ISO/IEC 7816-4
// leaves to the sender: status 61xx (the rest is fetched with GET RESPONSE) and
// 6Cxx (the command is repeated with the right length). It also handles cards and
// readers that reject extended lengths or lose answers of 256 bytes.
//
// A Channel does not track the card's state. It remembers which lengths work, and whether a command
// with a secret was sent.
type Channel struct {
	transmitter Transmitter
	readSize    int  // bytes to ask for in short form, at most
	extended    int  // bytes to ask for with extended lengths, at most; 0: short form only
	probe       bool // extended lengths may be probed
	secretSent  bool
}

// Option changes how a [Channel] reads files. If options contradict each other, the
// last one applies.
type Option func(*Channel)

// WithExtendedLengths has the channel read whole files with extended lengths. If
// the card or the reader rejects one, the channel falls back to short form. The
// default is short form.
func WithExtendedLengths() Option { return func(c *Channel) { c.extended = MaxExtendedNe } }

// WithShortLengths has the channel read in short form. It overrides
// [WithExtendedLengths] and [WithATR] before it.
func WithShortLengths() Option { return (*Channel).refuseExtended }

// WithATR has the channel choose its lengths by the card's answer to reset:
//
//   - If the ATR declares extended lengths, the channel uses them, as with
//     [WithExtendedLengths].
//   - If the ATR declares that they are absent, the channel reads in short form.
//   - If the ATR says nothing, the channel may probe: after the first 256 bytes of
//     an object, one command asks for all the rest with an extended length. Some
//     contact cards accept that without declaring it.
//
// What follows depends on the probe:
//
//   - If it fails, it has cost one command. The channel reads in short form from then
//     on and never probes again.
//   - If it succeeds, the channel asks for at most as many bytes as the probe returned.
//     For a longer object, it probes again.
//
// Some readers break the connection at an extended length. The channel therefore
// probes only if all of these hold:
//
//   - The ATR is like that of a contact card: it offers only T=1, and its historical bytes,
//     if any, are COMPACT-TLV objects. For a contactless card the reader generates the ATR.
//   - The first 256 bytes arrived complete, and [WithReadSize] does not limit reads to less.
//   - No command with a secret was sent on the channel, because losing the connection
//     then would leave the card unlocked.
//
// If the connection is lost nevertheless, the error is [ErrProbe], which does not match [ErrRemoved].
// If the transmitter reports the removal of the card during the probe, the error is [ErrRemoved]
// instead.
func WithATR(atr ATR) Option {
	return func(c *Channel) {
		switch c.refuseExtended(); atr.ExtendedLengths() {
		case Declared:
			c.extended = MaxExtendedNe
		case Undeclared:
			c.probe = atr.contact()
		}
	}
}

// WithReadSize limits what one READ BINARY in short form asks for, in bytes, for readers that fail on
// long answers. The default is 256. If the first block of 256 bytes is lost, [Channel.ReadObject]
// falls back to 253. A size outside 16 to 256 is clamped to that range.
func WithReadSize(n int) Option {
	return func(c *Channel) { c.readSize = min(max(n, 16), MaxShortNe) }
}

// NewChannel returns a channel over t.
func NewChannel(t Transmitter, options ...Option) *Channel {
	c := &Channel{transmitter: t, readSize: MaxShortNe}
	for _, option := range options {
		option(c)
	}
	return c
}

// Send sends one command and returns the whole response, which has at most cmd.Ne
// bytes of data. A status word is not an error of Send: see [Response.Err].
//
// After status 61xx it fetches the rest, if cmd.Ne allows more data. It sends a
// command that carries a secret once, whatever the card answers.
func (c *Channel) Send(ctx context.Context, cmd Command) (Response, error) {
	resp, err := c.exchange(ctx, cmd)
	if err != nil || cmd.Ne == 0 || cmd.Secret() {
		return resp, err
	}
	if _, more := resp.Status.more(); !more {
		return resp, nil
	}

	data := resp.Data()
	for round := 0; ; round++ {
		n, more := resp.Status.more()
		if !more {
			return NewResponse(data, resp.Status), nil
		}
		if round == maxGetResponse {
			return Response{}, fmt.Errorf("GET RESPONSE: %w after %d rounds", ErrNoProgress, round)
		}
		if n = min(n, cmd.Ne-len(data)); n == 0 {
			return Response{}, fmt.Errorf("%w: 61xx after %d of %d bytes", ErrExcessResponse, len(data), cmd.Ne)
		}
		// ISO/IEC 7816-4:2020 §11.7.1; the class stays as in the command.
		resp, err = c.exchange(ctx, Command{CLA: cmd.CLA, INS: InsGetResponse, Ne: n})
		if err != nil {
			return Response{}, fmt.Errorf("GET RESPONSE: %w", err)
		}
		if _, more := resp.Status.more(); more && len(resp.Data()) == 0 {
			return Response{}, fmt.Errorf("GET RESPONSE: %w", ErrNoProgress)
		}
		data = append(data, resp.Data()...)
	}
}

// exchange sends cmd, and again if the card asks for a smaller length with 6Cxx.
func (c *Channel) exchange(ctx context.Context, cmd Command) (Response, error) {
	resp, err := c.once(ctx, cmd)
	if err != nil {
		return resp, err
	}
	if n, ok := resp.Status.exact(); ok && n < cmd.Ne && !cmd.Secret() {
		cmd.Ne = n
		return c.once(ctx, cmd)
	}
	return resp, nil
}

// once sends cmd and checks that the answer is not too long. It wipes the encoded
// command, which may hold a secret.
func (c *Channel) once(ctx context.Context, cmd Command) (Response, error) {
	encoded, err := cmd.MarshalBinary()
	if err != nil {
		return Response{}, err
	}
	defer clear(encoded)
	if cmd.Secret() {
		c.secretSent = true
	}

	answer, err := c.transmitter.Transmit(ctx, encoded)
	if err != nil {
		return Response{}, err
	}
	resp, err := ParseResponse(answer)
	if err != nil {
		return Response{}, err
	}
	if len(resp.Data()) > cmd.Ne {
		return Response{}, fmt.Errorf("%w: %d bytes, at most %d", ErrExcessResponse, len(resp.Data()), cmd.Ne)
	}
	return resp, nil
}

// do sends cmd and returns an error that names the command for any status but 9000.
func (c *Channel) do(ctx context.Context, name string, cmd Command) ([]byte, error) {
	resp, err := c.Send(ctx, cmd)
	if err == nil {
		err = resp.Err()
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return resp.Data(), nil
}
