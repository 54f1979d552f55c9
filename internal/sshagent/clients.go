package sshagent

import (
	"net"
	"sync"
)

// maxClients bounds the clients that are served at a time: a desktop has a few
// logins at once, and a loop that leaves its connections open has an end.
const maxClients = 64

// client is a connection, and what is known of who is at its other end.
type client struct {
	bindings
	conn    net.Conn
	process Process

	requests int    // under way
	since    uint64 // when it last asked for something, or came
}

// clients are those who are connected. The zero clients is empty.
type clients struct {
	mu   sync.Mutex
	now  uint64 // counts what happens
	here map[*client]bool
}

// admit lets a client in. If there are too many, the one that was idle longest makes
// room, and is returned to be closed; where none is idle, the new one is refused.
func (cs *clients) admit(c *client) (closed *client, admitted bool) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if len(cs.here) >= maxClients {
		for other := range cs.here {
			if other.requests == 0 && (closed == nil || other.since < closed.since) {
				closed = other
			}
		}
		if closed == nil {
			return nil, false
		}
		delete(cs.here, closed)
	}
	if cs.here == nil {
		cs.here = map[*client]bool{}
	}
	cs.here[c] = true
	cs.touch(c)
	return closed, true
}

func (cs *clients) touch(c *client) {
	cs.now++
	c.since = cs.now
}

// begin marks a request of the client as under way, unless the client had to make
// room.
func (cs *clients) begin(c *client) bool {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if !cs.here[c] {
		return false
	}
	c.requests++
	cs.touch(c)
	return true
}

func (cs *clients) end(c *client) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	c.requests--
	cs.touch(c)
}

func (cs *clients) remove(c *client) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	delete(cs.here, c)
}
