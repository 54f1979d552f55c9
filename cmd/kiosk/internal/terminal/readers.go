package terminal

import (
	"maps"
	"slices"

	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/mykey/message"
	"github.com/mykeykit/mykeykit/reader"
)

// cardState says what a reader holds.
type cardState int

const (
	noCard  cardState = iota
	newCard           // is being probed, and does not count yet
	someCard
	unsureCard // could not be probed, and counts where no other does
	otherCard  // is no My Number Card and nobody's, as B-CAS cards and SAMs are for ever
)

// seen takes an event of the readers.
func (t *Terminal) seen(e reader.Event) {
	switch e.Kind {
	case reader.ServiceDown:
		t.service = reader.ErrNoService
		clear(t.cards)
	case reader.ServiceUp:
		t.service = nil
	case reader.ReaderAdded:
		t.cards[e.Reader] = noCard
		if t.visit != nil {
			t.visit.plugged[e.Reader] = true
		}
	case reader.CardRemoved:
		t.cards[e.Reader] = noCard
	case reader.ReaderRemoved:
		delete(t.cards, e.Reader)
	case reader.CardInserted:
		t.cards[e.Reader] = someCard
		t.came[e.Reader]++
		if t.config.Reader == "" && (t.visit == nil || t.visit.card != "" || t.visit.plugged[e.Reader]) {
			t.probe(e.Reader)
		}
	}
	if t.cards[t.left] == noCard {
		t.left = ""
	}
	t.settle()
}

// probe finds out whether a card is anybody's. Until then it does not count.
func (t *Terminal) probe(name string) {
	t.cards[name] = newCard
	ctx, came := t.life, t.came[name]
	go func() {
		accepted, err := reader.ProbeCard(ctx, t.config.Driver, name, jpki.Present)
		select {
		case t.results <- result{nil, func() { t.probed(name, came, accepted, err) }}:
		case <-ctx.Done():
		}
	}()
}

// probed takes what a probe found out, if the card is still there.
func (t *Terminal) probed(name string, came int, accepted bool, err error) {
	if t.cards[name] != newCard || t.came[name] != came {
		return
	}
	v := t.visit
	switch {
	case accepted && v != nil && v.wrong: // the visitor has found the right one
		t.cards[v.card], t.cards[name] = otherCard, someCard
		v.card, v.wrong, v.lastTry = name, false, false
		t.check()
		return
	case accepted:
		t.cards[name] = someCard
	case err != nil:
		t.cards[name] = unsureCard
	default:
		t.cards[name] = otherCard
		t.log("ignored", message.NotMyNumberCard)
	}
	t.settle()
}

// card is the reader that holds a card, or why there is none to speak of.
func (t *Terminal) card() (name string, err error) {
	names := slices.Sorted(maps.Keys(t.cards))
	if t.config.Reader != "" && t.service == nil && len(names) > 0 {
		full, err := reader.FullName(names, t.config.Reader)
		if err != nil {
			return "", err
		}
		names = []string{full}
	}
	var holding, unsure []string
	for _, name := range names {
		switch t.cards[name] {
		case someCard:
			holding = append(holding, name)
		case unsureCard:
			unsure = append(unsure, name)
		}
	}
	if len(holding) == 0 {
		holding = unsure
	}
	switch {
	case t.service != nil:
		return "", t.service
	case len(names) == 0:
		return "", reader.ErrNoReader
	case len(holding) > 1:
		return "", &reader.AmbiguousError{Readers: holding}
	case len(holding) == 1:
		return holding[0], nil
	}
	return "", nil
}

// settle looks whether what is shown still fits the readers.
func (t *Terminal) settle() {
	name, err := t.card()
	v := t.visit
	switch {
	case v != nil && v.card != "" && t.cards[v.card] == noCard:
		t.gone()
	case err != nil: // also a second card, whosever it is
		t.forget()
		t.stop(err)
	case v == nil && t.screen.Screen != Cleared && t.screen.Screen != Welcome:
		t.rest()
	case v != nil && v.card == "" && name != "":
		v.card = name
		t.check()
	}
}
