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
// nothing, or reads nothing, keeps nobody waiting, unless there are as many as
// are served at a time. Those who come then wait to be.
func (a *Agent) Serve(ctx context.Context, listener net.Listener) error {
	ctx, end := context.WithCancel(ctx)
	var clients sync.WaitGroup
	defer func() {
		end()
		listener.Close()
		clients.Wait()
		a.Forget()
		a.closing.Wait()
	}()
	stop := context.AfterFunc(ctx, func() { listener.Close() })
	defer stop()
	places := make(chan struct{}, maxClients)
	for {
		select {
		case places <- struct{}{}:
		case <-ctx.Done():
			return nil
		}
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
			<-places
		default:
			clients.Go(func() {
				defer func() { <-places }()
				a.serve(ctx, conn)
			})
		}
	}
}

// maxClients bounds the clients that are served at a time: a desktop has a few
// logins at once, and a loop that leaves its connections open has an end.
const maxClients = 64

// pause is how long no connection is accepted after one could not be.
const pause = 200 * time.Millisecond

// serve answers one client. When the client goes, so does its request: nobody is
// asked for a PIN for an answer that nobody waits for.
func (a *Agent) serve(ctx context.Context, conn net.Conn) {
	ctx, gone := context.WithCancel(ctx)
	var reading sync.WaitGroup
	defer func() {
		gone()
		conn.Close()
		reading.Wait()
	}()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	if err := ofThisUser(conn); err != nil {
		a.tell(err)
		return
	}

	messages := make(chan []byte)
	reading.Go(func() {
		defer gone()
		for {
			message, err := readMessage(conn)
			if err != nil {
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
			if _, err := conn.Write(a.answer(ctx, message)); err != nil {
				return
			}
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

// Requests, by their first byte: draft-ietf-sshm-ssh-agent.
const (
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
)

// failure is the answer to a request that failed.
var failure = []byte{0, 0, 0, 1, 5}

// answer has the library answer one message. Requests that change keys don't
// reach it: it would parse the private keys in them first.
func (a *Agent) answer(ctx context.Context, message []byte) []byte {
	r := request{a, ctx}
	switch message[lengthSize] {
	case requestList, requestSign:
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
