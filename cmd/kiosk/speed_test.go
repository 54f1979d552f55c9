package main

import (
	"crypto/x509"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/cmd/kiosk/internal/terminal"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/mykey/message"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// The terminal and the registry add little to the card's own time from the PIN to the
// identifier. The goal is 50 ms; the limit leaves room for a busy machine.
func TestTerminalOverhead(t *testing.T) {
	var certificates []*x509.Certificate
	var cards []*simulator.Card
	for n := range 5 { // new holders, whose recovery codes are hashed
		card, err := simulator.NewCard(simulator.Contact, simulator.WithInsecureSeed(fmt.Sprint("visitor ", n)))
		require.NoError(t, err)
		cards, certificates = append(cards, card), append(certificates, card.CACertificate())
	}
	s := newFixture(t, certificates...)
	do := func(a terminal.Action) {
		t.Helper()
		view, _ := s.terminal.View()
		a.Step = view.Step
		require.NoError(t, s.terminal.Do(t.Context(), a))
	}
	pin := func() jpki.PIN {
		p, err := jpki.ParsePIN([]byte(simulator.PIN))
		require.NoError(t, err)
		return p
	}
	elsewhere := simulator.New().AddReader("Reader")
	var added []time.Duration
	for _, card := range cards {
		require.NoError(t, elsewhere.Insert(card))
		connection, err := elsewhere.Driver().Connect(t.Context(), elsewhere.Name())
		require.NoError(t, err)
		start := time.Now()
		_, err = jpki.Authenticate(t.Context(), connection, pin(), jpki.TrustSimulator(card.CACertificate()))
		own := time.Since(start)
		require.NoError(t, err)
		require.NoError(t, connection.Close())
		elsewhere.Remove()

		do(terminal.Action{Name: terminal.Start, Language: message.Japanese})
		s.await(t, terminal.Place)
		require.NoError(t, s.slot.Insert(card))
		s.await(t, terminal.EnterPIN)
		start = time.Now()
		do(terminal.Action{Name: terminal.GivePIN, PIN: pin()})
		s.await(t, terminal.Result)
		added = append(added, time.Since(start)-own)
		do(terminal.Action{Name: terminal.Finish})
		s.slot.Remove()
		s.await(t, terminal.Welcome)
	}
	slices.Sort(added)
	t.Logf("from the PIN to the identifier the terminal adds %s, median of %d visits, %s at most",
		added[len(added)/2].Round(time.Millisecond), len(added), added[len(added)-1].Round(time.Millisecond))
	assert.Less(t, added[len(added)/2], 500*time.Millisecond)
}
