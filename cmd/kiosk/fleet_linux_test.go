package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/cmd/kiosk/internal/terminal"
	"github.com/mykeykit/mykeykit/internal/hidden"
	"github.com/mykeykit/mykeykit/internal/postgrestest"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/mykey"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

const (
	fleetKiosks = 20
	fleetCards  = 24
	fleetVisits = 300 // in all
	fleetKills  = 4   // of the server
)

// fleetProcess is a mykey-server in its own process, which a test kills and starts again.
type fleetProcess struct {
	program, folder, address string
	arguments                []string

	mu      sync.Mutex
	process *exec.Cmd
	log     bytes.Buffer
}

// run runs a command of mykey-server.
func (s *fleetProcess) run(t testing.TB, arguments ...string) string {
	t.Helper()
	c := exec.CommandContext(t.Context(), s.program, arguments...)
	c.Dir = s.folder
	var stderr bytes.Buffer
	c.Stderr = &stderr
	out, err := c.Output()
	require.NoError(t, err, "%v: %s", arguments, stderr.String())
	return string(out)
}

// start starts the server and waits until it listens.
func (s *fleetProcess) start(t testing.TB) {
	t.Helper()
	c := exec.Command(s.program, s.arguments...)
	c.Dir = s.folder
	out, err := c.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, c.Start())
	started := make(chan string, 1)
	go func() {
		for lines := bufio.NewScanner(out); lines.Scan(); {
			var line struct{ Msg, Listen string }
			if json.Unmarshal(lines.Bytes(), &line) == nil && line.Msg == "started" {
				started <- line.Listen
			}
			s.mu.Lock()
			fmt.Fprintln(&s.log, lines.Text())
			s.mu.Unlock()
		}
		close(started)
	}()
	select {
	case address, ok := <-started:
		require.True(t, ok, "%s", s.logged())
		s.address = address
	case <-time.After(time.Minute):
		require.Fail(t, "the server does not start", s.logged())
	}
	s.process = c
}

func (s *fleetProcess) kill() {
	_ = s.process.Process.Kill()
	_ = s.process.Wait()
}

func (s *fleetProcess) logged() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.String()
}

// freePort returns a loopback address that was free a moment ago, so that a server that is
// started again has the same one.
func freePort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().String()
}

// Twenty kiosks use a server by HTTPS, which is killed again and again. Another one takes over
// at its address. Every visit ends with an identifier or with a closed terminal that
// opens again, a card has one identifier whatever the kiosk, no two cards share one, and the
// audit log describes every row.
//
// Faults: F140.
func TestKioskFleet(t *testing.T) {
	program := filepath.Join(t.TempDir(), "mykey-server")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", program, "../mykey-server")
	build.Env = append(os.Environ(), "CGO_ENABLED=0") // as released; and as compiled before, if all tests run
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)
	var cards []*simulator.Card
	var cas []byte
	for n := range fleetCards {
		card, err := simulator.NewCard(simulator.Contact, simulator.WithInsecureSeed(fmt.Sprint("fleet ", n)))
		require.NoError(t, err)
		cards = append(cards, card)
		cas = append(cas, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: card.CACertificate().Raw})...)
	}
	t.Run("sqlite", func(t *testing.T) {
		testFleet(t, program, "sqlite:"+filepath.Join(t.TempDir(), "registry.db"), cards, cas, func() {})
	})
	t.Run("postgres", func(t *testing.T) {
		database, err := postgrestest.Start()
		database = postgrestest.Must(t, database, err)
		t.Cleanup(database.Stop)
		testFleet(t, program, database.Database(t), cards, cas, func() {
			database.Kill()
			assert.NoError(t, database.Launch())
		})
	})
}

// testFleet runs the kiosks. killDatabase kills the database and starts it again.
func testFleet(t *testing.T, program, database string, cards []*simulator.Card, cas []byte, killDatabase func()) {
	folder := t.TempDir()
	campaign, err := os.ReadFile(demo)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(folder, "campaign.toml"), bytes.Replace(campaign, []byte("ask_renewed = true"), []byte("ask_renewed = false"), 1), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "cards.pem"), cas, 0o600))
	s := &fleetProcess{program: program, folder: folder}
	s.run(t, "init", "--folder", ".", "--name", "127.0.0.1")
	s.run(t, "operator-keygen", "operator.key", "operator.public")
	s.run(t, "migrate", "--folder", ".", "--campaign", "campaign.toml", "--registry", database)
	s.arguments = []string{"serve", "--folder", ".", "--campaign", "campaign.toml", "--registry", database, "--operator-key", "operator.public",
		"--ca-certificate", "cards.pem", "--listen", freePort(t), "--operator-listen", freePort(t)}
	for n := range fleetKiosks {
		s.run(t, "enroll", "--folder", ".", "--campaign", "campaign.toml", "--registry", database, fmt.Sprint("kiosk-", n))
	}
	// Each server that takes over has a name of its own, because a killed one keeps its name for
	// 15 seconds.
	keys := []string{filepath.Join("keys", "desk.public"), filepath.Join("keys", "server.public")}
	for n := 1; n <= fleetKills; n++ {
		name := fmt.Sprint("server", n)
		s.run(t, "init", "--folder", name, "--from", ".", "--name", "127.0.0.1", "--server", name)
		keys = append(keys, filepath.Join(name, "keys", "server.public"))
	}
	var servers []byte
	for _, path := range keys {
		key, err := os.ReadFile(filepath.Join(folder, path))
		require.NoError(t, err)
		servers = append(servers, key...)
	}
	require.NoError(t, os.WriteFile(filepath.Join(folder, "servers.public"), servers, 0o600))
	s.start(t)
	defer func() { s.kill() }()

	f := &fleetRun{t: t, cards: cards, coming: map[int]bool{}, ids: map[int]mykey.ID{}, applied: map[int]int{}}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	var kiosks sync.WaitGroup
	for n := range fleetKiosks {
		kiosks.Go(func() { f.kiosk(ctx, s, n) })
	}
	kills := 0
	for (f.visits.Load() < fleetVisits || f.identified() < len(cards)) && ctx.Err() == nil {
		before := f.visits.Load()
		for kills < fleetKills && f.visits.Load() < before+fleetVisits/(fleetKills+2) && f.visits.Load() < fleetVisits && ctx.Err() == nil {
			time.Sleep(10 * time.Millisecond)
		}
		if kills < fleetKills {
			kills++
			s.kill()
			s.arguments[2] = fmt.Sprint("server", kills)
			s.start(t)
			killDatabase()
		}
		time.Sleep(10 * time.Millisecond)
	}
	require.NoError(t, ctx.Err(), "%d visits in 3 minutes", f.visits.Load())
	cancel()
	kiosks.Wait()

	f.mu.Lock()
	defer f.mu.Unlock()
	distinct := map[mykey.ID]bool{}
	for _, id := range f.ids {
		distinct[id] = true
	}
	assert.Len(t, f.ids, len(cards), "cards that were identified")
	assert.Len(t, distinct, len(cards), "identifiers")
	for card, applications := range f.applied {
		assert.Equal(t, 1, applications, "applications of card %d", card)
	}
	s.kill()
	report := s.run(t, "audit", "--keys", "servers.public", "--campaign", "campaign.toml", "--registry", database)
	for n := 1; n <= fleetKills; n++ {
		assert.Contains(t, report, fmt.Sprintf("\nserver%d", n), "records of each server")
	}
	engine, _, _ := strings.Cut(database, ":")
	t.Logf("fleet: %s, %d kiosks, %d cards, %d visits, %d applications, %d visits ended by a problem, %d kills", engine, fleetKiosks, len(cards), f.visits.Load(), len(f.applied), f.closed.Load(), kills)
	// An application whose answer was lost was made, and no kiosk called it done.
	var identifiers, applications int
	_, totals, _ := strings.Cut(report, "identifiers ")
	_, err = fmt.Sscanf(totals, "%d, applications %d", &identifiers, &applications)
	require.NoError(t, err, report)
	assert.Equal(t, len(cards), identifiers)
	assert.GreaterOrEqual(t, applications, len(f.applied))
	assert.LessOrEqual(t, applications, len(cards))
}

// fleetRun is what the kiosks of a test have seen.
type fleetRun struct {
	t              testing.TB
	cards          []*simulator.Card
	visits, closed atomic.Int64

	mu      sync.Mutex
	coming  map[int]bool     // cards whose first visit has begun
	ids     map[int]mykey.ID // by card
	applied map[int]int      // applications that a kiosk called done, by card
}

// nextCard returns the card of the next visit. New cards come during most of the test, so that
// every server makes changes, and each comes to one kiosk at first.
func (f *fleetRun) nextCard(random *rand.Rand) int {
	come := min(1+int(f.visits.Load())*len(f.cards)/(fleetVisits*4/5), len(f.cards))
	f.mu.Lock()
	defer f.mu.Unlock()
	for card := range come {
		if _, known := f.ids[card]; !known && !f.coming[card] {
			f.coming[card] = true
			return card
		}
	}
	return random.IntN(come)
}

// identified returns the number of cards that were identified.
func (f *fleetRun) identified() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.ids)
}

// kiosk runs a terminal and its visitors until ctx is done.
func (f *fleetRun) kiosk(ctx context.Context, s *fleetProcess, n int) {
	p := newProgram(io.Discard, io.Discard)
	setup, err := p.setUp(options{server: "https://" + s.address, bundle: filepath.Join(s.folder, fmt.Sprintf("kiosk-%d.pem", n)), simulate: true})
	if !assert.NoError(f.t, err) {
		return
	}
	b, err := setup.start(ctx, slog.New(slog.DiscardHandler))
	if err != nil {
		return // ctx is done
	}
	setup.chain = nil // the server knows the cards' CAs
	k := terminal.New(terminal.Config{Driver: setup.driver, Campaign: setup.campaign, Service: b, Chain: setup.chain, Language: "en"})
	ended := make(chan error, 1)
	go func() { ended <- k.Run(ctx) }()
	slot := setup.simulated.AddReader("Reader")
	random := rand.New(rand.NewPCG(1, uint64(n)))
	for ctx.Err() == nil {
		card := f.nextCard(random)
		clone, err := simulator.NewCard(simulator.Contact, simulator.WithInsecureSeed(fmt.Sprint("fleet ", card)))
		if !assert.NoError(f.t, err) {
			break
		}
		id, applied, err := f.visit(ctx, k, slot, clone, fmt.Sprintf("%010d", card))
		slot.Remove()
		f.mu.Lock()
		f.coming[card] = false
		f.mu.Unlock()
		switch {
		case err == nil:
			f.visits.Add(1)
			f.mu.Lock()
			if known, ok := f.ids[card]; ok {
				assert.Equal(f.t, known, id, "card %d has another identifier", card)
			}
			f.ids[card] = id
			if applied {
				f.applied[card]++
			}
			f.mu.Unlock()
		case errors.Is(err, errClosed):
			f.closed.Add(1)
		}
		assert.False(f.t, clone.State().AuthVerified, "a card was left unlocked")
	}
	<-ended
}

var errClosed = errors.New("the terminal is closed")

// visit makes one visit and applies with an account, unless the holder has applied before. It
// returns the identifier, and whether the kiosk called the application done. It returns
// errClosed if a problem ended the visit.
func (f *fleetRun) visit(ctx context.Context, k *terminal.Terminal, slot *simulator.Reader, card *simulator.Card, account string) (id mykey.ID, applied bool, err error) {
	pin, err := jpki.ParsePIN([]byte(simulator.PIN))
	if err != nil {
		return "", false, err
	}
	act := func(v terminal.View, a terminal.Action) {
		a.Step = v.Step
		_ = k.Do(ctx, a) // the screen may have changed
	}
	problem := false
	for {
		v, changed := k.View()
		switch v.Screen {
		case terminal.Welcome:
			if problem {
				return "", false, errClosed
			}
			act(v, terminal.Action{Name: terminal.Start, Language: "en"})
		case terminal.Place:
			if err := slot.Insert(card); err != nil && !errors.Is(err, simulator.ErrOccupied) {
				return "", false, err
			}
		case terminal.EnterPIN:
			act(v, terminal.Action{Name: terminal.GivePIN, PIN: pin})
		case terminal.Result:
			if v.Applied != nil {
				act(v, terminal.Action{Name: terminal.Finish})
				return v.ID, false, nil
			}
			id = v.ID
			act(v, terminal.Action{Name: terminal.Apply})
		case terminal.Services:
			act(v, terminal.Action{Name: terminal.Choose, Service: "sample-pay"})
		case terminal.Account:
			act(v, terminal.Action{Name: terminal.GiveID, Account: hidden.NewBytes([]byte(account)), Code: hidden.NewBytes([]byte("4649"))})
		case terminal.Confirm:
			time.Sleep(time.Until(v.At.Add(1100 * time.Millisecond))) // the time to read it
			act(v, terminal.Action{Name: terminal.Agree})
		case terminal.Done:
			act(v, terminal.Action{Name: terminal.Finish})
			return id, true, nil
		case terminal.Problem, terminal.Cleared, terminal.Take:
			problem = problem || v.Screen == terminal.Problem
			slot.Remove()
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return "", false, ctx.Err()
		}
	}
}
