package main

import (
	"context"
	"encoding/json"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/cli"
	"github.com/mykeykit/mykeykit/internal/clitest"
	"github.com/mykeykit/mykeykit/reader"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// withReaders returns a driver with readers, each given as "NAME=PROFILE"; the reader is
// empty if there is no profile.
func withReaders(t *testing.T, cards ...string) (*simulator.Driver, map[string]*simulator.Reader) {
	t.Helper()
	driver, slots := simulator.New(), map[string]*simulator.Reader{}
	for _, card := range cards {
		name, profile, _ := strings.Cut(card, "=")
		slots[name] = driver.AddReader(name)
		if profile != "" {
			card, err := simulator.NewCard(simulator.Profile(profile), simulator.WithInsecureSeed(simulatorSeed), simulator.WithClock(func() time.Time { return today }))
			require.NoError(t, err)
			require.NoError(t, slots[name].Insert(card))
		}
	}
	return driver, slots
}

// No command is disturbed by cards of other kinds in other readers.
//
// Faults: F71.
func TestCommandsIgnoreOtherCards(t *testing.T) {
	for _, args := range [][]string{
		{}, {"retries"}, {"cert"}, {"ssh-key"}, {"doctor"}, idArgs(t, "--pin-stdin"), {"--wait", "1m"}, {"--reader", "pasori"},
	} {
		driver, _ := withReaders(t, "B-CAS=not-my-number", "Sony PaSoRi=contact", "Empty=", "TPM=not-my-number")
		o := runner{driver: driver, stdin: "1234\n", system: machine(nil)}.run(t, append(args, "--json")...)
		assert.Zero(t, o.exit, "%v: %s", args, o.stderr)
	}
}

// If no card is a My Number Card, the failure lists every reader with the cause.
//
// Faults: F71.
func TestNoMyNumberCardAmongSeveral(t *testing.T) {
	t.Parallel() // it mostly waits
	driver, slots := withReaders(t, "B-CAS\x1b=not-my-number", "TPM=not-my-number")
	for _, args := range [][]string{nil, {"--wait", "2s"}} { // long enough to probe both on a busy machine
		o := runner{driver: driver}.run(t, append(args, "--lang=en")...)
		assert.Equal(t, 5, o.exit)
		assert.Contains(t, o.stderr, "card-info: None of the cards in the readers is a My Number Card.")
		assert.Contains(t, o.stderr, "\n    B-CAS?\n    TPM\n")
		assert.Contains(t, o.stderr, "[NOT_MYNUMBER_CARD]")
	}
	slots["TPM"].AddFault(simulator.Fault{On: simulator.Connect, Do: simulator.FailBefore(reader.ErrBusy)})
	o := runner{driver: driver}.run(t, "--lang=en")
	assert.Equal(t, 5, o.exit)
	assert.Contains(t, o.stderr, "No My Number Card was found.")
	assert.Contains(t, o.stderr, "Another program is using the card.")
	clitest.Fits(t, o.stderr)
	found, _ := diagnose(t, runner{driver: driver, system: machine(nil)})
	assert.Equal(t, "ok ok ok -- ok ng --", marksOf(found))
}

// --trace shows what a probe sends.
//
// Faults: F71.
func TestTraceShowsProbes(t *testing.T) {
	driver, _ := withReaders(t, "B-CAS=not-my-number", "PaSoRi=contact")
	o := runner{driver: driver}.run(t, "retries", "--trace")
	require.Zero(t, o.exit)
	assert.Equal(t, 3, strings.Count(o.stderr, "> 00A4040C 0A D392F000260100000001"), o.stderr)
}

// --reader accepts a part of a name, in upper or lower case. A failure lists the names.
//
// Faults: F72.
func TestReaderByAPartOfItsName(t *testing.T) {
	driver, _ := withReaders(t, "ACS ACR122U 00 00=contact", "ACS ACR122U 01 00=contact", "Sony PaSoRi\x1b=contact")
	d := runner{driver: driver}
	for _, tt := range []struct {
		reader string
		exit   int
		code   string
		want   []string
	}{
		{"pasori", 0, "", []string{"Sony PaSoRi?"}},
		{"ACS ACR122U 01 00", 0, "", []string{"ACS ACR122U 01 00"}},
		{"acr122u 01", 0, "", []string{"ACS ACR122U 01 00"}},
		{"acs", 2, "SEVERAL_READERS", []string{"ACS ACR122U 00 00", "ACS ACR122U 01 00"}},
		{"SCM", 3, "READER_NOT_FOUND", []string{"ACS ACR122U 00 00", "ACS ACR122U 01 00", "Sony PaSoRi?"}},
	} {
		for _, language := range []string{"en", "ja"} {
			o := d.run(t, "--reader", tt.reader, "--lang", language)
			assert.Equal(t, tt.exit, o.exit, tt.reader)
			for _, name := range tt.want {
				assert.Contains(t, o.stdout+o.stderr, name)
			}
			assert.NotContains(t, o.stdout+o.stderr, "\x1b")
		}
		if tt.code != "" {
			o := d.run(t, "--reader", tt.reader, "--json")
			var failure struct{ Error struct{ Code, Detail string } }
			require.NoError(t, json.Unmarshal([]byte(o.stderr), &failure))
			assert.Equal(t, tt.code, failure.Error.Code)
			for _, name := range tt.want[:2] { // JSON escapes the third
				assert.Contains(t, failure.Error.Detail, name)
			}
		}
	}
}

// scripted is a driver whose Watch yields these events.
type scripted struct {
	reader.Driver
	events []reader.Event
}

func (s scripted) Watch(context.Context) iter.Seq2[reader.Event, error] {
	return func(yield func(reader.Event, error) bool) {
		for _, e := range s.events {
			if !yield(e, nil) {
				return
			}
		}
	}
}

// watch shows only the events of the reader that --reader names.
//
// Faults: F72.
func TestWatchByAPartOfAReaderName(t *testing.T) {
	added := func(name string) reader.Event { return reader.Event{Kind: reader.ReaderAdded, Reader: name} }
	removed := func(name string) reader.Event { return reader.Event{Kind: reader.ReaderRemoved, Reader: name} }
	inserted := func(name string) reader.Event { return reader.Event{Kind: reader.CardInserted, Reader: name} }
	for _, tt := range []struct {
		name, reader string
		there        []string
		events       []reader.Event
		shown        []string
	}{
		{"a part", "pasori", []string{"Sony PaSoRi", "ACS"},
			[]reader.Event{added("Sony PaSoRi"), added("ACS"), inserted("ACS"), inserted("Sony PaSoRi")},
			[]string{"reader-added Sony PaSoRi", "card-inserted Sony PaSoRi"}},
		{"exact before a part", "ACS", []string{"ACS 2", "ACS"},
			[]reader.Event{added("ACS 2"), added("ACS"), inserted("ACS 2"), inserted("ACS")},
			[]string{"reader-added ACS", "card-inserted ACS"}},
		{"one that comes later", "acs", nil,
			[]reader.Event{{Kind: reader.ServiceDown}, {Kind: reader.ServiceUp}, added("Sony"), added("ACS"), inserted("ACS")},
			[]string{"service-down ", "service-up ", "reader-added ACS", "card-inserted ACS"}},
		{"a second that comes later", "acs", []string{"ACS"},
			[]reader.Event{added("ACS"), added("ACS 2"), inserted("ACS 2"), inserted("ACS"), removed("ACS"), inserted("ACS 2")},
			[]string{"reader-added ACS", "card-inserted ACS", "reader-removed ACS", "card-inserted ACS 2"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			driver, _ := withReaders(t, tt.there...)
			var shown strings.Builder
			exit, stderr := watching(context.Background(), scripted{driver, tt.events}, &shown, "--json", "--reader", tt.reader)
			require.Zero(t, exit, stderr)
			var seen []string
			for decoder := json.NewDecoder(strings.NewReader(shown.String())); decoder.More(); {
				var event watchedEvent
				require.NoError(t, decoder.Decode(&event))
				seen = append(seen, event.Event+" "+event.Reader)
			}
			assert.Equal(t, tt.shown, seen)
		})
	}
	driver, _ := withReaders(t, "ACS 1", "ACS 2")
	exit, stderr := watching(context.Background(), driver, &strings.Builder{}, "--reader", "acs")
	assert.Equal(t, 2, exit)
	assert.Contains(t, stderr, "[SEVERAL_READERS]")
}

// The agent forgets its key when the card is removed from the reader in which it was
// read, whether --reader names it or not.
//
// Faults: F71, F72.
func TestAgentForgetsOnlyTheCardInItsReader(t *testing.T) {
	for _, tt := range []struct {
		event   reader.Event
		forgets bool
	}{
		{reader.Event{Kind: reader.CardRemoved, Reader: "Sony PaSoRi"}, true},
		{reader.Event{Kind: reader.ReaderRemoved, Reader: "Sony PaSoRi"}, true},
		{reader.Event{Kind: reader.ServiceDown}, true},
		{reader.Event{Kind: reader.CardRemoved, Reader: "YubiKey"}, false},
		{reader.Event{Kind: reader.ReaderRemoved, Reader: "YubiKey"}, false},
		{reader.Event{Kind: reader.CardInserted, Reader: "Sony PaSoRi"}, false},
	} {
		for _, named := range []string{"", "pasori"} {
			driver, _ := withReaders(t, "Sony PaSoRi=contact", "YubiKey=not-my-number")
			p := &program{environment: environment{driver: driver}, Console: &cli.Console{}, reader: named}
			card, err := p.connectToSign(t.Context(), p.reader)
			require.NoError(t, err)
			require.NoError(t, card.Close())
			assert.Equal(t, tt.forgets, p.removesCard(tt.event), "%v", tt.event)
		}
	}
}

// A probe does not cut the power of a card of another kind, so another program's session
// with it continues.
//
// Faults: F71.
func TestOtherCardsKeepTheirPower(t *testing.T) {
	driver, _ := withCards(t, simulator.NotMyNumber, simulator.Contact)
	readers, err := driver.Readers(t.Context())
	require.NoError(t, err)
	session, err := driver.Connect(t.Context(), readers[0].Name)
	require.NoError(t, err)
	o := runner{driver: driver}.run(t, "retries")
	require.Zero(t, o.exit, o.stderr)
	_, err = session.Transmit(t.Context(), []byte{0x00, 0xA4, 0x00, 0x00})
	assert.NoError(t, err, "neither reset nor unpowered")
	require.NoError(t, session.Close())
}
