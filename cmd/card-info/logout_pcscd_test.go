//go:build cgo

package main

import (
	"bufio"
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/apdu"
	"github.com/mykeykit/mykeykit/internal/cli"
	"github.com/mykeykit/mykeykit/internal/pcscdtest"
	"github.com/mykeykit/mykeykit/reader/simulator"
	"github.com/mykeykit/mykeykit/reader/simulator/vpcd"
)

// startIdleConnection runs a program that keeps a connection to the card in the first reader
// until the test ends.
func (b bench) startIdleConnection(t *testing.T) {
	t.Helper()
	idle := b.program(pcscdtest.Readers[0])
	idle.Args[0] = "idle-connection"
	stdin, err := idle.StdinPipe()
	require.NoError(t, err)
	stdout, err := idle.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, idle.Start())
	t.Cleanup(func() {
		stdin.Close()
		require.NoError(t, idle.Wait())
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "connected\n", line)
}

// A program is killed between VERIFY and logging out while another has an idle
// connection: the card stays unlocked for any program until logout logs it out.
//
// Faults: F93.
func TestLogoutAfterAProgramWasKilledThroughPCSCD(t *testing.T) {
	b := newBench(t)
	card := b.insert(t, simulator.Contact)

	b.startIdleConnection(t)
	verified, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	hold := func(c apdu.Command) bool {
		if c.INS == apdu.InsPerformSecurityOperation {
			once.Do(func() {
				close(verified)
				<-release
			})
		}
		return false
	}
	card.mu.Lock()
	card.before = hold
	card.mu.Unlock()
	id := b.program(idArgs(t, "--pin-stdin")...)
	id.Stdin = strings.NewReader("1234\n")
	require.NoError(t, id.Start())
	select {
	case <-verified:
	case <-time.After(time.Minute):
		require.FailNow(t, "no signature was asked for")
	}
	require.True(t, card.State().AuthVerified)

	// While the program uses the card, no other program can.
	start := time.Now()
	o := b.cardInfo(t, "", "logout", "--json")
	assert.Equal(t, cli.ExitFailed, o.exit, o.stderr)
	assert.Equal(t, map[string]logoutResult{pcscdtest.Readers[0]: logoutBusy}, logoutResults(t, o))
	code, _ := failureOf(t, o)
	assert.Equal(t, "READER_BUSY", code)
	assert.Less(t, time.Since(start), time.Minute)

	require.NoError(t, id.Process.Kill())
	_ = id.Wait()
	close(release)
	require.Contains(t, b.signWithoutPIN(t), "SW1=0x90, SW2=0x00", "another program signs")
	require.True(t, card.State().AuthVerified)

	o = b.cardInfo(t, "", "logout", "--json")
	require.Zero(t, o.exit, o.stderr)
	assert.Equal(t, map[string]logoutResult{pcscdtest.Readers[0]: logoutDone}, logoutResults(t, o))
	assert.False(t, card.State().AuthVerified)
	assert.Contains(t, b.signWithoutPIN(t), "SW1=0x69, SW2=0x82")
	assert.Equal(t, 1, card.sent())
	assert.Equal(t, 3, card.State().AuthAttempts)
}

// A card that is removed during the command that logs it out has lost its power, so the
// identifier is printed.
//
// Faults: F75.
func TestCardPulledWhileItIsLoggedOutThroughPCSCD(t *testing.T) {
	b := newBench(t)
	card, err := simulator.NewCard(simulator.Contact, simulator.WithInsecureSeed(simulatorSeed))
	require.NoError(t, err)
	ctx, pull := context.WithCancel(context.Background())
	w := &observedCard{Card: card, before: func(c apdu.Command) bool {
		if c.INS == apdu.InsSelect && c.Data()[0] == 0xA0 && card.State().AuthVerified {
			pull()
		}
		return ctx.Err() != nil
	}}
	var ended sync.WaitGroup
	ended.Go(func() { _ = vpcd.Serve(ctx, b.daemon.Address(0), w, nil) })
	b.await(t, pcscdtest.Readers[0], true)
	o := b.cardInfo(t, "1234\n", idArgs(t, "--pin-stdin", "--json")...)
	assert.Zero(t, o.exit, o.stderr)
	assert.Contains(t, o.stdout, "mykey_id")
	assert.Empty(t, o.stderr)
	assert.ErrorIs(t, ctx.Err(), context.Canceled, "pulled")
	pull()
	ended.Wait()
}
