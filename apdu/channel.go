package apdu

import (
	"context"
	"fmt"
)

// maxGetResponse bounds how often one command may be followed by GET RESPONSE:
// 256 answers of 256 bytes are the longest response there is.
const maxGetResponse = MaxExtendedNe / MaxShortNe

// Channel sends commands over a [Transmitter] and deals with what ISO/IEC
// 7816-4 leaves to the sender: status 61xx (fetch the rest with GET RESPONSE),
// status 6Cxx (ask again with the right length), and cards or readers that
// refuse extended lengths or lose answers of 256 bytes.
//
// A Channel remembers which lengths work, and nothing else.
type Channel struct {
	transmitter Transmitter
	extended    bool
	readSize    int
}

// Option changes how a [Channel] sends.
type Option func(*Channel)

// WithExtendedLengths lets the channel read with extended lengths until the
// card refuses one. Without it reads are in short form. See
// [ATR.ExtendedLengths] for what a card says of itself.
func WithExtendedLengths() Option { return func(c *Channel) { c.extended = true } }

// WithReadSize bounds what one short READ BINARY asks for, in bytes, for
// readers that are known to fail on long answers. The default is 256, and 253 from
// when an object's first 256 bytes were lost; sizes outside 16 to 256 are moved to
// the nearer end.
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

// Send sends one command and returns the whole response, which holds at most
// cmd.Ne bytes of data. Its error is never a status word: the response holds
// that, to be asked for with [Response.Err].
//
// Data that follow a 61xx are fetched if cmd.Ne allows any. A command that
// carries a secret is sent once, whatever the card answers.
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

// exchange sends cmd, once more if the card names a smaller length with 6Cxx.
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

// once sends cmd and checks the form of the answer. Of the encoded command,
// which may hold a secret, nothing is left in memory.
func (c *Channel) once(ctx context.Context, cmd Command) (Response, error) {
	encoded, err := cmd.MarshalBinary()
	if err != nil {
		return Response{}, err
	}
	defer clear(encoded)

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

// do sends cmd and turns any status but 9000 into an error that names the
// command.
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
