package terminal

import (
	"maps"
	"slices"

	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/mykey/message"
	"github.com/mykeykit/mykeykit/reader"
)

// cardState says which card a reader holds.
type cardState int

const (
	noCard      cardState = iota
	probingCard           // ignored until it is probed
	usableCard
	unknownCard // could not be probed; used only if there is no usable card
	otherCard   // not a My Number Card, such as a B-CAS card or a SAM; ignored
)

// handleEvent handles a reader event.
func (t *Terminal) handleEvent(e reader.Event) {
	switch e.Kind {
	case reader.ServiceDown:
		t.serviceErr = reader.ErrNoService
		clear(t.cards)
	case reader.ServiceUp:
		t.serviceErr = nil
	case reader.ReaderAdded:
		t.cards[e.Reader] = noCard
		if t.visit != nil {
			t.visit.newReaders[e.Reader] = true
		}
	case reader.CardRemoved:
		t.cards[e.Reader] = noCard
	case reader.ReaderRemoved:
		delete(t.cards, e.Reader)
	case reader.CardInserted:
		t.cards[e.Reader] = usableCard
		t.insertions[e.Reader]++
		if t.config.Reader == "" && (t.visit == nil || t.visit.reader != "" || t.visit.newReaders[e.Reader]) {
			t.probe(e.Reader)
		}
	}
	if t.cards[t.cardToTake] == noCard {
		t.cardToTake = ""
	}
	t.reconcile()
}

// probe finds out whether a card is a My Number Card. The card is ignored until then.
func (t *Terminal) probe(name string) {
	t.cards[name] = probingCard
	ctx, insertion := t.runCtx, t.insertions[name]
	go func() {
		accepted, err := reader.ProbeCard(ctx, t.config.Driver, name, jpki.Present)
		t.post(func() { t.handleProbe(name, insertion, accepted, err) })
	}()
}

// handleProbe handles the result of a probe, if the card is still there.
func (t *Terminal) handleProbe(name string, insertion int, accepted bool, err error) {
	if t.cards[name] != probingCard || t.insertions[name] != insertion {
		return
	}
	v := t.visit
	switch {
	case accepted && v != nil && v.wrongCard: // it replaces the wrong card
		t.cards[v.reader], t.cards[name] = otherCard, usableCard
		v.reader, v.wrongCard, v.allowLastAttempt = name, false, false
		t.checkCard()
		return
	case accepted:
		t.cards[name] = usableCard
	case err != nil:
		t.cards[name] = unknownCard
	default:
		t.cards[name] = otherCard
		t.log("ignored", message.NotMyNumberCard)
	}
	t.reconcile()
}

// card returns the name of the reader with a card, "" if there is no card, or an error
// if there is no reader or more than one card.
func (t *Terminal) card() (name string, err error) {
	names := slices.Sorted(maps.Keys(t.cards))
	if t.config.Reader != "" && t.serviceErr == nil && len(names) > 0 {
		full, err := reader.FullName(names, t.config.Reader)
		if err != nil {
			return "", err
		}
		names = []string{full}
	}
	var usable, unknown []string
	for _, name := range names {
		switch t.cards[name] {
		case usableCard:
			usable = append(usable, name)
		case unknownCard:
			unknown = append(unknown, name)
		}
	}
	if len(usable) == 0 {
		usable = unknown
	}
	switch {
	case t.serviceErr != nil:
		return "", t.serviceErr
	case len(names) == 0:
		return "", reader.ErrNoReader
	case len(usable) > 1:
		return "", &reader.AmbiguousError{Readers: usable}
	case len(usable) == 1:
		return usable[0], nil
	}
	return "", nil
}

// reconcile updates the visit and the view after the readers have changed.
func (t *Terminal) reconcile() {
	name, err := t.card()
	v := t.visit
	switch {
	case v != nil && v.reader != "" && t.cards[v.reader] == noCard:
		t.handleCardTaken()
	case err != nil: // also if a second card was inserted
		t.endVisit()
		t.showProblem(err)
	case v == nil && t.screen.Screen != Cleared && t.screen.Screen != Welcome:
		t.showIdle()
	case v != nil && v.reader == "" && name != "":
		v.reader = name
		t.checkCard()
	}
}
