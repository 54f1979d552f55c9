package apdu_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/apdu"
)

// Send handles valid and invalid responses other than data and 9000.
//
// Faults: F31, F32, F33, F34, F35, F36.
func TestChannelSend(t *testing.T) {
	read := apdu.Command{INS: 0xB0, P1: 0x8A, Ne: 256}
	for _, tt := range []struct {
		name    string
		command apdu.Command
		steps   []step
		data    string
		status  apdu.Status
		err     error
	}{
		{"data and 9000", read, []step{{"00B08A0000", "AABB9000", nil}}, "AABB", 0x9000, nil},
		{"61xx: the rest is fetched", read, []step{
			{"00B08A0000", "AA6102", nil}, {"00C0000002", "BBCC9000", nil},
		}, "AABBCC", 0x9000, nil},
		{"61xx: GET RESPONSE has the class of the command", apdu.Command{CLA: 0x80, INS: 0x2A, P2: 0x97, Ne: 256}.WithData([]byte{1}), []step{
			{"802A0097010100", "6101", nil}, {"80C0000001", "AA9000", nil},
		}, "AA", 0x9000, nil},
		{"61xx twice", read, []step{
			{"00B08A0000", "6101", nil}, {"00C0000001", "AA6101", nil}, {"00C0000001", "BB9000", nil},
		}, "AABB", 0x9000, nil},
		{"61xx: at most Ne bytes are fetched", apdu.Command{INS: 0xB0, Ne: 4}, []step{
			{"00B0000004", "AABB6110", nil}, {"00C0000002", "CCDD9000", nil},
		}, "AABBCCDD", 0x9000, nil},
		{"61xx after Ne bytes", apdu.Command{INS: 0xB0, Ne: 1}, []step{
			{"00B0000001", "AA6110", nil},
		}, "", 0, apdu.ErrExcessResponse},
		{"61xx without data, twice", read, []step{
			{"00B08A0000", "6100", nil}, {"00C0000000", "6100", nil},
		}, "", 0, apdu.ErrNoProgress},
		{"61xx that announces less than Ne", apdu.Command{INS: 0xB0, Ne: 3}, []step{
			{"00B0000003", "AA6101", nil}, {"00C0000001", "BB9000", nil},
		}, "AABB", 0x9000, nil},
		{"61xx, then 9000 without data", read, []step{
			{"00B08A0000", "AA6102", nil}, {"00C0000002", "9000", nil},
		}, "AA", 0x9000, nil},
		{"61xx, then more data than announced", read, []step{
			{"00B08A0000", "AA6102", nil}, {"00C0000002", "BBCCDD9000", nil},
		}, "", 0, apdu.ErrExcessResponse},
		{"61xx, then no response", read, []step{
			{"00B08A0000", "AA6102", nil}, {"00C0000002", "", nil},
		}, "", 0, apdu.ErrShortResponse},
		{"61xx, then 6Cxx to GET RESPONSE", read, []step{
			{"00B08A0000", "6110", nil}, {"00C0000010", "6C02", nil}, {"00C0000002", "AABB9000", nil},
		}, "AABB", 0x9000, nil},
		{"61xx, then an error", read, []step{
			{"00B08A0000", "AA6102", nil}, {"00C0000002", "6F00", nil},
		}, "AA", 0x6F00, nil},
		{"61xx to a command without Le is not followed", apdu.Command{INS: 0xA4}, []step{
			{"00A40000", "6110", nil},
		}, "", 0x6110, nil},
		{"6Cxx: the command is sent again", read, []step{
			{"00B08A0000", "6C02", nil}, {"00B08A0002", "AABB9000", nil},
		}, "AABB", 0x9000, nil},
		{"6Cxx, then another 6Cxx", read, []step{
			{"00B08A0000", "6C02", nil}, {"00B08A0002", "6C01", nil},
		}, "", 0x6C01, nil},
		{"6Cxx, then the same 6Cxx", read, []step{
			{"00B08A0000", "6C02", nil}, {"00B08A0002", "6C02", nil},
		}, "", 0x6C02, nil},
		{"6Cxx, then data of another length", read, []step{
			{"00B08A0000", "6C02", nil}, {"00B08A0002", "AA9000", nil},
		}, "AA", 0x9000, nil},
		{"6Cxx, then 61xx", read, []step{
			{"00B08A0000", "6C02", nil}, {"00B08A0002", "6102", nil}, {"00C0000002", "AABB9000", nil},
		}, "AABB", 0x9000, nil},
		{"6Cxx with a greater length is not followed", apdu.Command{INS: 0xB0, Ne: 2}, []step{
			{"00B0000002", "6C10", nil},
		}, "", 0x6C10, nil},
		{"6C00 to 256 bytes is not followed", read, []step{{"00B08A0000", "6C00", nil}}, "", 0x6C00, nil},
		{"6C00 to 65536 bytes is followed", apdu.Command{INS: 0xB0, Ne: 65536, Extended: true}, []step{
			{"00B00000000000", "6C00", nil}, {"00B00000000100", "AA9000", nil},
		}, "AA", 0x9000, nil},
		{"6282 with data", read, []step{{"00B08A0000", "AABB6282", nil}}, "AABB", 0x6282, nil},
		{"6281 with data", read, []step{{"00B08A0000", "AABB6281", nil}}, "AABB", 0x6281, nil},
		{"6B00", read, []step{{"00B08A0000", "6B00", nil}}, "", 0x6B00, nil},
		{"fewer bytes than Ne", read, []step{{"00B08A0000", "AABB9000", nil}}, "AABB", 0x9000, nil},
		{"9000 without data", read, []step{{"00B08A0000", "9000", nil}}, "", 0x9000, nil},
		{"6Cxx to a secret is not followed", apdu.Command{INS: 0x20, P2: 0x98, Ne: 256}.WithData([]byte("1234")), []step{
			{"", "6C02", nil},
		}, "", 0x6C02, nil},
		{"61xx to a secret is not followed", apdu.Command{INS: 0x20, P2: 0x98, Ne: 256}.WithData([]byte("1234")), []step{
			{"", "6102", nil},
		}, "", 0x6102, nil},
		{"no response", read, []step{{"", "", nil}}, "", 0, apdu.ErrShortResponse},
		{"a response of one byte", read, []step{{"", "90", nil}}, "", 0, apdu.ErrShortResponse},
		{"more bytes than Ne", apdu.Command{INS: 0xB0, Ne: 1}, []step{{"", "AABB9000", nil}}, "", 0, apdu.ErrExcessResponse},
		{"data without Ne", apdu.Command{INS: 0x20, P2: 0x98}, []step{{"", "AA9000", nil}}, "", 0, apdu.ErrExcessResponse},
		{"transport error", read, []step{{"", "", errTransport}}, "", 0, errTransport},
		{"transport error in GET RESPONSE", read, []step{{"", "6102", nil}, {"", "", errTransport}}, "", 0, errTransport},
	} {
		t.Run(tt.name, func(t *testing.T) {
			channel, done := play(t, tt.steps)
			resp, err := channel.Send(context.Background(), tt.command)
			done()
			require.ErrorIs(t, err, tt.err)
			assert.Equal(t, tt.data, hexOf(resp.Data()))
			assert.Equal(t, tt.status, resp.Status)
		})
	}
}

// byteByByte answers each command with one byte and 6100.
type byteByByte struct{ sent int }

func (c *byteByByte) Transmit(context.Context, []byte) ([]byte, error) {
	c.sent++
	return []byte{0xAA, 0x61, 0x00}, nil
}

// Faults: F34.
func TestGetResponseIsBounded(t *testing.T) {
	card := &byteByByte{}
	_, err := apdu.NewChannel(card).Send(context.Background(), apdu.Command{INS: 0xB0, Ne: 65536, Extended: true})
	require.ErrorIs(t, err, apdu.ErrNoProgress)
	assert.Equal(t, 257, card.sent, "the command and 256 GET RESPONSE commands")
}

// longResponse answers each GET RESPONSE with 256 bytes, until none are left.
type longResponse struct{ left int }

func (c *longResponse) Transmit(_ context.Context, command []byte) ([]byte, error) {
	if command[1] != 0xC0 {
		return []byte{0x61, 0x00}, nil
	}
	c.left -= 256
	status := []byte{0x61, 0x00}
	if c.left == 0 {
		status = []byte{0x90, 0x00}
	}
	return append(make([]byte, 256), status...), nil
}

func TestLongestResponse(t *testing.T) {
	resp, err := apdu.NewChannel(&longResponse{left: 65536}).Send(context.Background(), apdu.Command{INS: 0xB0, Ne: 65536, Extended: true})
	require.NoError(t, err)
	assert.Len(t, resp.Data(), 65536)
}

// Responses near the maximum of the short form, and longer than the maximum of the
// extended form.
//
// Faults: F32, F37.
func TestFullBlockResponses(t *testing.T) {
	for _, tt := range []struct {
		bytes, ne int
		err       error
	}{
		{254, 256, nil}, {255, 256, nil}, {256, 256, nil},
		{257, 256, apdu.ErrExcessResponse}, {300, 256, apdu.ErrExcessResponse}, {5000, 256, apdu.ErrExcessResponse},
		{256, 65536, nil}, {65536, 65536, nil}, {65537, 65536, apdu.ErrExcessResponse}, {70000, 65536, apdu.ErrExcessResponse},
	} {
		answer := filled(tt.bytes)
		channel, done := play(t, []step{{"", hexOf(answer) + "9000", nil}})
		resp, err := channel.Send(context.Background(), apdu.Command{INS: 0xB0, Ne: tt.ne, Extended: tt.ne > 256})
		done()
		require.ErrorIs(t, err, tt.err, tt.bytes)
		if tt.err == nil {
			assert.Equal(t, answer, resp.Data())
		} else {
			assert.Empty(t, resp.Data())
		}
	}
}

// retaining retains the command, which a transmitter must not do.
type retaining struct{ command []byte }

func (k *retaining) Transmit(_ context.Context, command []byte) ([]byte, error) {
	k.command = command
	return []byte{0x90, 0x00}, nil
}

func TestChannelWipesCommands(t *testing.T) {
	card := &retaining{}
	require.NoError(t, apdu.NewChannel(card).Verify(context.Background(), 0x98, []byte("1234")))
	assert.Equal(t, make([]byte, len(card.command)), card.command)
}

// A card that rejects its first SELECT is used normally afterwards.
//
// Faults: F38.
func TestRejectedSelectDoesNotChangeLengths(t *testing.T) {
	channel, done := play(t, []step{
		{"00A4040C0AD392F000260100000001", "6700", nil},
		{"00A4040C0AD392F000260100000001", "9000", nil},
		{"00B08A00000000", "30030201059000", nil},
	}, apdu.WithExtendedLengths())
	defer done()
	ctx := context.Background()
	aid := unhex(t, "D392F000260100000001")
	require.ErrorIs(t, channel.SelectApplication(ctx, aid), apdu.StatusWrongLength)
	require.NoError(t, channel.SelectApplication(ctx, aid))
	_, err := channel.ReadObject(ctx, 0x0A, 65536)
	require.NoError(t, err, "only a rejected READ BINARY ends extended lengths")
}

func TestSelect(t *testing.T) {
	channel, done := play(t, []step{
		{"00A4040C0AD392F000260100000001", "9000", nil},
		{"00A4020C02000A", "6A82", nil},
	})
	defer done()
	require.NoError(t, channel.SelectApplication(context.Background(), unhex(t, "D392F000260100000001")))
	err := channel.SelectFile(context.Background(), 0x000A)
	require.ErrorIs(t, err, apdu.StatusFileNotFound)
	assert.EqualError(t, err, "SELECT file: status 6A82: file or application not found")
}

func TestVerify(t *testing.T) {
	channel, done := play(t, []step{
		{"00200098", "63C3", nil},
		{"0020009804 31323334", "63C2", nil},
		{"0020009804 31323334", "9000", nil},
	})
	defer done()
	ctx := context.Background()

	status, err := channel.VerifyStatus(ctx, 0x98)
	require.NoError(t, err)
	assert.Equal(t, apdu.Status(0x63C3), status)

	err = channel.Verify(ctx, 0x98, []byte("1234"))
	require.ErrorIs(t, err, apdu.StatusVerificationFailed)
	var wrong apdu.Status
	require.ErrorAs(t, err, &wrong)
	left, ok := wrong.Retries()
	assert.True(t, ok)
	assert.Equal(t, 2, left)
	assert.False(t, strings.Contains(err.Error(), "1234"))

	require.NoError(t, channel.Verify(ctx, 0x98, []byte("1234")))
	require.ErrorIs(t, channel.Verify(ctx, 0x98, nil), apdu.ErrCommand, "an empty secret is not sent as VERIFY without data")
}

// transacted is a card with transactions, which it counts.
type transacted struct {
	retaining
	open, begun int
	beginErr    error
}

func (c *transacted) Begin(context.Context) error {
	if c.beginErr != nil {
		return c.beginErr
	}
	c.open, c.begun = c.open+1, c.begun+1
	return nil
}
func (c *transacted) End() error { c.open--; return errTransport }

// Faults: F24, F29, F77.
func TestInTransaction(t *testing.T) {
	ctx := context.Background()
	card := &transacted{}
	inside := func() error { assert.Equal(t, 1, card.open); return nil }
	require.NoError(t, apdu.InTransaction(ctx, card, inside), "an error of End is ignored")
	assert.Zero(t, card.open)

	assert.Panics(t, func() {
		_ = apdu.InTransaction(ctx, card, func() error { panic("inside") })
	})
	assert.Zero(t, card.open, "a panic ends the transaction")

	refused := &transacted{beginErr: errTransport}
	err := apdu.InTransaction(ctx, refused, func() error { t.Error("called outside a transaction"); return nil })
	require.ErrorIs(t, err, errTransport)
	assert.Zero(t, refused.open, "a transaction that did not begin is not ended")

	ran := false
	require.NoError(t, apdu.InTransaction(ctx, &retaining{}, func() error { ran = true; return nil }))
	assert.True(t, ran, "a transmitter without transactions")
}
