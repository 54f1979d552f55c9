package sshagent

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"golang.org/x/crypto/ssh/agent"
)

// Serve answers the clients of a listener until ctx ends, which is no error.
// Then the listener and all connections are closed, what is under way is ended,
// and the card has been left. Each client has its own goroutines: one that says
// nothing, or reads nothing, keeps nobody waiting. If there are as many clients as are
// served at a time, a new one has the one closed that was idle longest; where all have
// a request under way, it is refused.
func (a *Agent) Serve(ctx context.Context, listener net.Listener) error {
	ctx, end := context.WithCancel(ctx)
	var serving sync.WaitGroup
	defer func() {
		end()
		listener.Close()
		serving.Wait()
		a.Forget()
		a.closing.Wait()
	}()
	stop := context.AfterFunc(ctx, func() { listener.Close() })
	defer stop()
	for {
		conn, err := listener.Accept()
		switch {
		case ctx.Err() != nil:
			if err == nil {
				conn.Close()
			}
			return nil
		case errors.Is(err, net.ErrClosed):
			return err
		case err != nil: // too many open files, which passes
			a.tell(err)
			select {
			case <-ctx.Done():
			case <-time.After(pause):
			}
			continue
		}
		c, err := a.admit(conn)
		serving.Go(func() {
			if err != nil {
				a.tellAdmission(err)
			}
			if c != nil {
				a.serve(ctx, c)
			}
		})
	}
}

// pause is how long no connection is accepted after one could not be.
const pause = 200 * time.Millisecond

// admit lets a client in, or closes its connection. The error is to be told in either
// case.
func (a *Agent) admit(conn net.Conn) (*client, error) {
	process, err := ofThisUser(conn)
	if err != nil {
		conn.Close()
		return nil, err
	}
	c := &client{conn: conn, process: process}
	closed, admitted := a.clients.admit(c)
	switch {
	case !admitted:
		conn.Close()
		return nil, ErrAllBusy
	case closed != nil:
		closed.conn.Close()
		return c, ErrIdleClosed
	}
	return c, nil
}

// tellAdmission tells once of too many connections, however many there are.
func (a *Agent) tellAdmission(err error) {
	tell := func() { a.tell(err) }
	switch {
	case errors.Is(err, ErrIdleClosed):
		a.idleClosed.Do(tell)
	case errors.Is(err, ErrAllBusy):
		a.allBusy.Do(tell)
	default:
		tell()
	}
}

// serve answers one client. When the client goes, so does its request: nobody is
// asked for a PIN for an answer that nobody waits for.
func (a *Agent) serve(ctx context.Context, c *client) {
	ctx, gone := context.WithCancel(ctx)
	var reading sync.WaitGroup
	defer func() {
		a.clients.remove(c)
		gone()
		c.conn.Close()
		reading.Wait()
	}()
	defer context.AfterFunc(ctx, func() { c.conn.Close() })()

	messages := make(chan []byte)
	reading.Go(func() {
		defer gone()
		for {
			message, err := readMessage(c.conn)
			if err != nil || !a.clients.begin(c) {
				return
			}
			select {
			case messages <- message:
			case <-ctx.Done():
				return
			}
		}
	})
	for {
		select {
		case <-ctx.Done():
			return
		case message := <-messages:
			if _, err := c.conn.Write(a.answer(ctx, c, message)); err != nil {
				return
			}
			a.clients.end(c)
		}
	}
}

// A message is its length, 4 bytes, and as many bytes. maxMessage is OpenSSH's
// limit; the library's is 64 times that, for each client.
const (
	lengthSize = 4
	maxMessage = 256 << 10
)

// readMessage reads a message, with its length before it.
func readMessage(r io.Reader) ([]byte, error) {
	var length [lengthSize]byte
	if _, err := io.ReadFull(r, length[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(length[:])
	if n == 0 || n > maxMessage {
		return nil, fmt.Errorf("message of %d bytes", n)
	}
	message := append(length[:], make([]byte, n)...)
	_, err := io.ReadFull(r, message[lengthSize:])
	return message, err
}

// Requests, by their first byte: RFC 9987, and the one for the keys of SSH 1.
const (
	requestListV1        = 1
	requestList          = 11
	requestSign          = 13
	requestAdd           = 17
	requestRemove        = 18
	requestRemoveAll     = 19
	requestAddToken      = 20
	requestRemoveToken   = 21
	requestLock          = 22
	requestUnlock        = 23
	requestAddBound      = 25
	requestAddTokenBound = 26
	requestExtension     = 27
)

// failure is the answer to a request that failed.
var failure = []byte{0, 0, 0, 1, 5}

// answer has the library answer one message. Requests that change keys don't
// reach it: it would parse the private keys in them first. Of SSH 1 it shows no keys,
// as clients that ask for those as well expect.
func (a *Agent) answer(ctx context.Context, c *client, message []byte) []byte {
	r := request{a, ctx, c}
	switch message[lengthSize] {
	case requestListV1, requestList, requestSign, requestExtension:
		var reply bytes.Buffer
		// It ends with the message, and tells what failed by the reply.
		_ = agent.ServeAgent(r, struct {
			io.Reader
			io.Writer
		}{bytes.NewReader(message), &reply})
		if reply.Len() > 0 {
			return reply.Bytes()
		}
	case requestAdd, requestRemove, requestRemoveAll, requestAddToken, requestRemoveToken,
		requestLock, requestUnlock, requestAddBound, requestAddTokenBound:
		_ = r.failed(ErrReadOnly)
	}
	return failure
}
