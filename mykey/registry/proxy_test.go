package registry_test

import (
	"bytes"
	"net"
	"net/url"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// proxy forwards connections to a database server and injects faults.
type proxy struct {
	target string

	mu        sync.Mutex
	fault     fault
	remaining int // number of commits with the fault
}

type fault int

const (
	noFault     fault = iota
	dropRequest       // a commit does not reach the server
	dropAnswer        // the answer to a commit does not reach the client
	dropAll           // nothing is forwarded, and no connection is closed
)

// newProxy returns a proxy and the URL of a database through it.
func newProxy(t *testing.T, database string) (*proxy, string) {
	u, err := url.Parse(database)
	require.NoError(t, err)
	p := &proxy{target: u.Host}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	u.Host = l.Addr().String()
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			go p.forward(client)
		}
	}()
	return p, u.String()
}

// inject sets the fault of the next commits.
func (p *proxy) inject(f fault, times int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fault, p.remaining = f, times
}

// faultFor returns the fault for a client's message.
func (p *proxy) faultFor(b []byte) fault {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.fault == dropAll:
		return dropAll
	case p.remaining > 0 && bytes.Contains(b, []byte("commit\x00")):
		p.remaining--
		return p.fault
	}
	return noFault
}

// forward connects a client to the server until one of them closes the connection or a fault
// ends it.
func (p *proxy) forward(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", p.target)
	if err != nil {
		return
	}
	defer server.Close()
	answers, requests := receive(server), receive(client)
	defer func() { go drain(answers); go drain(requests) }()
	for {
		select {
		case b, ok := <-answers:
			if !ok {
				return
			}
			if p.faultFor(nil) == dropAll {
				continue
			}
			if _, err := client.Write(b); err != nil {
				return
			}
		case b, ok := <-requests:
			if !ok {
				return
			}
			fault := p.faultFor(b)
			if fault == dropAll {
				continue
			}
			if fault == dropRequest {
				return
			}
			if _, err := server.Write(b); err != nil {
				return
			}
			if fault == dropAnswer {
				<-answers
				return
			}
		}
	}
}

// receive returns a channel with everything that it reads from a connection.
func receive(conn net.Conn) chan []byte {
	received := make(chan []byte)
	go func() {
		defer close(received)
		b := make([]byte, 64<<10)
		for {
			n, err := conn.Read(b)
			if err != nil {
				return
			}
			received <- bytes.Clone(b[:n])
		}
	}()
	return received
}

// drain discards what is received, so that receive can end.
func drain(c chan []byte) {
	for range c {
	}
}
