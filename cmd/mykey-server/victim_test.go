package main

import (
	"bufio"
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"modernc.org/sqlite"

	"github.com/mykeykit/mykeykit/cmd/mykey-server/internal/pki"
	"github.com/mykeykit/mykeykit/internal/fleet"
	"github.com/mykeykit/mykeykit/internal/prooftest"
)

// victimVariable has the arguments of a server that a test interrupts, one per line.
const victimVariable = "MYKEYKIT_TEST_VICTIM"

// serveAsVictim runs the command and counts its points: the rows that it writes and its commits in
// a file, and its messages to PostgreSQL. It reads commands from standard input: "kill N" kills this
// process at the Nth point from now, "pause N" waits there for a line, and "none" does neither. It
// answers each with a line, and writes "paused" when it waits.
func serveAsVictim(arguments []string) int {
	v := points{resume: make(chan struct{})}
	sqlite.RegisterConnectionHook(func(conn sqlite.ExecQuerierContext, _ string) error {
		hooks := conn.(sqlite.HookRegisterer)
		hooks.RegisterPreUpdateHook(func(sqlite.SQLitePreUpdateData) { v.reach() })
		hooks.RegisterCommitHook(func() int32 { v.reach(); return 0 })
		return nil
	})
	for i, argument := range arguments {
		if u, err := url.Parse(argument); err == nil && u.Scheme == "postgres" {
			hosts := strings.Split(u.Host, ",")
			for n := range hosts {
				hosts[n] = v.forward(hosts[n])
			}
			u.Host = strings.Join(hosts, ",")
			arguments[i] = u.String()
		}
	}
	go v.command()
	return execute(context.Background(), arguments, environment{
		stdin: strings.NewReader(""), stdout: io.Discard, stderr: os.Stderr, getenv: func(string) string { return "" }, now: time.Now, drain: func() {},
	})
}

// points counts the points of a process.
type points struct {
	pauses atomic.Bool
	left   atomic.Int64 // until it is interrupted; never if it is not positive
	resume chan struct{}
}

// reach is called at each point.
func (p *points) reach() {
	if p.left.Add(-1) != 0 {
		return
	}
	if p.pauses.Load() {
		fmt.Println("paused")
		<-p.resume
		return
	}
	self, err := os.FindProcess(os.Getpid())
	if err != nil || self.Kill() != nil {
		panic("the process can't kill itself")
	}
	select {}
}

func (p *points) command() {
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		kind, number, _ := strings.Cut(lines.Text(), " ")
		n := int64(-1)
		if number != "" {
			_, _ = fmt.Sscan(number, &n)
		}
		if kind == "resume" {
			p.resume <- struct{}{}
			continue
		}
		p.pauses.Store(kind == "pause")
		p.left.Store(n)
		fmt.Println("armed")
	}
}

// forward forwards connections to a database, and returns its own address. Each message to the
// database is a point.
func (p *points) forward(target string) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", target)
			if err != nil {
				_ = client.Close()
				continue
			}
			go func() {
				_, _ = io.Copy(client, server)
				_ = client.Close()
			}()
			go func() {
				_, _ = io.Copy(pointWriter{server, p}, client)
				_ = server.Close()
			}()
		}
	}()
	return l.Addr().String()
}

type pointWriter struct {
	io.Writer
	points *points
}

func (w pointWriter) Write(b []byte) (int, error) {
	w.points.reach()
	return w.Writer.Write(b)
}

// victim is a fleet with a terminal and a clerk, whose server runs in its own process. If that
// process ends, another one takes over.
type victim struct {
	o               *office
	database        string
	flags           []string
	terminal, clerk *fleet.Client
	cards           int            // cards that were used
	expected        map[string]int // records by kind
	points          map[int]int    // by kind of request
	interruptions   atomic.Int64
	loseAnswer      atomic.Bool // whether the server is killed when it has answered
	pausing         sync.Mutex  // locked while a server waits at a point

	mu      sync.Mutex
	started *sync.Cond // a process was started
	process *process
	number  int    // of processes
	keys    []byte // public keys of all servers and of the desk
	ended   bool
}

// process is a server's process.
type process struct {
	*exec.Cmd
	address string
	stdin   io.Writer
	answers chan string
	paused  func() // called while it waits at a point
}

// newVictim starts a server on a database, by default a file of its own.
func newVictim(t testing.TB, database string) *victim {
	o := newOffice(t)
	o.now = time.Now()
	if database == "" {
		database = "sqlite:" + o.path("registry.db")
	}
	o.does("init", "--folder", o.folder, "--name", "127.0.0.1", "--server", "server-0")
	o.does("operator-keygen", o.path("operator.private"), o.path("operator.public"))
	o.does(o.with("migrate", "--registry", database)...)
	o.does(o.enrolls("--registry", database, "--out", o.path("counter-1.pem"), "counter-1")...)
	o.does(o.enrolls("--registry", database, "--out", o.path("clerk-1.pem"), "--clerk", "clerk-1")...)
	ca := o.write("cards.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: prooftest.CA().Raw})))
	v := &victim{o: o, database: database, expected: map[string]int{}, points: map[int]int{}}
	v.flags = []string{"--campaign", demo, "--operator-key", o.path("operator.public"), "--ca-certificate", ca,
		"--listen", "127.0.0.1:0", "--operator-listen", "127.0.0.1:0"}
	v.started = sync.NewCond(&v.mu)
	v.mu.Lock()
	v.start()
	v.mu.Unlock()
	t.Cleanup(v.end)
	v.terminal, v.clerk = v.client("counter-1.pem"), v.client("clerk-1.pem")
	return v
}

// start starts a server. It has a name of its own, because one that is killed keeps its name for
// 15 seconds.
func (v *victim) start() {
	folder := v.o.folder
	if v.number == 0 {
		v.keys = append(v.o.read("keys", string(pki.DeskPublic)), v.o.read("keys", string(pki.ServerPublic))...)
	} else {
		name := fmt.Sprint("server-", v.number)
		folder = v.o.path(name)
		v.o.does("init", "--folder", folder, "--from", v.o.folder, "--name", "127.0.0.1", "--server", name)
		v.keys = append(v.keys, v.o.read(name, "keys", string(pki.ServerPublic))...)
	}
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), victimVariable+"="+strings.Join(append([]string{"serve", "--folder", folder, "--registry", v.database}, v.flags...), "\n"))
	stdin, err := c.StdinPipe()
	require.NoError(v.o, err)
	stdout, err := c.StdoutPipe()
	require.NoError(v.o, err)
	log, err := c.StderrPipe()
	require.NoError(v.o, err)
	require.NoError(v.o, c.Start())
	p := &process{Cmd: c, stdin: stdin, answers: make(chan string, 100)}
	lines := bufio.NewScanner(log)
	for p.address == "" {
		require.True(v.o, lines.Scan(), "the server does not start")
		var line struct{ Msg, Listen string }
		if json.Unmarshal(lines.Bytes(), &line) == nil && line.Msg == "started" {
			p.address = line.Listen
		}
	}
	var reading sync.WaitGroup
	reading.Go(func() {
		for lines.Scan() { // so that the server can write its log
		}
	})
	reading.Go(func() {
		for answers := bufio.NewScanner(stdout); answers.Scan(); {
			if answers.Text() == "paused" {
				v.pausing.Lock()
				v.interruptions.Add(1)
				p.paused()
				v.pausing.Unlock()
				_, _ = fmt.Fprintln(p.stdin, "resume") // fails if the server has ended
				continue
			}
			p.answers <- answers.Text()
		}
		close(p.answers)
	})
	go func() {
		reading.Wait()
		_ = c.Wait()
		v.restart()
	}()
	v.process = p
	v.number++
	v.started.Broadcast()
}

// restart starts the next server, after one was killed.
func (v *victim) restart() {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !v.ended {
		v.interruptions.Add(1)
		v.start()
	}
}

func (v *victim) end() {
	v.mu.Lock()
	v.ended = true
	answers := v.process.answers
	v.mu.Unlock()
	v.kill()
	for range answers { // until it has ended
	}
}

// command sends a command to the server, and waits for its answer.
func (v *victim) command(text string) {
	v.o.Helper()
	v.mu.Lock()
	p := v.process
	v.mu.Unlock()
	_, err := fmt.Fprintln(p.stdin, text)
	require.NoError(v.o, err)
	require.Equal(v.o, "armed", <-p.answers)
}

func (v *victim) killItself(point int) { v.command(fmt.Sprint("kill ", point)) }

func (v *victim) disarm() { v.command("none") }

// pause has do called while the server waits at a point.
func (v *victim) pause(point int, do func()) {
	v.mu.Lock()
	v.process.paused = do
	v.mu.Unlock()
	v.command(fmt.Sprint("pause ", point))
}

// awaitResume waits until no server waits at a point.
func (v *victim) awaitResume() {
	v.pausing.Lock()
	defer v.pausing.Unlock()
}

// client returns the client of a terminal or a clerk. After a server was killed, its connection
// fails when the next one is there.
func (v *victim) client(bundle string) *fleet.Client {
	b := v.o.bundle(bundle)
	transport := newTransport(v.o, b)
	transport.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		v.mu.Lock()
		address := v.process.address
		v.mu.Unlock()
		return new(net.Dialer).DialContext(ctx, network, address)
	}
	return newClient(v.o, b, "https://127.0.0.1", patient{transport, v})
}

// patient waits for the next server if the connection to one fails.
type patient struct {
	*http.Transport
	victim *victim
}

func (p patient) RoundTrip(r *http.Request) (*http.Response, error) {
	v := p.victim
	v.mu.Lock()
	before := v.number
	v.mu.Unlock()
	response, err := p.Transport.RoundTrip(r)
	if err == nil && v.loseAnswer.Swap(false) {
		_ = response.Body.Close()
		v.kill()
		err = errors.New("the server was killed before it answered")
	}
	if err != nil {
		p.CloseIdleConnections()
		v.wait(before)
		return nil, err
	}
	return response, nil
}

// kill kills the server.
func (v *victim) kill() {
	v.mu.Lock()
	defer v.mu.Unlock()
	_ = v.process.Process.Kill()
}

// wait waits until more than a number of servers were started.
func (v *victim) wait(before int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for v.number == before {
		v.started.Wait()
	}
}

// setDatabase sets the database of the servers that are started from now on.
func (v *victim) setDatabase(url string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.database = url
}

// replace replaces the server, so that the terminal's limit of requests begins again.
func (v *victim) replace() {
	v.mu.Lock()
	before := v.number
	v.mu.Unlock()
	v.kill()
	v.wait(before)
	v.interruptions.Add(-1)
}
