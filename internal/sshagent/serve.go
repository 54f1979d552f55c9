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

// Serve serves the clients of a listener. It blocks until ctx is done and returns nil then.
// Before it returns it closes the listener and all connections, cancels the requests in
// progress, and closes the key, which logs the card out.
//
// Each client has its own goroutines, so that a slow client blocks no other. If there are
// too many clients, a new one replaces the one that has been idle longest; if all have a
// request in progress, the new one is rejected.
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
		case err != nil: // temporary, for example too many open files
			a.report(err)
			select {
			case <-ctx.Done():
			case <-time.After(acceptRetryDelay):
			}
			continue
		}
		c, err := a.admit(conn)
		serving.Go(func() {
			if err != nil {
				a.reportAdmission(err)
			}
			if c != nil {
				a.serve(ctx, c)
			}
		})
	}
}

// acceptRetryDelay is the delay after a failed Accept.
const acceptRetryDelay = 200 * time.Millisecond

// admit admits a client, or closes its connection and returns no client. The caller must
// report the error in both cases.
func (a *Agent) admit(conn net.Conn) (*client, error) {
	process, err := peerProcess(conn)
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

// reportAdmission reports an error of admit; that there are too many connections, only
// once.
func (a *Agent) reportAdmission(err error) {
	report := func() { a.report(err) }
	switch {
	case errors.Is(err, ErrIdleClosed):
		a.idleClosedOnce.Do(report)
	case errors.Is(err, ErrAllBusy):
		a.allBusyOnce.Do(report)
	default:
		report()
	}
}

// serve serves one client. When the client disconnects, its request is canceled, so that a
// PIN prompt without a waiting client ends.
func (a *Agent) serve(ctx context.Context, c *client) {
	ctx, cancel := context.WithCancel(ctx)
	var reading sync.WaitGroup
	defer func() {
		a.clients.remove(c)
		cancel()
		c.conn.Close()
		reading.Wait()
	}()
	defer context.AfterFunc(ctx, func() { c.conn.Close() })()

	messages := make(chan []byte)
	reading.Go(func() {
		defer cancel()
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

// A message is preceded by its length in 4 bytes. maxMessage is OpenSSH's limit; x/crypto's
// is 64 times that, per client.
const (
	lengthSize = 4
	maxMessage = 256 << 10
)

// readMessage reads a message and returns it with its length.
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

// Request types: RFC 9987, and the request for the keys of SSH 1.
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

// answer answers one message with package agent. Requests that change keys are rejected
// before: the package would parse the private keys in them. The list of SSH 1 keys is empty,
// as clients expect that ask for both lists.
func (a *Agent) answer(ctx context.Context, c *client, message []byte) []byte {
	r := request{a, ctx, c}
	switch message[lengthSize] {
	case requestListV1, requestList, requestSign, requestExtension:
		var reply bytes.Buffer
		// It returns after the message; a failure is part of the reply.
		_ = agent.ServeAgent(r, struct {
			io.Reader
			io.Writer
		}{bytes.NewReader(message), &reply})
		if reply.Len() > 0 {
			return reply.Bytes()
		}
	case requestAdd, requestRemove, requestRemoveAll, requestAddToken, requestRemoveToken,
		requestLock, requestUnlock, requestAddBound, requestAddTokenBound:
		_ = r.reportFailure(ErrReadOnly)
	}
	return failure
}
