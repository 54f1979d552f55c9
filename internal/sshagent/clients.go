package sshagent

import (
	"net"
	"sync"
)

// maxClients limits the connections. A desktop has a few logins at a time; a program that
// never closes its connections must not exhaust the agent.
const maxClients = 64

// client is a connection and its peer process.
type client struct {
	bindings
	conn    net.Conn
	process Process

	requests int    // in progress
	lastUsed uint64 // the clock at the last request, its end, or the connection
}

// clients is the set of connected clients. The zero value is empty.
type clients struct {
	mu        sync.Mutex
	clock     uint64 // a logical clock
	connected map[*client]bool
}

// admit adds a client. If there are too many, it removes the one that has been idle
// longest and returns it, for the caller to close. If none is idle, it does not admit the
// new one.
func (cs *clients) admit(c *client) (closed *client, admitted bool) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if len(cs.connected) >= maxClients {
		for other := range cs.connected {
			if other.requests == 0 && (closed == nil || other.lastUsed < closed.lastUsed) {
				closed = other
			}
		}
		if closed == nil {
			return nil, false
		}
		delete(cs.connected, closed)
	}
	if cs.connected == nil {
		cs.connected = map[*client]bool{}
	}
	cs.connected[c] = true
	cs.touch(c)
	return closed, true
}

func (cs *clients) touch(c *client) {
	cs.clock++
	c.lastUsed = cs.clock
}

// begin marks the start of a client's request. It returns false if the client was removed.
func (cs *clients) begin(c *client) bool {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if !cs.connected[c] {
		return false
	}
	c.requests++
	cs.touch(c)
	return true
}

// end marks the end of a client's request.
func (cs *clients) end(c *client) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	c.requests--
	cs.touch(c)
}

func (cs *clients) remove(c *client) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	delete(cs.connected, c)
}
