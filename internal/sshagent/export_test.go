package sshagent

const MaxClients = maxClients

type (
	Clients = clients
	Client  = client
)

func (cs *clients) Admit(c *client) (*client, bool) { return cs.admit(c) }
func (cs *clients) Begin(c *client) bool            { return cs.begin(c) }
func (cs *clients) End(c *client)                   { cs.end(c) }
func (cs *clients) Remove(c *client)                { cs.remove(c) }

// Busy returns the number of clients with a request in progress.
func (a *Agent) Busy() (n int) {
	a.clients.mu.Lock()
	defer a.clients.mu.Unlock()
	for c := range a.clients.connected {
		if c.requests > 0 {
			n++
		}
	}
	return n
}
