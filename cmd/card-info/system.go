package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/user"
	"path"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/mykeykit/mykeykit/internal/cli"
	"github.com/mykeykit/mykeykit/mykey/message"
	"github.com/mykeykit/mykeykit/reader"
)

// system gives doctor read access to the machine beyond PC/SC. It never changes the
// machine or ends a program.
type system struct {
	os    string
	files fs.FS                     // the root of the file system, for /proc, /sys and /usr
	dial  func(socket string) error // connects to a Unix socket
	user  func() string             // the name of the current user; "" if unknown
}

func thisSystem() system {
	return system{
		os:    runtime.GOOS,
		files: os.DirFS("/"),
		dial: func(socket string) error {
			conn, err := net.DialTimeout("unix", socket, time.Second)
			if err != nil {
				return err
			}
			return conn.Close()
		},
		user: func() string {
			current, err := user.Current()
			if err != nil {
				return ""
			}
			return current.Username
		},
	}
}

// The default path of pcscd's socket, and the environment variable that overrides it.
const (
	pcscdSocket         = "/run/pcscd/pcscd.comm"
	pcscdSocketVariable = "PCSCLITE_CSOCK_NAME"
)

// diagnoseService returns, on Linux, a more precise reason why pcscd could not be
// reached. Otherwise it returns known.
func (s system) diagnoseService(getenv func(string) string, known error) error {
	if s.os != "linux" || errors.Is(known, reader.ErrDenied) || !errors.Is(known, reader.ErrNoService) {
		return known
	}
	socket := getenv(pcscdSocketVariable)
	if socket == "" {
		socket = pcscdSocket
	}
	err := s.dial(socket)
	switch {
	case errors.Is(err, fs.ErrPermission):
		return cli.Because(fmt.Errorf("%w: %w", reader.ErrDenied, err), message.PCSCDenied, textSocketDenied, textSocketDeniedNext)
	case errors.Is(err, fs.ErrNotExist) && !s.installed():
		return cli.Because(known, message.PCSCUnavailable, textPCSCDMissing, textPCSCDMissingNext)
	case errors.Is(err, fs.ErrNotExist):
		return cli.Because(known, message.PCSCUnavailable, textPCSCDStopped, textPCSCDStoppedNext)
	case err != nil: // connection refused: nobody listens on the socket any more
		return cli.Because(known, message.PCSCUnavailable, textPCSCDDied, textPCSCDDiedNext)
	}
	return cli.Because(known, message.PCSCUnavailable, textPCSCDMismatch, textPCSCDMismatchNext)
}

// installed reports whether pcscd is installed.
func (s system) installed() bool {
	for _, name := range []string{"usr/sbin/pcscd", "usr/bin/pcscd", "usr/local/sbin/pcscd"} {
		if _, err := fs.Stat(s.files, name); err == nil {
			return true
		}
	}
	return false
}

// errNoDriver reports that more readers are plugged in than PC/SC knows.
var errNoDriver = cli.Because(fmt.Errorf("%w for a reader that is plugged in", reader.ErrNoReader), message.ReaderNotFound, textNoDriver, textNoDriverNext)

// usbReaders counts, on Linux, the USB interfaces of smart-card readers.
func (s system) usbReaders() (n int) {
	if s.os != "linux" {
		return 0
	}
	interfaces, _ := fs.Glob(s.files, "sys/bus/usb/devices/*/bInterfaceClass")
	for _, file := range interfaces {
		if s.isCardInterface(path.Base(path.Dir(file))) {
			n++
		}
	}
	return n
}

// isCardInterface reports whether a USB interface, as in "1-2:1.0", has the class
// for smart-card readers (0B: USB-IF's list of class codes).
func (s system) isCardInterface(name string) bool {
	class, err := fs.ReadFile(s.files, path.Join("sys/bus/usb/devices", name, "bInterfaceClass"))
	return err == nil && strings.TrimSpace(string(class)) == "0b"
}

// process is a running program.
type process struct {
	Name string `json:"name"`
	PID  int    `json:"pid"`
}

// knownHolders returns the names of programs that are known to keep connections to
// cards: GnuPG's daemon, desktop services, agents and PKCS #11 servers, and browsers
// with a security device.
func knownHolders() map[string]bool {
	return map[string]bool{
		"scdaemon": true, "gsd-smartcard": true, "yubikey-agent": true, "pivy-agent": true, "pcsc_scan": true,
		"p11-kit-server": true, "p11-kit-remote": true, "opensc-notify": true,
		"firefox": true, "firefox-esr": true, "chrome": true, "chromium": true,
	}
}

// holders lists, on Linux, the running programs that are known to hold cards, each name
// once, with its lowest process number.
func (s system) holders() (found []process) {
	index := map[string]int{} // in found, by name
	for _, p := range s.processes() {
		if !knownHolders()[p.Name] {
			continue
		}
		if i, known := index[p.Name]; known {
			found[i].PID = min(found[i].PID, p.PID)
			continue
		}
		index[p.Name] = len(found)
		found = append(found, p)
	}
	return found
}

// logsCommands reports whether a pcscd writes every command, and so every PIN, to its
// log.
func (s system) logsCommands() bool {
	for _, p := range s.processes() {
		if p.Name != "pcscd" {
			continue
		}
		line, _ := fs.ReadFile(s.files, path.Join("proc", strconv.Itoa(p.PID), "cmdline"))
		for _, argument := range strings.Split(string(line), "\x00") {
			short := strings.HasPrefix(argument, "-") && !strings.HasPrefix(argument, "--")
			if argument == "--apdu" || short && strings.Contains(argument, "a") {
				return true
			}
		}
	}
	return false
}

// processes lists, on Linux, the running processes. The kernel truncates names to 15
// bytes.
func (s system) processes() (found []process) {
	if s.os != "linux" {
		return nil
	}
	entries, _ := fs.Glob(s.files, "proc/[0-9]*/comm")
	for _, entry := range entries {
		pid, err := strconv.Atoi(path.Base(path.Dir(entry)))
		if err != nil {
			continue
		}
		if name, err := fs.ReadFile(s.files, entry); err == nil { // the process may have ended
			found = append(found, process{Name: strings.TrimSpace(string(name)), PID: pid})
		}
	}
	return found
}
