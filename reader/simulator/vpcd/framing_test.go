package vpcd

import (
	"bytes"
	"io"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/reader/simulator"
)

func TestSendRejectsLongMessages(t *testing.T) {
	var wire bytes.Buffer
	require.NoError(t, send(&wire, make([]byte, 0xFFFF)))
	message, err := receive(&wire)
	require.NoError(t, err)
	assert.Len(t, message, 0xFFFF)
	require.ErrorIs(t, send(&wire, make([]byte, 0x10000)), errTooLong)
	assert.Zero(t, wire.Len(), "no part of it is sent")
}

// The card receives whole messages only, whatever the virtual reader sends, and the virtual
// reader receives the responses unchanged.
func FuzzMessages(f *testing.F) {
	card, err := simulator.NewCard(simulator.ContactExtended, simulator.WithInsecureSeed("test"))
	require.NoError(f, err)
	selectJPKI := "\x00\x0F\x00\xA4\x04\x0C\x0A\xD3\x92\xF0\x00\x26\x01\x00\x00\x00\x01"
	f.Add([]byte("\x00\x01\x01\x00\x01\x04" + selectJPKI + "\x00\x07\x00\xB0\x8A\x00\x00\x00\x00\x00\x01\x02\x00\x01\x00"))
	f.Add([]byte("\x00\x00\x00\x01\x09\xFF\xFF"))
	f.Add([]byte("\x00"))
	f.Fuzz(func(t *testing.T, wire []byte) {
		stream := bytes.NewReader(wire)
		var received bytes.Buffer
		for {
			message, err := receive(stream)
			if err != nil {
				require.True(t, err == io.EOF || err == io.ErrUnexpectedEOF, "%v", err)
				break
			}
			require.NoError(t, send(&received, message))

			answer := respond(card, message)
			if len(message) == 1 {
				require.Equal(t, message[0] == controlATR, answer != nil, "only the control for the answer to reset has an answer")
				continue
			}
			require.NotNil(t, answer, "the virtual reader waits for an answer")
			var back bytes.Buffer
			require.NoError(t, send(&back, answer))
			again, err := receive(&back)
			require.NoError(t, err)
			require.Equal(t, answer, again)
			require.Zero(t, back.Len())
		}
		require.True(t, bytes.HasPrefix(wire, received.Bytes()))
		card.PowerOff()
	})
}

// recorder is a card that records the calls of its methods.
type recorder []string

func (r *recorder) ATR() []byte                    { *r = append(*r, "ATR"); return []byte{0x3B} }
func (r *recorder) PowerOn()                       { *r = append(*r, "on") }
func (r *recorder) PowerOff()                      { *r = append(*r, "off") }
func (r *recorder) Reset()                         { *r = append(*r, "reset") }
func (r *recorder) Exchange(command []byte) []byte { *r = append(*r, "exchange"); return command }

// Each control calls one method of the card. Only the one for the answer to reset has an
// answer.
func TestControls(t *testing.T) {
	for control, want := range map[byte]string{controlOff: "off", controlOn: "on", controlReset: "reset", controlATR: "ATR"} {
		var card recorder
		answer := respond(&card, []byte{control})
		assert.Equal(t, recorder{want}, card)
		assert.Equal(t, control == controlATR, answer != nil, want)
	}
	var card recorder
	assert.Nil(t, respond(&card, []byte{3}))
	assert.Empty(t, card, "an unknown control")
}
