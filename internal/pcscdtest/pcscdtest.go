// Package pcscdtest runs a private pcscd with vsmartcard's virtual readers for tests. It
// does not affect other pcscds on the machine or real readers: it runs in a mount namespace
// with its own /run and without the USB drivers.
//
// It needs Linux, pcscd, vsmartcard-vpcd and the permission to create a namespace. If
// something is missing, [Require] skips the test, or fails it if the environment variable
// MYKEYKIT_E2E is "required".
package pcscdtest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mykeykit/mykeykit/reader/simulator/vpcd"
)

// SocketVariable is the environment variable that makes programs use a pcscd other than the
// system's. libpcsclite reads it once per process.
const SocketVariable = "PCSCLITE_CSOCK_NAME"

// Readers are the names of the first two virtual readers.
var Readers = [2]string{Reader(0), Reader(1)}

// Reader returns the name of the nth virtual reader, counted from 0. Each entry of pcscd's
// configuration has a name and creates two numbered readers.
func Reader(n int) string {
	if n < perEntry {
		return fmt.Sprintf("%s 00 %02d", friendlyName, n)
	}
	return fmt.Sprintf("%s %c 00 %02d", friendlyName, 'A'+n/perEntry, n%perEntry)
}

const (
	driver    = "/usr/lib/pcsc/drivers/serial/libifdvpcd.so"
	usbDriver = "/usr/lib/pcsc/drivers/ifd-ccid.bundle"
	startup   = 10 * time.Second

	friendlyName = "Virtual PCD"
	perEntry     = 2 // virtual readers per entry, on consecutive ports
)

// Daemon is a private pcscd. Its socket's path does not change when it is killed and started
// again.
type Daemon struct {
	Socket string // the value for SocketVariable
	ports  []int  // one per reader

	config string

	mu        sync.Mutex
	namespace *exec.Cmd      // the supervisor, a shell in the mount namespace
	commands  io.WriteCloser // its standard input
	replies   *bufio.Reader  // its standard output
}

// Option is an option of [Start].
type Option func(*Daemon)

// WithReaders sets the number of virtual readers, rounded up to an even number. The default
// is 2; pcscd supports 16.
func WithReaders(n int) Option { return func(d *Daemon) { d.ports = make([]int, n+n%perEntry) } }

// Require starts a daemon for a test and stops it when the test ends. It skips the test if
// that is not possible.
func Require(t testing.TB, options ...Option) *Daemon {
	t.Helper()
	d, err := Start(t.TempDir(), options...)
	if err != nil {
		Skip(t, err.Error())
	}
	t.Cleanup(d.Stop)
	return d
}

// Main runs a package's tests with one daemon, which [Shared] returns: libpcsclite reads the
// socket's path once per process. Call it from TestMain.
func Main(m *testing.M, options ...Option) int {
	dir, err := os.MkdirTemp("", "mykeykit-pcscd-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	if shared, errShared = Start(dir, options...); errShared == nil {
		defer shared.Stop()
		os.Setenv(SocketVariable, shared.Socket)
	}
	return m.Run()
}

var (
	shared    *Daemon
	errShared = errors.New("TestMain did not start a daemon")
)

// Shared returns the daemon of [Main]. It skips the test if there is none.
func Shared(t testing.TB) *Daemon {
	t.Helper()
	if errShared != nil {
		Skip(t, errShared.Error())
	}
	return shared
}

// Skip skips a test for the given reason, or fails it if [Required].
func Skip(t testing.TB, reason string) {
	t.Helper()
	if Required() {
		t.Fatalf("required by MYKEYKIT_E2E: %s", reason)
	}
	t.Skip(reason)
}

// Required reports whether tests through pcscd must not be skipped.
func Required() bool { return os.Getenv("MYKEYKIT_E2E") == "required" }

// checkRequirements returns an error if a daemon can't run here.
func checkRequirements() error {
	if runtime.GOOS != "linux" {
		return fmt.Errorf("a private pcscd needs Linux, not %s", runtime.GOOS)
	}
	for _, program := range []string{"pcscd", "unshare"} {
		if _, err := lookPath(program); err != nil {
			return fmt.Errorf("%s is not installed (Debian: apt-get install pcscd util-linux)", program)
		}
	}
	if _, err := os.Stat(driver); err != nil {
		return errors.New("the virtual reader is not installed (Debian: apt-get install vsmartcard-vpcd)")
	}
	return nil
}

// lookPath finds a program in PATH or /usr/sbin.
func lookPath(program string) (string, error) {
	if path, err := exec.LookPath(program); err == nil {
		return path, nil
	}
	return exec.LookPath(filepath.Join("/usr/sbin", program))
}

// Start starts a daemon with its files in dir. It blocks until the daemon answers.
func Start(dir string, options ...Option) (*Daemon, error) {
	if err := checkRequirements(); err != nil {
		return nil, err
	}
	d := &Daemon{config: filepath.Join(dir, "reader.conf"), ports: make([]int, perEntry)}
	for _, option := range options {
		option(d)
	}
	if err := d.startSupervisor(); err != nil {
		return nil, err
	}
	var err error
	for range 5 { // another program may take a port before the daemon does
		if err = d.configure(); err != nil {
			break
		}
		if err = d.Launch(); err == nil {
			return d, nil
		}
	}
	d.Stop()
	return nil, err
}

// supervisor is a shell script that runs in the mount namespace. It starts and kills the
// daemon on command. When its standard input ends, as when the test process dies, it kills
// the daemon and ends.
const supervisor = `set -e
mount -t tmpfs tmpfs /run
mkdir -p /run/pcscd
if [ -d "$1" ]; then mount -t tmpfs tmpfs "$1"; fi
echo ready
daemon=
end() { if [ -n "$daemon" ]; then kill -9 "$daemon" 2>/dev/null || true; wait "$daemon" || true; daemon=; fi; }
while read command; do
	end
	if [ "$command" = start ]; then
		rm -f /run/pcscd/*
		"$2" --foreground --config "$3" </dev/null >"$3.log" 2>&1 &
		daemon=$!
	fi
	echo done
done
end 2>/dev/null`

// startSupervisor creates the mount namespace and starts the supervisor in it.
func (d *Daemon) startSupervisor() error {
	unshare, err := lookPath("unshare")
	if err != nil {
		return err
	}
	pcscd, err := lookPath("pcscd")
	if err != nil {
		return err
	}
	arguments := []string{"--mount"}
	if os.Getuid() != 0 {
		arguments = append(arguments, "--map-root-user")
	}
	d.namespace = exec.Command(unshare, append(arguments, "sh", "-c", supervisor, "sh", usbDriver, pcscd, d.config)...)
	if d.commands, err = d.namespace.StdinPipe(); err != nil {
		return err
	}
	stdout, err := d.namespace.StdoutPipe()
	if err != nil {
		return err
	}
	d.replies = bufio.NewReader(stdout)
	var stderr strings.Builder
	d.namespace.Stderr = &stderr
	if err := d.namespace.Start(); err != nil {
		return err
	}
	if line, _ := d.replies.ReadString('\n'); line != "ready\n" {
		d.commands.Close()
		_ = d.namespace.Wait()
		return fmt.Errorf("can't create a mount namespace: %s", strings.TrimSpace(stderr.String()))
	}
	d.Socket = fmt.Sprintf("/proc/%d/root/run/pcscd/pcscd.comm", d.namespace.Process.Pid)
	return nil
}

// command sends a command to the supervisor and waits until it is done.
func (d *Daemon) command(name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, err := io.WriteString(d.commands, name+"\n"); err != nil {
		return err
	}
	_, err := d.replies.ReadString('\n')
	return err
}

// configure writes the daemon's configuration with free ports. Each entry has its own copy
// of the driver, because a driver supports only the two readers of one entry.
func (d *Daemon) configure() error {
	library, err := os.ReadFile(driver)
	if err != nil {
		return err
	}
	var text strings.Builder
	taken := map[int]bool{}
	for n := 0; n < len(d.ports); n += perEntry {
		port := 0
		for port == 0 || taken[port] || !free(port) || !free(port+1) {
			port = 20000 + perEntry*rand.IntN(5000)
		}
		taken[port] = true
		d.ports[n], d.ports[n+1] = port, port+1
		path := fmt.Sprintf("%s.%d.so", d.config, n)
		if err := os.WriteFile(path, library, 0o700); err != nil {
			return err
		}
		fmt.Fprintf(&text, "FRIENDLYNAME \"%s\"\nDEVICENAME /dev/null:0x%04X\nLIBPATH %s\nCHANNELID 0x%04X\n\n",
			strings.TrimSuffix(Reader(n), " 00 00"), port, path, port)
	}
	return os.WriteFile(d.config, []byte(text.String()), 0o600)
}

func free(port int) bool {
	l, err := net.Listen("tcp", fmt.Sprintf(":%d", port))
	if err != nil {
		return false
	}
	l.Close()
	return true
}

// Launch starts the daemon, again after Kill. It blocks until the daemon answers.
func (d *Daemon) Launch() error {
	if err := d.command("start"); err != nil {
		return err
	}
	deadline := time.Now().Add(startup)
	for time.Now().Before(deadline) {
		if d.serves() {
			return nil
		}
		time.Sleep(20 * time.Millisecond)
	}
	d.Kill()
	return fmt.Errorf("pcscd does not answer: %s", d.Log())
}

func (d *Daemon) serves() bool {
	if !answers("unix", d.Socket) {
		return false
	}
	for reader := range d.ports {
		if !answers("tcp", d.Address(reader)) {
			return false
		}
	}
	return true
}

func answers(network, address string) bool {
	conn, err := net.Dial(network, address)
	if err != nil {
		return false
	}
	conn.Close()
	return true
}

// Log returns the daemon's output so far.
func (d *Daemon) Log() string {
	output, _ := os.ReadFile(d.config + ".log")
	return string(output)
}

// Kill kills the daemon as kill -9 does. Launch starts it again.
func (d *Daemon) Kill() { _ = d.command("kill") }

// Stop ends the daemon and its namespace.
func (d *Daemon) Stop() {
	d.commands.Close()
	_ = d.namespace.Wait()
}

// Address returns the address to which a card for the virtual reader connects.
func (d *Daemon) Address(reader int) string { return fmt.Sprintf("127.0.0.1:%d", d.ports[reader]) }

// Insert inserts a card into a virtual reader; the returned function removes it. Both return
// before pcscd detects the change, which it does 2 to 3 times a second.
func (d *Daemon) Insert(reader int, card vpcd.Card) (remove func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = vpcd.Serve(ctx, d.Address(reader), card, nil)
	}()
	return func() {
		cancel()
		<-ended
	}
}
