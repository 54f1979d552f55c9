// Package pcscdtest runs a pcscd of a test's own, with the virtual readers of
// vsmartcard, that disturbs no other pcscd on the machine and no real reader:
// it lives in a mount namespace with a /run of its own and without the drivers
// for USB.
//
// It needs Linux, pcscd, vsmartcard-vpcd, and the right to make a namespace.
// Where something is missing [Require] skips the test with the reason, or fails
// it if the environment variable MYKEYKIT_E2E is "required".
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

// SocketVariable is the environment variable by which programs find a pcscd
// other than the system's. libpcsclite reads it once in a process.
const SocketVariable = "PCSCLITE_CSOCK_NAME"

// Readers are the names of the first two virtual readers.
var Readers = [2]string{Reader(0), Reader(1)}

// Reader is the name of a virtual reader, counted from 0. pcscd numbers the two
// that one entry of its configuration makes, and names the entry.
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
	perEntry     = 2 // virtual readers, on ports that follow each other
)

// Daemon is a private pcscd. Its socket stays where it is when the daemon is
// killed and started again.
type Daemon struct {
	Socket string // for SocketVariable
	ports  []int  // of each reader

	config string

	mu        sync.Mutex
	namespace *exec.Cmd      // a shell in the mount namespace, the daemon's parent
	orders    io.WriteCloser // its standard input
	answers   *bufio.Reader  // its standard output
}

// Option changes how a daemon is made.
type Option func(*Daemon)

// WithReaders asks for n virtual readers instead of two, and for one more where
// n is odd. pcscd bears 16.
func WithReaders(n int) Option { return func(d *Daemon) { d.ports = make([]int, n+n%perEntry) } }

// Require starts a daemon for a test, or skips the test. The daemon ends with
// the test.
func Require(t testing.TB, options ...Option) *Daemon {
	t.Helper()
	d, err := Start(t.TempDir(), options...)
	if err != nil {
		Skip(t, err.Error())
	}
	t.Cleanup(d.Stop)
	return d
}

// Main runs a package's tests with one daemon for all of them, for [Shared]:
// libpcsclite reads the socket's name once in a process. TestMain calls it.
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
	errShared = errors.New("TestMain has started no daemon")
)

// Shared is the daemon of [Main], or skips the test.
func Shared(t testing.TB) *Daemon {
	t.Helper()
	if errShared != nil {
		Skip(t, errShared.Error())
	}
	return shared
}

// Skip skips a test for want of something, or fails it where that is required.
func Skip(t testing.TB, reason string) {
	t.Helper()
	if Required() {
		t.Fatalf("required by MYKEYKIT_E2E: %s", reason)
	}
	t.Skip(reason)
}

// Required tells whether tests through pcscd must run.
func Required() bool { return os.Getenv("MYKEYKIT_E2E") == "required" }

// missing says what keeps a daemon from running here.
func missing() error {
	if runtime.GOOS != "linux" {
		return fmt.Errorf("a private pcscd needs Linux, this is %s", runtime.GOOS)
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

// lookPath finds programs where users' paths may not lead.
func lookPath(program string) (string, error) {
	if path, err := exec.LookPath(program); err == nil {
		return path, nil
	}
	return exec.LookPath(filepath.Join("/usr/sbin", program))
}

// Start starts a daemon whose files are in dir, and waits until it answers.
func Start(dir string, options ...Option) (*Daemon, error) {
	if err := missing(); err != nil {
		return nil, err
	}
	d := &Daemon{config: filepath.Join(dir, "reader.conf"), ports: make([]int, perEntry)}
	for _, option := range options {
		option(d)
	}
	if err := d.makeNamespace(); err != nil {
		return nil, err
	}
	var err error
	for range 5 { // a port may be taken between our looking and the daemon's
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

// keeper runs in the mount namespace. It starts and kills the daemon when told
// to, and kills it and ends when its standard input does, so with us.
const keeper = `set -e
mount -t tmpfs tmpfs /run
mkdir -p /run/pcscd
if [ -d "$1" ]; then mount -t tmpfs tmpfs "$1"; fi
echo ready
daemon=
end() { if [ -n "$daemon" ]; then kill -9 "$daemon" 2>/dev/null || true; wait "$daemon" || true; daemon=; fi; }
while read order; do
	end
	if [ "$order" = start ]; then
		rm -f /run/pcscd/*
		"$2" --foreground --config "$3" </dev/null >"$3.log" 2>&1 &
		daemon=$!
	fi
	echo done
done
end 2>/dev/null`

// makeNamespace starts the keeper.
func (d *Daemon) makeNamespace() error {
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
	d.namespace = exec.Command(unshare, append(arguments, "sh", "-c", keeper, "sh", usbDriver, pcscd, d.config)...)
	if d.orders, err = d.namespace.StdinPipe(); err != nil {
		return err
	}
	stdout, err := d.namespace.StdoutPipe()
	if err != nil {
		return err
	}
	d.answers = bufio.NewReader(stdout)
	var complaint strings.Builder
	d.namespace.Stderr = &complaint
	if err := d.namespace.Start(); err != nil {
		return err
	}
	if line, _ := d.answers.ReadString('\n'); line != "ready\n" {
		d.orders.Close()
		_ = d.namespace.Wait()
		return fmt.Errorf("no mount namespace to be had: %s", strings.TrimSpace(complaint.String()))
	}
	d.Socket = fmt.Sprintf("/proc/%d/root/run/pcscd/pcscd.comm", d.namespace.Process.Pid)
	return nil
}

// order tells the keeper what to do, and waits until it is done.
func (d *Daemon) order(what string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, err := io.WriteString(d.orders, what+"\n"); err != nil {
		return err
	}
	_, err := d.answers.ReadString('\n')
	return err
}

// configure writes the daemon's configuration with free ports. Each entry has a
// copy of the driver to itself: one driver has room for the two readers of one
// entry.
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

// Launch starts the daemon, after Start or Kill, and waits until it answers.
func (d *Daemon) Launch() error {
	if err := d.order("start"); err != nil {
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

// Log is what the daemon has written so far.
func (d *Daemon) Log() string {
	output, _ := os.ReadFile(d.config + ".log")
	return string(output)
}

// Kill ends the daemon at once, as kill -9 does. Launch starts it again.
func (d *Daemon) Kill() { _ = d.order("kill") }

// Stop ends the daemon and its namespace.
func (d *Daemon) Stop() {
	d.orders.Close()
	_ = d.namespace.Wait()
}

// Address is where the card of a virtual reader, counted from 0, connects.
func (d *Daemon) Address(reader int) string { return fmt.Sprintf("127.0.0.1:%d", d.ports[reader]) }

// Insert puts a card into a virtual reader. The returned function takes it
// out; both return before pcscd sees it, which looks 2 to 3 times a second.
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
