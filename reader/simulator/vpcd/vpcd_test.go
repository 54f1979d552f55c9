package vpcd_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/reader/simulator"
	"github.com/mykeykit/mykeykit/reader/simulator/vpcd"
)

// virtualReader is the virtual reader's side of the protocol.
type virtualReader struct {
	t        testing.TB
	listener net.Listener
	conn     net.Conn
}

func newVirtualReader(t testing.TB) *virtualReader {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	return &virtualReader{t: t, listener: l}
}

func (r *virtualReader) accept() {
	r.t.Helper()
	conn, err := r.listener.Accept()
	require.NoError(r.t, err)
	require.NoError(r.t, conn.SetDeadline(time.Now().Add(10*time.Second)))
	r.conn = conn
}

// send writes length and payload separately, as the real virtual reader does.
func (r *virtualReader) send(message ...byte) {
	r.t.Helper()
	_, err := r.conn.Write(binary.BigEndian.AppendUint16(nil, uint16(len(message))))
	require.NoError(r.t, err)
	_, err = r.conn.Write(message)
	require.NoError(r.t, err)
}

func (r *virtualReader) receive() []byte {
	r.t.Helper()
	var length [2]byte
	_, err := io.ReadFull(r.conn, length[:])
	require.NoError(r.t, err)
	message := make([]byte, binary.BigEndian.Uint16(length[:]))
	_, err = io.ReadFull(r.conn, message)
	require.NoError(r.t, err)
	return message
}

var (
	selectJPKI = []byte{0x00, 0xA4, 0x04, 0x0C, 0x0A, 0xD3, 0x92, 0xF0, 0x00, 0x26, 0x01, 0x00, 0x00, 0x00, 0x01}
	verify     = []byte{0x00, 0x20, 0x00, 0x98, 0x04, '1', '2', '3', '4'}
	ok         = []byte{0x90, 0x00}
)

func TestServe(t *testing.T) {
	r := newVirtualReader(t)
	card, err := simulator.NewCard(simulator.ContactExtended, simulator.WithInsecureSeed("test"))
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	reports := make(chan error, 100)
	ended := make(chan error, 1)
	go func() {
		ended <- vpcd.Serve(ctx, r.listener.Addr().String(), card, func(err error) { reports <- err })
	}()

	r.accept()
	require.NoError(t, <-reports)
	r.send(4)
	assert.Equal(t, card.ATR(), r.receive())
	r.send(selectJPKI...)
	assert.Len(t, r.receive(), 1, "without power there is no response, but the message is not empty")
	r.send(1)
	r.send(selectJPKI...)
	assert.Equal(t, ok, r.receive())
	r.send(verify...)
	assert.Equal(t, ok, r.receive())
	assert.True(t, card.State().AuthVerified)
	r.send(2)
	r.send(selectJPKI...)
	assert.Equal(t, ok, r.receive())
	assert.True(t, card.State().AuthVerified, "still unlocked after a warm reset")
	r.send(0x00, 0xB0, 0x8A, 0x00, 0x00, 0x00, 0x00)
	assert.Len(t, r.receive(), 2050, "extended lengths")
	r.send(0)
	r.send(1)
	r.send(9) // an unknown control has no answer
	r.send(4)
	assert.Equal(t, card.ATR(), r.receive())
	assert.False(t, card.State().AuthVerified, "logged out by the cut of the power")

	// pcscd is restarted.
	r.conn.Close()
	r.accept()
	require.Error(t, <-reports)
	require.NoError(t, <-reports)
	assert.False(t, card.State().Powered, "removed and inserted again")
	r.send(4)
	assert.Equal(t, card.ATR(), r.receive())

	cancel()
	require.ErrorIs(t, <-ended, context.Canceled)
	_, err = r.conn.Read(make([]byte, 1))
	assert.Error(t, err, "the card is removed")
}

func TestServeConnectsWhenReaderListens(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := l.Addr().String()
	l.Close()
	card, err := simulator.NewCard(simulator.Contact, simulator.WithInsecureSeed("test"))
	require.NoError(t, err)

	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	failed, ended := make(chan struct{}, 100), make(chan error, 1)
	inserted := make(chan struct{}, 1)
	go func() {
		ended <- vpcd.Serve(ctx, address, card, func(err error) {
			if err != nil {
				failed <- struct{}{}
			} else {
				inserted <- struct{}{}
			}
		})
	}()
	<-failed
	l, err = net.Listen("tcp", address)
	require.NoError(t, err)
	defer l.Close()
	<-inserted
	cancel()
	assert.True(t, errors.Is(<-ended, context.Canceled))
}

// Serve inserts the card again if the virtual reader is silent, which may have lost the
// connection.
func TestServeReconnectsToSilentReader(t *testing.T) {
	defer vpcd.SetSilence(50 * time.Millisecond)()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	card, err := simulator.NewCard(simulator.NotMyNumber)
	require.NoError(t, err)
	ended := make(chan error, 1)
	go func() { ended <- vpcd.Serve(ctx, listener.Addr().String(), card, nil) }()
	for range 2 {
		conn, err := listener.Accept()
		require.NoError(t, err)
		defer conn.Close()
	}
	cancel()
	require.ErrorIs(t, <-ended, context.Canceled)
}

// This inserts a card into a virtual reader. The example has its own; pcscd's listens at
// 127.0.0.1:35963.
func Example() {
	pcscd, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer pcscd.Close()
	card, err := simulator.NewCard(simulator.Contact)
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	err = vpcd.Serve(ctx, pcscd.Addr().String(), card, func(err error) {
		fmt.Println("inserted:", err == nil)
		cancel() // remove it again
	})
	fmt.Println(err)
	// Output:
	// inserted: true
	// context canceled
}
