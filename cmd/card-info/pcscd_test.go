//go:build cgo

package main

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/apdu"
	"github.com/mykeykit/mykeykit/internal/cli"
	"github.com/mykeykit/mykeykit/internal/pcscdtest"
	"github.com/mykeykit/mykeykit/jpki/trust"
	"github.com/mykeykit/mykeykit/reader/simulator"
	"github.com/mykeykit/mykeykit/reader/simulator/vpcd"
)

// With every profile, JSON and exit codes through a real pcscd are the same as in process.
func TestProfilesThroughPCSCD(t *testing.T) {
	b := newBench(t)
	for _, profile := range simulator.Profiles() {
		t.Run(string(profile), func(t *testing.T) {
			card := b.insert(t, profile)
			attempts := card.State().AuthAttempts
			for _, args := range [][]string{{"--json"}, {"retries", "--json"}, {"cert"}, {"cert", "--ca"}, idArgs(t, "--pin-stdin", "--json")} {
				real := b.cardInfo(t, "1234\n", args...)
				simulated := runner{stdin: "1234\n"}.run(t, append(args, "--simulator", string(profile))...)
				assert.Equal(t, simulated.exit, real.exit, "%v: %s", args, real.stderr)
				assert.Equal(t, simulated.stdout == "", real.stdout == "", args)
				if strings.HasPrefix(real.stdout, "{") {
					assert.JSONEq(t, withoutTimes(simulated.stdout), withoutTimes(strings.Replace(real.stdout, pcscdtest.Readers[0], simulatedReader, 1)))
				}
				if simulated.exit != 0 && args[len(args)-1] == "--json" {
					wanted, _ := failureOf(t, simulated)
					code, _ := failureOf(t, real)
					assert.Equal(t, wanted, code)
				}
			}
			if attempts > 1 && profile != simulator.NotMyNumber {
				assert.Equal(t, 3, card.State().AuthAttempts)
			}
			assert.False(t, card.State().AuthVerified)
		})
		b.await(t, pcscdtest.Readers[0], false)
	}
}

// withoutTimes removes values that depend on the current time or on --simulator.
func withoutTimes(text string) string {
	var object map[string]any
	if json.Unmarshal([]byte(text), &object) != nil {
		return text
	}
	if c, ok := object["auth_certificate"].(map[string]any); ok {
		delete(c, "not_before")
		delete(c, "not_after")
	}
	delete(object, "valid_until")
	delete(object, "chain") // the simulator's CA is trusted only with --simulator
	if a, ok := object["assurance"].(map[string]any); ok {
		delete(a, "chain")
	}
	b, _ := json.Marshal(object)
	return string(b)
}

func TestPINsThroughPCSCD(t *testing.T) {
	b := newBench(t)
	card := b.insert(t, simulator.Contact)
	id := func(pin string, more ...string) outcome {
		return b.cardInfo(t, pin+"\n", append(idArgs(t, "--pin-stdin", "--json"), more...)...)
	}
	assert.Equal(t, 2, id("12345").exit)
	assert.Equal(t, 0, card.sent())

	o := id("9999")
	assert.Equal(t, 6, o.exit)
	_, remaining := failureOf(t, o)
	assert.Equal(t, 2, *remaining)
	assert.Equal(t, 1, card.sent())

	assert.Equal(t, 6, id("9999").exit)
	o = id("1234")
	assert.Equal(t, 6, o.exit, "one attempt left")
	code, _ := failureOf(t, o)
	assert.Equal(t, "PIN_LAST_TRY", code)
	assert.Equal(t, 2, card.sent())

	assert.Equal(t, 0, id("1234", "--allow-last-attempt").exit)
	assert.Equal(t, 3, card.State().AuthAttempts)
	assert.Equal(t, 3, card.sent())
}

// A simulated card in a reader is treated as a real card: its chain is unknown unless its
// CA certificate is given.
func TestTheChainThroughPCSCD(t *testing.T) {
	b := newBench(t)
	card := b.insert(t, simulator.ContactExtended)
	id := func(more ...string) outcome {
		return b.cardInfo(t, "1234\n", append(idArgs(t, "--pin-stdin", "--json"), more...)...)
	}
	o := id("--require-chain")
	assert.Equal(t, cli.ExitCertificate, o.exit)
	code, _ := failureOf(t, o)
	assert.Equal(t, "CHAIN_UNKNOWN", code)
	assert.Zero(t, card.sent())
	assert.Equal(t, trust.IssuerUnknown, chainOf(t, id()))
	assert.Equal(t, 1, card.sent())

	file := fileOf(t, b.cardInfo(t, "", "cert", "--ca").stdout)
	assert.Equal(t, trust.IssuerCaller, chainOf(t, b.cardInfo(t, "", "--json", "--ca-certificate", file)))
	assert.Equal(t, trust.IssuerCaller, chainOf(t, id("--require-chain", "--ca-certificate", file)))
	assert.Equal(t, 2, card.sent())
}

func TestReadersThroughPCSCD(t *testing.T) {
	b := newBench(t)
	assert.Equal(t, 4, b.cardInfo(t, "").exit, "no card")
	b.insert(t, simulator.Contact)
	second, err := simulator.NewCard(simulator.Contactless, simulator.WithInsecureSeed(simulatorSeed))
	require.NoError(t, err)
	defer b.daemon.Insert(1, second)()
	b.await(t, pcscdtest.Readers[1], true)

	o := b.cardInfo(t, "")
	assert.Equal(t, 2, o.exit)
	assert.Contains(t, o.stderr, pcscdtest.Readers[0])
	assert.Contains(t, o.stderr, pcscdtest.Readers[1])
	assert.Equal(t, 0, b.cardInfo(t, "", "--reader", pcscdtest.Readers[1]).exit)
	assert.Equal(t, 3, b.cardInfo(t, "", "--reader", "Another Reader").exit)

	b.daemon.Kill()
	o = b.cardInfo(t, "", "--json")
	assert.Equal(t, 3, o.exit)
	code, _ := failureOf(t, o)
	assert.Equal(t, "PCSC_UNAVAILABLE", code)
}

// The card is removed while it processes each command of id.
func TestCardPulledThroughPCSCD(t *testing.T) {
	b := newBench(t)
	for _, instruction := range []byte{apdu.InsSelect, apdu.InsVerify, apdu.InsReadBinary, apdu.InsPerformSecurityOperation} {
		card, err := simulator.NewCard(simulator.Contact, simulator.WithInsecureSeed(simulatorSeed))
		require.NoError(t, err)
		w := &observedCard{Card: card}
		ctx, pull := context.WithCancel(context.Background())
		var ended sync.WaitGroup
		ended.Go(func() { _ = vpcd.Serve(ctx, b.daemon.Address(0), w, nil) })
		b.await(t, pcscdtest.Readers[0], true)
		w.mu.Lock()
		w.before = func(c apdu.Command) bool {
			if c.INS == instruction {
				pull()
			}
			return ctx.Err() != nil
		}
		w.mu.Unlock()
		o := b.cardInfo(t, "1234\n", idArgs(t, "--pin-stdin", "--json")...)
		assert.Equal(t, 4, o.exit, "%02X: %s", instruction, o.stderr)
		assert.Empty(t, o.stdout)
		pull()
		ended.Wait()
		b.await(t, pcscdtest.Readers[0], false)
		assert.LessOrEqual(t, w.sent(), 1)
		assert.Equal(t, 3, card.State().AuthAttempts)
	}
}

// However id ends, another program gets no signature afterwards.
func TestNoSignatureForAnotherProgramThroughPCSCD(t *testing.T) {
	b := newBench(t)
	card := b.insert(t, simulator.Contact)
	id := func(pin string) *exec.Cmd {
		c := b.program(idArgs(t, "--pin-stdin")...)
		c.Stdin = strings.NewReader(pin + "\n")
		return c
	}
	refused := func(t *testing.T) {
		t.Helper()
		assert.Contains(t, b.signWithoutPIN(t), "SW1=0x69, SW2=0x82")
		assert.False(t, card.State().AuthVerified)
	}
	t.Run("after success", func(t *testing.T) {
		require.NoError(t, id("1234").Run())
		refused(t)
	})
	t.Run("after a wrong PIN", func(t *testing.T) {
		require.Error(t, id("9999").Run())
		refused(t)
	})
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT} {
		t.Run("killed after VERIFY by "+signal.String(), func(t *testing.T) {
			verified := make(chan struct{})
			release := make(chan struct{})
			var once sync.Once
			card.mu.Lock()
			card.before = func(c apdu.Command) bool {
				if c.INS == apdu.InsPerformSecurityOperation && len(c.Data()) > 16 {
					once.Do(func() {
						close(verified)
						<-release
					})
				}
				return false
			}
			card.mu.Unlock()
			c := id("1234")
			require.NoError(t, c.Start())
			<-verified
			require.True(t, card.State().AuthVerified)
			require.NoError(t, c.Process.Signal(signal))
			time.AfterFunc(300*time.Millisecond, func() { close(release) })
			require.Error(t, c.Wait())
			assert.Equal(t, 1, c.ProcessState.ExitCode(), "ended by itself, not by the signal")
			refused(t)
		})
	}
	t.Run("standard error is closed", func(t *testing.T) {
		read, write, err := os.Pipe()
		require.NoError(t, err)
		read.Close()
		c := b.program(idArgs(t, "--pin-stdin", "--trace")...)
		c.Stdin, c.Stderr = strings.NewReader("1234\n"), write
		require.NoError(t, c.Run())
		write.Close()
		refused(t)
	})
}

// simulate keeps the card inserted until it is interrupted.
func TestSimulateThroughPCSCD(t *testing.T) {
	b := newBench(t)
	c := b.program("simulate", "--profile", "last-try", "--vpcd", b.daemon.Address(0), "--lang", "en")
	stderr, err := c.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, c.Start())
	b.await(t, pcscdtest.Readers[0], true)
	assert.Contains(t, b.cardInfo(t, "", "retries", "--json").stdout, `"remaining":1`)

	b.daemon.Kill()
	require.NoError(t, b.daemon.Launch())
	b.await(t, pcscdtest.Readers[0], true) // simulate reconnects after the daemon's restart

	require.NoError(t, c.Process.Signal(os.Interrupt))
	text, _ := io.ReadAll(stderr)
	require.NoError(t, c.Wait())
	assert.Equal(t, 2, strings.Count(string(text), "Simulated card last-try inserted"))
	b.await(t, pcscdtest.Readers[0], false)
}

// watch continues after the daemon was killed and started again.
func TestWatchThroughPCSCD(t *testing.T) {
	b := newBench(t)
	c := b.program("watch", "--json")
	stdout, err := c.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, c.Start())
	events := make(chan watchedEvent)
	go func() {
		defer close(events)
		decoder := json.NewDecoder(stdout)
		for {
			var event watchedEvent
			if decoder.Decode(&event) != nil {
				return
			}
			events <- event
		}
	}()
	await := func(kind string) {
		t.Helper()
		deadline := time.After(20 * time.Second)
		for {
			select {
			case event, open := <-events:
				require.True(t, open, "ended while waiting for %s", kind)
				if event.Event == kind && (event.Reader == "" || event.Reader == pcscdtest.Readers[0]) {
					return
				}
			case <-deadline:
				require.FailNow(t, "no event", kind)
			}
		}
	}
	await("reader-added")
	card, err := simulator.NewCard(simulator.Contact, simulator.WithInsecureSeed(simulatorSeed))
	require.NoError(t, err)
	remove := b.daemon.Insert(0, card)
	await("card-inserted")
	b.daemon.Kill()
	await("card-removed")
	await("service-down")
	require.NoError(t, b.daemon.Launch())
	await("service-up")
	await("card-inserted")
	remove()
	await("card-removed")

	require.NoError(t, c.Process.Signal(os.Interrupt))
	for range events {
	}
	assert.NoError(t, c.Wait(), "ends cleanly")
}
