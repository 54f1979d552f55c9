package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/reader"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// steps is a standard output that calls the nth function when the nth line is written.
type steps struct {
	written bytes.Buffer
	do      []func()
}

func (s *steps) Write(b []byte) (int, error) {
	s.written.Write(b)
	if len(s.do) == 0 {
		return 0, io.ErrClosedPipe
	}
	s.do[0]()
	s.do = s.do[1:]
	return len(b), nil
}

func watching(ctx context.Context, driver reader.Driver, stdout io.Writer, args ...string) (exit int, stderr string) {
	var complaints bytes.Buffer
	exit = run(ctx, append([]string{"watch"}, args...), environment{
		stdin: strings.NewReader(""), stdout: stdout, stderr: &complaints, driver: driver,
		now: func() time.Time { return today }, getenv: func(string) string { return "" },
	})
	return exit, complaints.String()
}

func TestWatch(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	driver := simulator.New()
	slot := driver.AddReader("Reader\x1b")
	card, err := simulator.NewCard(simulator.Contact, simulator.WithInsecureSeed(simulatorSeed))
	require.NoError(t, err)
	nothing := func() {}
	s := &steps{do: []func(){
		func() { require.NoError(t, slot.Insert(card)) }, // reader-added
		func() { slot.Remove() },                         // card-inserted
		driver.StopService,                               // card-removed
		nothing,                                          // reader-removed
		driver.StartService,                              // service-down
		nothing,                                          // service-up
		cancel,                                           // reader-added
	}}
	exit, stderr := watching(ctx, driver, s, "--json")
	assert.Zero(t, exit, stderr)

	var seen []string
	decoder := json.NewDecoder(&s.written)
	for decoder.More() {
		var event watchedEvent
		require.NoError(t, decoder.Decode(&event))
		assert.Equal(t, "2026-11-21T12:00:00+09:00", event.Time)
		assert.NotContains(t, event.Reader, "\x1b")
		if event.Event == "card-inserted" {
			assert.Equal(t, "3BE000FF8131FE4514", event.ATR)
		}
		seen = append(seen, event.Event)
	}
	assert.Equal(t, []string{
		"reader-added", "card-inserted", "card-removed", "reader-removed", "service-down", "service-up", "reader-added",
	}, seen)
}

func TestWatchAsText(t *testing.T) {
	for language, want := range map[string]string{
		"ja": "カードリーダーがつながりました: Reader 2\n", "en": "reader connected: Reader 2\n",
	} {
		ctx, cancel := context.WithCancel(context.Background())
		driver, _ := withCards(t, simulator.Contact, simulator.Contact)
		s := &steps{do: []func(){func() {}, cancel}}
		exit, stderr := watching(ctx, driver, s, "--lang", language, "--reader", "Reader 2")
		assert.Zero(t, exit, stderr)
		first, err := s.written.ReadString('\n')
		require.NoError(t, err)
		assert.True(t, strings.HasSuffix(first, want), first)
	}
}

func TestWatchEndsWhenOutputFails(t *testing.T) {
	driver, _ := withCards(t, simulator.Contact)
	exit, stderr := watching(context.Background(), driver, &steps{})
	assert.Equal(t, 1, exit)
	assert.Contains(t, stderr, "[OUTPUT]")
}
