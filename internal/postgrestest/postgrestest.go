// Package postgrestest runs a PostgreSQL server of a test's own, on loopback and
// with its files in a temporary directory. It disturbs no other server on the
// machine.
//
// It needs PostgreSQL's server programs, as Debian's package postgresql has
// them; the cluster that the package makes is left alone. The server refuses to
// run as root: then it runs as the user postgres, or nobody. Where something is
// missing [Must] skips the test with the reason, or fails it if the
// environment variable MYKEYKIT_E2E is "required".
package postgrestest

import (
	"bytes"
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
)

const (
	startup = 60 * time.Second
	role    = "mykeykit"
)

// Server is a PostgreSQL server. Its address stays what it is when the server is
// killed and started again.
type Server struct {
	dir      string
	bin      string
	password string
	port     int
	made     atomic.Int64 // schemas

	mu      sync.Mutex
	process *os.Process
	ended   chan struct{} // closed when the process has ended
}

// Must returns what [Start] returned to a test, or skips the test.
func Must(t testing.TB, s *Server, err error) *Server {
	t.Helper()
	if err != nil {
		if os.Getenv("MYKEYKIT_E2E") == "required" {
			t.Fatalf("required by MYKEYKIT_E2E: %s", err)
		}
		t.Skip(err.Error())
	}
	return s
}

// Start makes a server and waits until it answers. It runs until [Server.Stop].
func Start() (*Server, error) {
	bin, err := programs()
	if err != nil {
		return nil, err
	}
	s := &Server{bin: bin, password: rand.Text()}
	if s.dir, err = os.MkdirTemp("", "postgrestest"); err != nil {
		return nil, err
	}
	if err := s.initialize(); err != nil {
		s.Stop()
		return nil, err
	}
	for range 5 { // a port may be taken between our looking and the server's
		if err = s.choosePort(); err != nil {
			break
		}
		if err = s.Launch(); err == nil {
			return s, nil
		}
	}
	s.Stop()
	return nil, err
}

// programs finds the newest server programs.
func programs() (string, error) {
	if path, err := exec.LookPath("initdb"); err == nil {
		if path, err = filepath.EvalSymlinks(path); err != nil { // the others may be beside it only
			return "", err
		}
		return filepath.Dir(path), nil
	}
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb") // the pattern is well formed
	if len(found) == 0 {
		return "", errors.New("PostgreSQL's server is not installed (Debian: apt-get install postgresql)")
	}
	return filepath.Dir(found[len(found)-1]), nil
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

func (s *Server) initialize() error {
	secret := filepath.Join(s.dir, "password")
	if err := os.WriteFile(secret, []byte(s.password), 0o600); err != nil {
		return err
	}
	if err := giveAway(s.dir, secret); err != nil {
		return err
	}
	out, err := s.command("initdb", "--pgdata", s.data(), "--username", role, "--pwfile", secret,
		"--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C", "--no-sync").CombinedOutput()
	if err != nil {
		return fmt.Errorf("initdb: %w: %s", err, out)
	}
	return nil
}

func (s *Server) choosePort() error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s.port = l.Addr().(*net.TCPAddr).Port
	return l.Close()
}

// command runs one of the server's programs as a user that it accepts.
func (s *Server) command(program string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(s.bin, program), args...)
	cmd.Dir = s.dir
	cmd.Env = []string{"PATH=" + s.bin + ":/usr/bin:/bin", "LC_ALL=C", "TZ=UTC"}
	runAs(cmd)
	return cmd
}

// Launch starts the server, again after [Server.Kill], and waits until it
// answers. Right after a kill the server's children may still be there; it is
// started until it stays.
func (s *Server) Launch() error {
	limit := time.Now().Add(startup)
	for {
		err := s.launch(limit)
		if err == nil || time.Now().After(limit) || strings.Contains(err.Error(), "Address already in use") {
			return err
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func (s *Server) launch(limit time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	cmd := s.command("postgres", "-D", s.data(), "-p", fmt.Sprint(s.port),
		"-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "max_connections=1000",
		"-c", "shared_buffers=256MB", "-c", "max_wal_size=2GB", "-c", "logging_collector=off")
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	started := make(chan error)
	ended := make(chan struct{})
	go func() {
		// On Linux the server ends with the thread that started it, so that no
		// crash of a test leaves one.
		runtime.LockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait()
		}
		close(ended)
	}()
	if err := <-started; err != nil {
		return err
	}
	s.process, s.ended = cmd.Process, ended
	for {
		ctx, cancel := context.WithDeadline(context.Background(), limit)
		err := s.ping(ctx)
		cancel()
		select {
		case <-ended:
			return fmt.Errorf("postgres ended: %s", output.String())
		default:
		}
		if err == nil {
			return nil
		}
		if time.Now().After(limit) {
			return fmt.Errorf("postgres does not answer: %w", err)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func (s *Server) ping(ctx context.Context) error {
	db, err := sql.Open("pgx", s.url())
	if err != nil {
		return err
	}
	defer db.Close()
	return db.PingContext(ctx)
}

func (s *Server) url() string {
	u := url.URL{Scheme: "postgres", User: url.UserPassword(role, s.password), Host: s.Address(), Path: "postgres", RawQuery: "sslmode=disable"}
	return u.String()
}

// Address is the server's, on loopback.
func (s *Server) Address() string { return fmt.Sprintf("127.0.0.1:%d", s.port) }

// Database makes an empty schema and returns a URL in which it is all that
// statements see. A database of its own takes a hundred times as long.
func (s *Server) Database(t testing.TB) string {
	t.Helper()
	db, err := sql.Open("pgx", s.url())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	name := fmt.Sprintf("test%d", s.made.Add(1))
	if _, err := db.Exec("CREATE SCHEMA " + name); err != nil {
		t.Fatal(err)
	}
	return s.url() + "&search_path=" + name
}

// Kill kills the server as a power cut would, without a word to anybody, and
// waits until its process is gone.
func (s *Server) Kill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.end(os.Kill)
}

// Stop ends the server and removes its files.
func (s *Server) Stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.end(syscall.SIGQUIT) // "immediate shutdown": its children too
	_ = os.RemoveAll(s.dir)
}

func (s *Server) end(signal os.Signal) {
	if s.process == nil {
		return
	}
	_ = s.process.Signal(signal) // it may have ended by itself
	<-s.ended
	s.process = nil
}
