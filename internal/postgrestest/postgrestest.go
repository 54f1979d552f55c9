// Package postgrestest runs a private PostgreSQL server for tests, on the loopback interface
// and with its files in a temporary directory. It does not affect other servers on the
// machine.
//
// It needs PostgreSQL's server programs (Debian: postgresql). It does not use the cluster
// that the Debian package creates. PostgreSQL does not run as root: then the server runs as
// the user postgres or nobody. If something is missing, [Must] skips the test, or fails it
// if the environment variable MYKEYKIT_E2E is "required".
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

// Server is a PostgreSQL server. Its address does not change when it is killed and started
// again.
type Server struct {
	dir      string
	bin      string
	password string
	durable  bool // writes reach the disk before they are confirmed
	port     int
	schemas  atomic.Int64 // number of schemas created

	mu      sync.Mutex
	process *os.Process
	ended   chan struct{} // closed when the process has ended
}

// Must returns the server that [Start] returned. It skips the test if Start failed.
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

// Start creates and starts a server. It blocks until the server answers. The server runs
// until [Server.Stop]. Its data survive its end, but not that of the machine.
func Start() (*Server, error) { return start(false) }

// StartDurable is like [Start], for measurements: the server has PostgreSQL's own settings for writing to disk.
func StartDurable() (*Server, error) { return start(true) }

func start(durable bool) (*Server, error) {
	bin, err := programs()
	if err != nil {
		return nil, err
	}
	s := &Server{bin: bin, password: rand.Text(), durable: durable}
	if s.dir, err = os.MkdirTemp("", "postgrestest"); err != nil {
		return nil, err
	}
	if err := s.initialize(); err != nil {
		s.Stop()
		return nil, err
	}
	for range 5 { // another program may take the port before the server does
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

// programs returns the folder of the newest server programs.
func programs() (string, error) {
	if path, err := exec.LookPath("initdb"); err == nil {
		if path, err = filepath.EvalSymlinks(path); err != nil { // initdb may be a link from another folder
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
	if err := chownToServer(s.dir, secret); err != nil {
		return err
	}
	// md5, because SCRAM derives a key for each connection, which takes long with race detection.
	out, err := s.command("initdb", "--pgdata", s.data(), "--username", role, "--pwfile", secret,
		"--auth", "md5", "--encoding", "UTF8", "--locale", "C", "--no-sync").CombinedOutput()
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

// command returns a command that runs a server program as a user that PostgreSQL accepts.
func (s *Server) command(program string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(s.bin, program), args...)
	cmd.Dir = s.dir
	cmd.Env = []string{"PATH=" + s.bin + ":/usr/bin:/bin", "LC_ALL=C", "TZ=UTC"}
	runAs(cmd)
	return cmd
}

// Launch starts the server, again after [Server.Kill]. It blocks until the server answers.
// Right after Kill the server's children may still run, so Launch retries.
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
		"-c", "shared_buffers=256MB", "-c", "max_wal_size=2GB", "-c", "logging_collector=off",
		"-c", fmt.Sprintf("fsync=%t", s.durable))
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	started := make(chan error)
	ended := make(chan struct{})
	go func() {
		// On Linux the server is killed when the thread that started it ends, so that it
		// does not outlive a crashed test.
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

// Address returns the server's address on the loopback interface.
func (s *Server) Address() string { return fmt.Sprintf("127.0.0.1:%d", s.port) }

// Database creates an empty schema and returns a database URL that selects it. Creating a
// database would take a hundred times as long.
func (s *Server) Database(t testing.TB) string {
	t.Helper()
	db, err := sql.Open("pgx", s.url())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	name := fmt.Sprintf("test%d", s.schemas.Add(1))
	if _, err := db.Exec("CREATE SCHEMA " + name); err != nil {
		t.Fatal(err)
	}
	return s.url() + "&search_path=" + name
}

// Kill kills the server, as a power failure would, and waits until its process has ended.
func (s *Server) Kill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.end(os.Kill)
}

// Stop ends the server and removes its files.
func (s *Server) Stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.end(syscall.SIGQUIT) // PostgreSQL's immediate shutdown, including its children
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
