package reader

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/mykeykit/mykeykit/apdu"
)

const (
	// probeWithin bounds the probe of one card, since another program may hold a
	// transaction with it.
	probeWithin = 3 * time.Second
	// probeAgain is the interval at which a card is probed again after its probe
	// failed. No event reports that another program has released a card.
	probeAgain = time.Second
)

// Probe reports whether a connected card is one that the program looks for, as
// jpki.Present does for My Number Cards. It must not send a secret, and it must be
// safe for concurrent use: several cards are probed at the same time.
type Probe func(ctx context.Context, card apdu.Transmitter) (bool, error)

// PowerKeeper is an optional interface of a [Card]. The cards of packages pcsc and
// simulator implement it, even when wrapped by [Trace].
type PowerKeeper interface {
	// KeepPower keeps the card powered when the connection ends, unless a command
	// with a secret was sent. Use it for cards that other programs use.
	KeepPower()
}

// ProbeCard reports whether probe accepts the card in the named reader. It leaves the
// card powered. After 3 seconds it gives up and fails with [ErrBusy].
func ProbeCard(ctx context.Context, d Driver, name string, probe Probe) (accepted bool, err error) {
	within, cancel := context.WithTimeout(ctx, probeWithin)
	defer cancel()
	for range 2 { // a second time if another program reset the card during the first
		if accepted, err = probeOnce(within, d, name, probe); !errors.Is(err, ErrChanged) {
			break
		}
	}
	switch {
	case err != nil && ctx.Err() == nil && within.Err() != nil:
		err = fmt.Errorf("reader %q: %w: no answer within %s", name, ErrBusy, probeWithin)
	case err != nil:
		err = fmt.Errorf("reader %q: %w", name, err)
	}
	return accepted && err == nil, err
}

func probeOnce(ctx context.Context, d Driver, name string, probe Probe) (bool, error) {
	card, err := d.Connect(ctx, name)
	if err != nil {
		return false, err
	}
	defer card.Close()
	if keeper, ok := card.(PowerKeeper); ok {
		keeper.KeepPower()
	}
	return probe(ctx, card)
}

// result is the result of a probe.
type result struct {
	accepted bool
	err      error     // why the probe failed
	at       time.Time // zero if the card was not probed
}

// cardLeft reports whether the probe failed because the card was no longer there.
func (p result) cardLeft() bool {
	return errors.Is(p.err, ErrNoCard) || errors.Is(p.err, ErrRemoved) || errors.Is(p.err, ErrUnknownReader)
}

// probeAll probes, concurrently, the cards that were not probed yet and then those
// whose probe failed a while ago.
func (s *search) probeAll(ctx context.Context, holding []Reader) {
	if s.results == nil {
		s.results = map[string]result{}
	}
	s.probeDue(ctx, holding, func(p result) bool { return p.at.IsZero() })
	s.probeDue(ctx, holding, func(p result) bool { return p.err != nil && time.Since(p.at) >= probeAgain })
}

func (s *search) probeDue(ctx context.Context, holding []Reader, isDue func(result) bool) {
	var due []Reader
	for _, r := range holding {
		if isDue(s.results[r.Name]) {
			due = append(due, r)
		}
	}
	var mu sync.Mutex
	var probes sync.WaitGroup
	for _, r := range due {
		probes.Go(func() {
			accepted, err := ProbeCard(ctx, s.driver, r.Name, s.probe)
			mu.Lock()
			defer mu.Unlock()
			s.results[r.Name] = result{accepted, err, time.Now()}
		})
	}
	probes.Wait()
}

// ErrNoMatch reports that there are cards but the probe accepted none of them.
var ErrNoMatch = errors.New("no matching card")

// NoMatchError reports that the probe accepted no card. It unwraps to [ErrNoMatch] and
// to the errors of the probes that failed.
type NoMatchError struct {
	Rejected []string // the readers whose cards the probe rejected
	Causes   []error  // why other cards could not be probed
}

func (e *NoMatchError) Error() string {
	text := ErrNoMatch.Error()
	if len(e.Rejected) > 0 {
		text += fmt.Sprintf(": rejected the cards in %q", e.Rejected)
	}
	for _, cause := range e.Causes {
		text += "; " + cause.Error()
	}
	return text
}

// Unwrap returns ErrNoMatch and the causes.
func (e *NoMatchError) Unwrap() []error { return append([]error{ErrNoMatch}, e.Causes...) }
