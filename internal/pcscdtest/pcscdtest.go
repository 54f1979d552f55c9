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
	"syscall"
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

	namespace *exec.Cmd // keeps the mount namespace
	keep      io.Closer // ends namespace
	config    string

	mu  sync.Mutex
	cmd *exec.Cmd
	log *os.File
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
	for _, program := range []string{"pcscd", "unshare", "nsenter"} {
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

// makeNamespace starts a process in a mount namespace of its own, which ends
// when its standard input does, so with us.
func (d *Daemon) makeNamespace() error {
	script := `set -e
mount -t tmpfs tmpfs /run
mkdir -p /run/pcscd
if [ -d "$1" ]; then mount -t tmpfs tmpfs "$1"; fi
echo ready
exec cat >/dev/null`
	arguments := []string{"--mount"}
	if os.Getuid() != 0 {
		arguments = append(arguments, "--map-root-user")
	}
	arguments = append(arguments, "sh", "-c", script, "sh", usbDriver)
	unshare, err := lookPath("unshare")
	if err != nil {
		return err
	}
	d.namespace = exec.Command(unshare, arguments...)
	stdin, err := d.namespace.StdinPipe()
	if err != nil {
		return err
	}
	stdout, err := d.namespace.StdoutPipe()
	if err != nil {
		return err
	}
	var complaint strings.Builder
	d.namespace.Stderr = &complaint
	if err := d.namespace.Start(); err != nil {
		return err
	}
	d.keep = stdin
	if line, _ := bufio.NewReader(stdout).ReadString('\n'); line != "ready\n" {
		stdin.Close()
		_ = d.namespace.Wait()
		return fmt.Errorf("no mount namespace to be had: %s", strings.TrimSpace(complaint.String()))
	}
	d.Socket = fmt.Sprintf("/proc/%d/root/run/pcscd/pcscd.comm", d.namespace.Process.Pid)
	return nil
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
	d.mu.Lock()
	defer d.mu.Unlock()
	nsenter, err := lookPath("nsenter")
	if err != nil {
		return err
	}
	pcscd, err := lookPath("pcscd")
	if err != nil {
		return err
	}
	arguments := []string{"--target", fmt.Sprint(d.namespace.Process.Pid), "--mount"}
	if os.Getuid() != 0 {
		arguments = append(arguments, "--user", "--preserve-credentials")
	}
	arguments = append(arguments, pcscd, "--foreground", "--config", d.config)
	d.log, err = os.Create(d.config + ".log")
	if err != nil {
		return err
	}
	d.cmd = exec.Command(nsenter, arguments...)
	d.cmd.Stdout, d.cmd.Stderr = d.log, d.log
	dieWithParent(d.cmd)
	if err := d.cmd.Start(); err != nil {
		return err
	}
	deadline := time.Now().Add(startup)
	for time.Now().Before(deadline) {
		conn, err := net.Dial("unix", d.Socket)
		port, portErr := net.Dial("tcp", d.Address(0))
		if err == nil {
			conn.Close()
		}
		if portErr == nil {
			port.Close()
		}
		if err == nil && portErr == nil {
			return nil
		}
		time.Sleep(20 * time.Millisecond)
	}
	d.kill()
	output, _ := os.ReadFile(d.config + ".log")
	return fmt.Errorf("pcscd does not answer: %s", output)
}

// Kill ends the daemon at once, as kill -9 does. Launch starts it again.
func (d *Daemon) Kill() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.kill()
}

func (d *Daemon) kill() {
	if d.cmd == nil || d.cmd.Process == nil {
		return
	}
	_ = d.cmd.Process.Signal(syscall.SIGKILL)
	_ = d.cmd.Wait()
	d.cmd = nil
	d.log.Close()
}

// Stop ends the daemon and its namespace.
func (d *Daemon) Stop() {
	d.Kill()
	if d.keep != nil {
		d.keep.Close()
		_ = d.namespace.Wait()
		d.keep = nil
	}
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
