package counter_test

import (
	"bytes"
	"context"
	"errors"
	"image"
	_ "image/png"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/cmd/kiosk/internal/counter"
	"github.com/mykeykit/mykeykit/internal/hidden"
	"github.com/mykeykit/mykeykit/internal/surfacetest"
	"github.com/mykeykit/mykeykit/mykey/message"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// fixture is a counter with one simulated reader and its own clock.
type fixture struct {
	t       *testing.T
	driver  *simulator.Driver
	slot    *simulator.Reader
	counter *counter.Counter
	stop    func() // stops the counter; idempotent

	mu       sync.Mutex
	log      []string
	kept     []counter.Record
	diskFull bool
}

func (s *fixture) keep(r counter.Record) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.diskFull {
		return errors.New("no space")
	}
	s.kept = append(s.kept, r)
	return nil
}

func newCard(t *testing.T, profile simulator.Profile, options ...simulator.Option) *simulator.Card {
	t.Helper()
	card, err := simulator.NewCard(profile, append(options, simulator.WithInsecureSeed("kiosk"), simulator.WithClock(time.Now))...)
	require.NoError(t, err)
	return card
}

// withCounter runs a test with a counter that keeps records, unless change says otherwise.
func withCounter(t *testing.T, profile simulator.Profile, change func(*counter.Config), test func(s *fixture, card *simulator.Card)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { runCounter(t, newCard(t, profile), change, test) })
}

func runCounter(t *testing.T, card *simulator.Card, change func(*counter.Config), test func(s *fixture, card *simulator.Card)) {
	t.Helper()
	s := &fixture{driver: simulator.New()}
	config := counter.Config{
		Driver: s.driver, Policy: surfacetest.Policy(t, card), Language: message.Japanese, Keep: s.keep,
		Log: func(event string, code message.Code) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.log = append(s.log, event+" "+string(code))
		},
	}
	if change != nil {
		change(&config)
	}
	s.t, s.slot, s.counter = t, s.driver.AddReader("Reader"), counter.New(config)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- s.counter.Run(ctx) }()
	s.stop = sync.OnceFunc(func() {
		cancel()
		require.ErrorIs(t, <-ended, context.Canceled)
	})
	synctest.Wait()
	test(s, card)
	s.stop()
	synctest.Wait()
	assert.False(t, card.State().Unlocked, "still unlocked")
	connections, _ := s.slot.InUse()
	assert.Zero(t, connections)
}

func (s *fixture) shows(screen counter.Screen) counter.View {
	s.t.Helper()
	synctest.Wait()
	v, _ := s.counter.View()
	require.Equal(s.t, screen, v.Screen, "%+v", v.Notice)
	return v
}

func (s *fixture) do(a counter.Action) error {
	synctest.Wait()
	v, _ := s.counter.View()
	a.Step = v.Step
	return s.counter.Do(a)
}

func (s *fixture) press(name string) {
	s.t.Helper()
	require.NoError(s.t, s.do(counter.Action{Name: name}))
}

// enter types the fields of a number.
func (s *fixture) enter(fields ...string) {
	s.t.Helper()
	s.shows(counter.Number)
	require.NoError(s.t, s.do(counter.Action{Name: counter.EnterNumber, Entry: entry(fields...)}))
}

func entry(fields ...string) counter.Entry {
	var typed [][]byte
	for _, f := range fields {
		typed = append(typed, []byte(f))
	}
	return counter.ParseEntry(typed)
}

// printed is what is printed on the default persona's card.
var printed = []string{"60", "4", "1", "2035", "5678"}

// size returns the width and height of a PNG.
func size(t *testing.T, picture hidden.Bytes) (size image.Point) {
	t.Helper()
	picture.Use(func(file []byte) {
		config, _, err := image.DecodeConfig(bytes.NewReader(file))
		require.NoError(t, err)
		size = image.Pt(config.Width, config.Height)
	})
	return size
}
