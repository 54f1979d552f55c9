package web

import "net"

// Listener wraps l so that each connection wipes the read buffer before it blocks for
// more data. Without that, net/http keeps a request in its buffer until the next request
// overwrites it.
func Listener(l net.Listener) net.Listener { return listener{l} }

type listener struct{ net.Listener }

// Accept returns the next connection.
func (l listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return conn{c}, nil
}

type conn struct{ net.Conn }

// Read wipes p and then reads into it. An [io.Reader] may use all of p.
func (c conn) Read(p []byte) (int, error) {
	clear(p)
	return c.Conn.Read(p)
}
