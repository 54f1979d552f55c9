// Package panel serves a control panel for testing a terminal without cards. It is a
// separate page that inserts simulated cards into simulated readers and removes them.
package panel

import (
	_ "embed"
	"html/template"
	"net/http"
	"sync"

	"github.com/mykeykit/mykeykit/mykey/message"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

//go:embed panel.html
var html string

var page = template.Must(template.New("panel").Parse(html))

// Panel serves the control panel at a loopback host:port.
type Panel struct {
	host   string
	driver *simulator.Driver
	make   func(simulator.Profile) (*simulator.Card, error)

	mu       sync.Mutex
	language message.Language
	readers  []*simulator.Reader // nil if unplugged
	names    []string
	stopped  bool
	cards    map[simulator.Profile]*simulator.Card
}

// New returns a panel for a driver and adds a reader to the driver. The panel calls make
// to create the card of a profile on first use; a card that is removed and inserted
// again is the same card.
func New(host string, driver *simulator.Driver, language message.Language, make func(simulator.Profile) (*simulator.Card, error)) *Panel {
	p := &Panel{host: host, driver: driver, language: language, make: make, cards: map[simulator.Profile]*simulator.Card{}}
	p.names = []string{"Simulated Reader"}
	for _, name := range p.names {
		p.readers = append(p.readers, driver.AddReader(name))
	}
	return p
}

// URL returns the URL of the panel.
func (p *Panel) URL() string { return "http://" + p.host + "/" }

type state struct {
	Language message.Language
	Cards    []card
	Inside   bool
	Plugged  bool
	Stopped  bool
	Second   bool
}

type card struct {
	Profile simulator.Profile
	Name    string
}

// Say returns a text of the page.
func (s state) Say(name string) string { return texts[name].In(s.Language) }

// Printed returns verification number B of the cards, in its parts.
func (s state) Printed() string {
	return simulator.NumberB[:6] + " " + simulator.NumberB[6:10] + " " + simulator.NumberB[10:]
}

// ServeHTTP implements http.Handler.
func (p *Panel) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("Cache-Control", "no-store")
	if r.Host != p.host || r.URL.Path != "/" {
		http.NotFound(w, r)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	switch r.Method {
	case http.MethodGet:
		h.Set("Content-Type", "text/html; charset=utf-8")
		_ = page.Execute(w, p.state())
	case http.MethodPost:
		if r.Header.Get("Origin") != "http://"+p.host {
			http.Error(w, "the request comes from another page", http.StatusForbidden)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, 1<<10)
		if err := p.act(r.FormValue("do"), simulator.Profile(r.FormValue("card"))); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		http.Redirect(w, r, "/", http.StatusSeeOther)
	default:
		http.Error(w, "use GET or POST", http.StatusMethodNotAllowed)
	}
}

func (p *Panel) state() state {
	s := state{Language: p.language, Plugged: p.readers[0] != nil, Stopped: p.stopped, Second: len(p.readers) > 1}
	for _, profile := range simulator.Profiles() {
		s.Cards = append(s.Cards, card{profile, profiles[profile].In(p.language)})
	}
	s.Inside = s.Plugged && p.readers[0].Card() != nil
	return s
}

// act performs the action of a button.
func (p *Panel) act(do string, profile simulator.Profile) error {
	slot := p.readers[0]
	switch {
	case do == "insert" && slot != nil:
		card, err := p.card(profile)
		if err != nil {
			return err
		}
		slot.Remove()
		return slot.Insert(card)
	case do == "remove" && slot != nil:
		slot.Remove()
	case do == "unplug" && slot != nil:
		p.driver.RemoveReader(slot)
		p.readers[0] = nil
	case do == "plug" && slot == nil:
		p.readers[0] = p.driver.AddReader(p.names[0])
	case do == "language" && p.language == message.Japanese:
		p.language = message.English
	case do == "language":
		p.language = message.Japanese
	case do == "stop":
		p.stopped = true
		p.driver.StopService()
	case do == "run":
		p.stopped = false
		p.driver.StartService()
	case do == "second" && len(p.readers) == 1:
		second := p.driver.AddReader("Second Reader")
		p.readers = append(p.readers, second)
		card, err := p.make(simulator.Contact)
		if err != nil {
			return err
		}
		return second.Insert(card)
	case do == "no-second" && len(p.readers) > 1:
		p.driver.RemoveReader(p.readers[1])
		p.readers = p.readers[:1]
	}
	return nil
}

func (p *Panel) card(profile simulator.Profile) (*simulator.Card, error) {
	if card := p.cards[profile]; card != nil {
		return card, nil
	}
	card, err := p.make(profile)
	if err == nil {
		p.cards[profile] = card
	}
	return card, err
}
