//go:build cgo

package main

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
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

// watched is a card that tells what it is sent.
type watched struct {
	*simulator.Card
	mu     sync.Mutex
	pins   int
	before func(c apdu.Command) (mute bool)
}

var _ vpcd.Card = (*watched)(nil)

func (w *watched) Exchange(command []byte) []byte {
	if c, err := apdu.ParseCommand(command); err == nil {
		w.mu.Lock()
		if c.Secret() {
			w.pins++
		}
		before := w.before
		w.mu.Unlock()
		if before != nil && before(c) {
			return nil
		}
	}
	return w.Card.Exchange(command)
}

func (w *watched) sent() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.pins
}

// bench is a private pcscd with programs that use it.
type bench struct {
	daemon *pcscdtest.Daemon
}

func newBench(t *testing.T) bench {
	t.Helper()
	t.Parallel()
	return bench{pcscdtest.Require(t)}
}

// insert puts a card into the first virtual reader and waits until pcscd has
// seen it.
func (b bench) insert(t *testing.T, profile simulator.Profile) *watched {
	t.Helper()
	card, err := simulator.NewCard(profile, simulator.WithInsecureSeed(simulatorSeed))
	require.NoError(t, err)
	w := &watched{Card: card}
	t.Cleanup(b.daemon.Insert(0, w))
	b.await(t, pcscdtest.Readers[0], true)
	return w
}

func (b bench) await(t *testing.T, name string, present bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for {
		o := b.cardInfo(t, "", "list", "--json")
		var list struct {
			Readers []listedReader `json:"readers"`
		}
		_ = json.Unmarshal([]byte(o.stdout), &list)
		for _, r := range list.Readers {
			if r.Name == name && r.Present == present {
				return
			}
		}
		if time.Now().After(deadline) {
			require.FailNow(t, "pcscd does not see the card come or go", "%s%s\n%s", o.stdout, o.stderr, b.daemon.Log())
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// command is a program that finds the private pcscd.
func (b bench) command(name string, args ...string) *exec.Cmd {
	c := exec.Command(name, args...)
	c.Env = append(os.Environ(), pcscdtest.SocketVariable+"="+b.daemon.Socket, "LC_ALL=C", "OPENSC_DEBUG=0",
		"GORACE=atexit_sleep_ms=0") // or each of our processes takes a second to end
	return c
}

// program is this program, as a process of its own.
func (b bench) program(args ...string) *exec.Cmd {
	self, err := os.Executable()
	if err != nil {
		panic(err)
	}
	c := b.command(self, args...)
	c.Args[0] = "card-info" // TestMain goes by it
	return c
}

func (b bench) cardInfo(t *testing.T, stdin string, args ...string) outcome {
	t.Helper()
	return b.finish(t, b.program(args...), stdin)
}

func (b bench) finish(t *testing.T, c *exec.Cmd, stdin string) outcome {
	t.Helper()
	var stdout, stderr bytes.Buffer
	c.Stdin, c.Stdout, c.Stderr = strings.NewReader(stdin), &stdout, &stderr
	err := c.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		require.NoError(t, err)
	}
	return outcome{exit: c.ProcessState.ExitCode(), stdout: stdout.String(), stderr: stderr.String()}
}

// signWithoutPIN is another program that asks for a signature, in a process of
// its own: opensc-tool where it is installed would do as well.
func (b bench) signWithoutPIN(t *testing.T) string {
	t.Helper()
	o := b.finish(t, b.command(openSC(t, "opensc-tool"), "--reader", "0", "--card-driver", "default",
		"--send-apdu", "00A4040C0AD392F000260100000001", "--send-apdu", "802A00970101"+"00"), "")
	require.Zero(t, o.exit, o.stderr)
	return o.stdout
}

func openSC(t *testing.T, program string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		pcscdtest.Skip(t, program+" is not installed (Debian: apt-get install opensc)")
	}
	return path
}

// Every profile, through a real pcscd: the contract's JSON and exit codes, the
// same as in process.
func TestProfilesThroughPCSCD(t *testing.T) {
	b := newBench(t)
	for _, profile := range simulator.Profiles() {
		t.Run(string(profile), func(t *testing.T) {
			card := b.insert(t, profile)
			tries := card.State().AuthTries
			for _, args := range [][]string{{"--json"}, {"retries", "--json"}, {"cert"}, {"cert", "--ca"}, idArgs(t, "--pin-stdin", "--json")} {
				real := b.cardInfo(t, "1234\n", args...)
				simulated := desk{stdin: "1234\n"}.run(t, append(args, "--simulator", string(profile))...)
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
			if tries > 1 && profile != simulator.NotMyNumber {
				assert.Equal(t, 3, card.State().AuthTries)
			}
			assert.False(t, card.State().AuthVerified)
		})
		b.await(t, pcscdtest.Readers[0], false)
	}
}

// withoutTimes drops what depends on the moment.
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
	delete(object, "chain") // the simulator's is known where --simulator asked for it
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
	assert.Equal(t, 6, o.exit, "one try left")
	code, _ := failureOf(t, o)
	assert.Equal(t, "PIN_LAST_TRY", code)
	assert.Equal(t, 2, card.sent())

	assert.Equal(t, 0, id("1234", "--allow-last-try").exit)
	assert.Equal(t, 3, card.State().AuthTries)
	assert.Equal(t, 3, card.sent())
}

// A card in a real reader is not the simulator's, even if it is one: its chain is
// unknown until its authority is given.
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
	assert.Equal(t, trust.Unknown, chainOf(t, id()))
	assert.Equal(t, 1, card.sent())

	file := fileOf(t, b.cardInfo(t, "", "cert", "--ca").stdout)
	assert.Equal(t, trust.Caller, chainOf(t, b.cardInfo(t, "", "--json", "--authority", file)))
	assert.Equal(t, trust.Caller, chainOf(t, id("--require-chain", "--authority", file)))
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

// The card is pulled while it works on each command of id in turn.
func TestCardPulledThroughPCSCD(t *testing.T) {
	b := newBench(t)
	for _, instruction := range []byte{apdu.InsSelect, apdu.InsVerify, apdu.InsReadBinary, apdu.InsPerformSecurityOperation} {
		card, err := simulator.NewCard(simulator.Contact, simulator.WithInsecureSeed(simulatorSeed))
		require.NoError(t, err)
		w := &watched{Card: card}
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
		assert.Equal(t, 3, card.State().AuthTries)
	}
}

// After id has ended, however it ended, another program gets no signature.
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
	t.Run("the trace's reader goes away", func(t *testing.T) {
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

// OpenSC, which nobody here wrote, agrees with the simulator and with
// card-info.
func TestOpenSCAgrees(t *testing.T) {
	b := newBench(t)
	pkcs15, pkcs11, openssl := openSC(t, "pkcs15-tool"), openSC(t, "pkcs11-tool"), openSC(t, "openssl")
	card := b.insert(t, simulator.Contact)
	dir := t.TempDir()

	dump := b.finish(t, b.command(pkcs15, "--dump"), "")
	require.Zero(t, dump.exit, dump.stderr)
	for name, tries := range map[string]string{"User Authentication PIN": "Tries left     : 3", "Digital Signature PIN": "Tries left     : 5"} {
		_, section, found := strings.Cut(dump.stdout, "PIN ["+name+"]")
		require.True(t, found, dump.stdout)
		section, _, _ = strings.Cut(section, "\n\n")
		assert.Contains(t, section, tries)
	}

	theirs := b.finish(t, b.command(pkcs15, "--read-certificate", "01"), "")
	ours := b.cardInfo(t, "", "cert")
	require.Zero(t, ours.exit)
	certificate := parsePEM(t, ours.stdout)
	assert.Equal(t, certificate.Raw, parsePEM(t, theirs.stdout).Raw)

	data, signature, public := filepath.Join(dir, "data"), filepath.Join(dir, "signature"), filepath.Join(dir, "public.pem")
	require.NoError(t, os.WriteFile(data, []byte("signed through OpenSC"), 0o600))
	key, err := x509.MarshalPKIXPublicKey(certificate.PublicKey)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(public, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: key}), 0o600))
	sign := func(pin string) outcome {
		return b.finish(t, b.command(pkcs11, "--login", "--pin", pin, "--sign", "--id", "01",
			"--mechanism", "SHA256-RSA-PKCS", "--input-file", data, "--output-file", signature), "")
	}
	o := sign("1234")
	require.Zero(t, o.exit, o.stderr)
	verified := b.finish(t, exec.Command(openssl, "dgst", "-sha256", "-verify", public, "-signature", signature, data), "")
	assert.Contains(t, verified.stdout, "Verified OK")
	assert.True(t, card.State().AuthVerified, "OpenSC leaves the card verified, as the README says; should this change, so should that")

	require.NotZero(t, sign("4321").exit)
	retries := b.cardInfo(t, "", "retries", "--json")
	assert.JSONEq(t, `{"auth_pin":{"remaining":2,"max":3,"blocked":false},"signature_password":{"remaining":5,"max":5,"blocked":false}}`, retries.stdout)
}

// simulate lends a card until it is interrupted.
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
	b.await(t, pcscdtest.Readers[0], true) // it survives the daemon's restart

	require.NoError(t, c.Process.Signal(os.Interrupt))
	said, _ := io.ReadAll(stderr)
	require.NoError(t, c.Wait())
	assert.Equal(t, 2, strings.Count(string(said), "Simulated card last-try inserted"))
	b.await(t, pcscdtest.Readers[0], false)
}

// The daemon dies under watch and comes back, and watch with it.
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
