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

// Readers are the names of the two virtual readers.
var Readers = [2]string{"Virtual PCD 00 00", "Virtual PCD 00 01"}

const (
	driver    = "/usr/lib/pcsc/drivers/serial/libifdvpcd.so"
	usbDriver = "/usr/lib/pcsc/drivers/ifd-ccid.bundle"
	startup   = 10 * time.Second
)

// Daemon is a private pcscd. Its socket stays where it is when the daemon is
// killed and started again.
type Daemon struct {
	Socket string // for SocketVariable
	port   int

	config string

	mu        sync.Mutex
	namespace *exec.Cmd      // a shell in the mount namespace, the daemon's parent
	orders    io.WriteCloser // its standard input
	answers   *bufio.Reader  // its standard output
}

// Require starts a daemon for a test, or skips the test. The daemon ends with
// the test.
func Require(t testing.TB) *Daemon {
	t.Helper()
	d, err := Start(t.TempDir())
	if err != nil {
		Skip(t, err.Error())
	}
	t.Cleanup(d.Stop)
	return d
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
func Start(dir string) (*Daemon, error) {
	if err := missing(); err != nil {
		return nil, err
	}
	d := &Daemon{config: filepath.Join(dir, "reader.conf")}
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

// configure writes the daemon's configuration with two free ports.
func (d *Daemon) configure() error {
	d.port = 20000 + rand.IntN(10000)
	for !free(d.port) || !free(d.port+1) {
		d.port = 20000 + rand.IntN(10000)
	}
	text := fmt.Sprintf("FRIENDLYNAME \"Virtual PCD\"\nDEVICENAME /dev/null:0x%04X\nLIBPATH %s\nCHANNELID 0x%04X\n", d.port, driver, d.port)
	return os.WriteFile(d.config, []byte(text), 0o600)
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
		if answers("unix", d.Socket) && answers("tcp", d.Address(0)) && answers("tcp", d.Address(1)) {
			return nil
		}
		time.Sleep(20 * time.Millisecond)
	}
	d.Kill()
	return fmt.Errorf("pcscd does not answer: %s", d.Log())
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

// Address is where the card of a virtual reader (0 or 1) connects.
func (d *Daemon) Address(reader int) string { return fmt.Sprintf("127.0.0.1:%d", d.port+reader) }

// Insert puts a card into a virtual reader (0 or 1). The returned function
// takes it out; both return before pcscd sees it, which looks 2 to 3 times a
// second.
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
