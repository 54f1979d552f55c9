package main

import (
	"context"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/cmd/mykey-server/internal/pki"
	"github.com/mykeykit/mykeykit/internal/fleet"
	"github.com/mykeykit/mykeykit/internal/postgrestest"
	"github.com/mykeykit/mykeykit/jpki/proof"
	"github.com/mykeykit/mykeykit/mykey"
	"github.com/mykeykit/mykeykit/mykey/registry"
)

var (
	loadRate      = flag.Float64("load-rate", 100, "visits per second of BenchmarkFleetPaced")
	loadTime      = flag.Duration("load-time", 30*time.Second, "how long BenchmarkFleetPaced measures")
	loadTerminals = flag.Int("load-terminals", 200, "terminals of BenchmarkFleetPaced")
)

const (
	loadWarmUp = 5 * time.Second // until connections are open and statements are prepared
	loadShare  = 5               // of so many visits, one also finds the reservation and applies
	// loadCertificates is how many terminals take turns in BenchmarkFleetThroughput.
	loadCertificates = 1000
)

// BenchmarkFleetPaced measures a server in its own process, with PostgreSQL beside it, while 200
// terminals make a given number of visits per second. Visits begin when they are due, however
// slow the server is, and a request that begins late counts from when it was due.
func BenchmarkFleetPaced(b *testing.B) {
	f := startLoadedFleet(b, *loadTerminals)
	interval := time.Duration(float64(*loadTerminals) / *loadRate * float64(time.Second)) // between the visits of a terminal
	cards := newLoadCards(*loadTerminals * int((loadWarmUp+*loadTime)/interval+2))
	for b.Loop() {
		var ended sync.WaitGroup
		ended.Go(func() { f.paced(cards, interval) })
		time.Sleep(loadWarmUp)
		b.Log(f.measure(b, func() { time.Sleep(*loadTime) }, ended.Wait))
	}
}

// paced makes a visit with each card. Each terminal makes one in each interval. The steps of a
// visit are spread over the interval, as people and cards take their time.
func (f *loadedFleet) paced(cards []*loadCard, interval time.Duration) {
	begun := time.Now()
	var terminals sync.WaitGroup
	for n, client := range f.clients {
		terminals.Go(func() {
			random := rand.New(rand.NewPCG(1, uint64(n)))
			first := begun.Add(interval * time.Duration(n) / time.Duration(len(f.clients)))
			for round := 0; round*len(f.clients)+n < len(cards); round++ {
				due := first.Add(interval*time.Duration(round) + time.Duration(random.Int64N(int64(interval)/4)))
				number := round*len(f.clients) + n
				f.visit(client, cards[number], number%loadShare == 0, func(step int) time.Time {
					at := due.Add(interval * time.Duration(step) / 6)
					time.Sleep(time.Until(at))
					return at
				})
			}
		})
	}
	terminals.Wait()
}

// BenchmarkFleetThroughput measures how many visits per second a server answers if 1, 8 and 64
// terminals make one after the other. They take turns with the certificates of 1,000, so that the
// limit of a terminal's requests is not what is measured.
func BenchmarkFleetThroughput(b *testing.B) {
	f := startLoadedFleet(b, loadCertificates)
	free := make(chan *fleet.Client, len(f.clients))
	for _, client := range f.clients {
		free <- client
	}
	visits := func(cards []*loadCard, terminals int) {
		var next atomic.Int64
		var working sync.WaitGroup
		for range terminals {
			working.Go(func() {
				for n := next.Add(1) - 1; n < int64(len(cards)); n = next.Add(1) - 1 {
					client := <-free
					f.visit(client, cards[n], n%loadShare == 0, func(int) time.Time { return time.Now() })
					free <- client
				}
			})
		}
		working.Wait()
	}
	visits(newLoadCards(loadCertificates), 8) // opens the connections
	for _, terminals := range []int{1, 8, 64} {
		b.Run(fmt.Sprintf("terminals=%d", terminals), func(b *testing.B) {
			cards := newLoadCards(b.N)
			b.ResetTimer()
			figures := f.measure(b, func() { visits(cards, terminals) }, func() {})
			if len(cards) > 100 { // not the first rounds
				b.Log(figures)
			}
		})
	}
}

// loadedFleet is a server in its own process and the clients of its terminals.
type loadedFleet struct {
	clients  []*fleet.Client
	server   int // its process
	measured atomic.Pointer[measured]
}

// startLoadedFleet starts a server and its database and enrolls terminals.
func startLoadedFleet(b *testing.B, terminals int) *loadedFleet {
	if os.Getenv("MYKEYKIT_BENCH") != "full" {
		b.Skip("measured with MYKEYKIT_BENCH=full")
	}
	database, err := postgrestest.StartDurable()
	database = postgrestest.Must(b, database, err)
	b.Cleanup(database.Stop)
	url := database.Database(b)

	o := newOffice(b)
	o.now = time.Now()
	o.does("init", "--folder", o.folder, "--name", "127.0.0.1", "--server", "server-1")
	o.does("operator-keygen", o.path("operator.private"), o.path("operator.public"))
	o.does("migrate", "--folder", o.folder, "--campaign", demo, "--registry", url)
	cas := o.write("cards.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: loadCA().certificate.Raw})))
	address, server := startProcess(b, "serve", "--folder", o.folder, "--campaign", demo, "--registry", url, "--operator-key", o.path("operator.public"),
		"--ca-certificate", cas, "--listen", "127.0.0.1:0", "--operator-listen", "127.0.0.1:0")

	f := &loadedFleet{server: server}
	f.measured.Store(newMeasured())
	ca, err := pki.ReadCA(o.folder)
	require.NoError(b, err)
	key, err := registry.ParseTerminal(o.read("keys", string(pki.DeskKey)))
	require.NoError(b, err)
	d, err := openDesk(b.Context(), url, "points.example", key)
	require.NoError(b, err)
	defer d.Close()
	for n := range terminals {
		bundle, err := ca.NewBundle(fmt.Sprint("terminal-", n), registry.RoleTerminal, 30, o.now)
		require.NoError(b, err)
		require.NoError(b, d.Enroll(b.Context(), registry.NewOperation(), registry.Enrolled{
			Name: bundle.Identity().Name, Role: registry.RoleTerminal, Key: bundle.Identity().Key, Serial: bundle.Serial(), NotAfter: bundle.NotAfter(),
		}))
		f.clients = append(f.clients, newClient(b, bundle, "https://"+address, newTransport(b, bundle)))
	}
	return f
}

// visit makes a visit until a request fails. at waits for a step of the visit and returns when it
// was due. A visit that applies also asks whether the holder has a reservation, as a terminal does
// that asks about earlier cards.
func (f *loadedFleet) visit(client *fleet.Client, card *loadCard, applies bool, at func(step int) time.Time) {
	var challenge proof.Challenge
	var evidence proof.Evidence
	var visit fleet.Visit
	var id mykey.ID
	account := registry.NewAccount("sample-pay", card.account, "4649")
	ctx, m := context.Background(), f.measured.Load()
	for _, request := range []struct {
		kind    string
		applies bool // whether only a visit that applies sends it
		step    int  // -1 right after the request before
		send    func() error
	}{
		{"challenge", false, 0, func() (err error) {
			challenge, err = client.Challenge(ctx)
			return err
		}},
		{"identify", false, 1, func() (err error) {
			visit, err = client.Identify(ctx, evidence)
			return err
		}},
		{"find", true, -1, func() error {
			_, err := visit.Find(ctx)
			if errors.Is(err, registry.ErrNotFound) {
				return nil
			}
			return err
		}},
		{"reserve", false, -1, func() error {
			_, err := visit.Reserve(ctx, registry.NewOperation(), registry.NewRecoveryCode())
			return err
		}},
		{"preview", true, 2, func() (err error) {
			id, err = visit.Preview(ctx, account)
			return err
		}},
		{"apply", true, 3, func() error {
			_, err := visit.Apply(ctx, registry.NewOperation(), id, account)
			return err
		}},
	} {
		if request.applies && !applies {
			continue
		}
		if request.kind == "identify" {
			evidence = card.answer(challenge)
		}
		due := time.Now()
		if request.step >= 0 {
			due = at(request.step)
		}
		if !m.request(request.kind, due, request.send) {
			return
		}
	}
	m.ended()
}
