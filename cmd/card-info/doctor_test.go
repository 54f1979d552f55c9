package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/cardtest"
	"github.com/mykeykit/mykeykit/internal/cli"
	"github.com/mykeykit/mykeykit/internal/termtext"
	"github.com/mykeykit/mykeykit/mykey/message"
	"github.com/mykeykit/mykeykit/reader"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// machine returns a Linux system with these files, on which dialing pcscd returns err.
func machine(err error, files ...string) system {
	m := fstest.MapFS{}
	for _, file := range files {
		name, content, _ := strings.Cut(file, "=")
		m[name] = &fstest.MapFile{Data: []byte(content)}
	}
	return system{
		os: "linux", files: m,
		dial: func(string) error { return err },
		user: func() string { return "kiosk" },
	}
}

// failingDriver is a driver whose Readers returns an error.
type failingDriver struct {
	*simulator.Driver
	err error
}

func (b failingDriver) Readers(context.Context) ([]reader.Reader, error) { return nil, b.err }

func diagnose(t *testing.T, d runner, args ...string) (diagnosis, outcome) {
	t.Helper()
	o := d.run(t, append([]string{"doctor", "--json"}, args...)...)
	var found diagnosis
	require.NoError(t, json.Unmarshal([]byte(o.stdout), &found), o.stdout+o.stderr)
	return found, o
}

// marksOf returns the results in the order of the steps, as in "ok ok ng -- -- -- --".
func marksOf(d diagnosis) string {
	var list []string
	for i, s := range d.Steps {
		if s.Name != stepNames[i] {
			return "out of order"
		}
		list = append(list, strings.ToLower(marks()[s.Result]))
	}
	return strings.Join(list, " ")
}

const usbReader = "sys/bus/usb/devices/1-1:1.0/bInterfaceClass=0b\n"

// doctor distinguishes these causes by marks, failure code, text and exit code.
//
// Faults: F01, F04, F05, F06, F40.
func TestDoctor(t *testing.T) {
	withProfiles := func(profiles ...simulator.Profile) reader.Driver {
		driver, _ := withCards(t, profiles...)
		return driver
	}
	empty := simulator.New()
	empty.AddReader("Reader")
	failing := func(on simulator.Operation, action simulator.Action) reader.Driver {
		driver := simulator.New()
		slot := driver.AddReader("Reader")
		card, err := simulator.NewCard(simulator.Contact, simulator.WithInsecureSeed(simulatorSeed))
		require.NoError(t, err)
		require.NoError(t, slot.Insert(card))
		slot.AddFault(simulator.Fault{On: on, Do: action})
		return driver
	}
	down := func(err error) reader.Driver { return failingDriver{simulator.New(), err} }
	installed := "usr/sbin/pcscd="
	for _, tt := range []struct {
		name   string
		driver reader.Driver
		system system
		marks  string
		code   message.Code
		says   string
		exit   int
	}{
		{"all is well", withProfiles(simulator.Contact), machine(nil, usbReader), "ok ok ok ok ok ok ok", "", "", 0},
		{"a virtual reader", withProfiles(simulator.Contact), machine(nil), "ok ok ok -- ok ok ok", "", "", 0},
		{"not installed", down(reader.ErrNoService), machine(fs.ErrNotExist), "ng -- -- -- -- -- --", "PCSC_UNAVAILABLE", "not installed", 3},
		{"not running", down(reader.ErrNoService), machine(fs.ErrNotExist, installed), "ng -- -- -- -- -- --", "PCSC_UNAVAILABLE", "not running", 3},
		{"crashed", down(reader.ErrNoService), machine(syscall.ECONNREFUSED, installed), "ng -- -- -- -- -- --", "PCSC_UNAVAILABLE", "crashed", 3},
		{"another version", down(reader.ErrNoService), machine(nil, installed), "ng -- -- -- -- -- --", "PCSC_UNAVAILABLE", "same version", 3},
		{"on another system", down(reader.ErrNoService), system{os: "windows", files: fstest.MapFS{}}, "ng -- -- -- -- -- --", "PCSC_UNAVAILABLE", "cannot be reached", 3},
		{"built without PC/SC", down(reader.ErrUnsupported), machine(nil), "ng -- -- -- -- -- --", "PCSC_UNSUPPORTED", "built without support", 3},
		{"the socket is closed to us", down(reader.ErrNoService), machine(&fs.PathError{Op: "connect", Err: syscall.EACCES}), "ok ng -- -- -- -- --", "PCSC_DENIED", "not allowed to open", 3},
		{"the policy refuses us", down(reader.ErrDenied), machine(nil), "ok ng -- -- -- -- --", "PCSC_DENIED", "polkit", 3},
		{"no reader", simulator.New(), machine(nil), "ok ok ng -- -- -- --", "READER_NOT_FOUND", "No card reader", 3},
		{"no reader, for want of a driver", simulator.New(), machine(nil, usbReader), "ok ok ng ng -- -- --", "READER_NOT_FOUND", "libccid", 3},
		{"one of two without a driver", withProfiles(simulator.Contact), machine(nil, usbReader, "sys/bus/usb/devices/1-2:1.0/bInterfaceClass=0b\n"), "ok ok ok ng ok ok ok", "READER_NOT_FOUND", "libccid", 3},
		{"no card", empty, machine(nil), "ok ok ok -- ng -- --", "CARD_ABSENT", "Place your", 4},
		{"several cards", withProfiles(simulator.Contact, simulator.Contact), machine(nil), "ok ok ok -- ng -- --", "SEVERAL_CARDS", "Reader 2", 2},
		{"in use", failing(simulator.Connect, simulator.FailBefore(reader.ErrBusy)), machine(nil), "ok ok ok -- ng -- --", "READER_BUSY", "Another program", 1},
		{"some other card", withProfiles(simulator.NotMyNumber), machine(nil), "ok ok ok -- ok ng --", "NOT_MYNUMBER_CARD", "not a My Number Card", 5},
		{"256 bytes get lost", failing(simulator.Transmit, without256()), machine(nil), "ok ok ok -- ok ok ng", "EXCHANGE_FAILED", "use another card reader", 1},
		{"256 bytes get lost, on a Mac", failing(simulator.Transmit, without256()), system{os: "darwin", files: fstest.MapFS{}}, "ok ok ok -- ok ok ng", "EXCHANGE_FAILED", "useIFDCCID", 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := runner{driver: tt.driver, system: tt.system}
			found, o := diagnose(t, d)
			assert.Equal(t, tt.marks, marksOf(found))
			assert.Equal(t, tt.exit, o.exit)
			assert.Equal(t, tt.exit == 0, found.OK)
			if tt.exit != 0 {
				code, _ := failureOf(t, o)
				assert.Equal(t, string(tt.code), code)
			}
			text := d.run(t, "doctor")
			assert.Equal(t, tt.exit, text.exit)
			assert.Empty(t, text.stderr, "reported only on standard output")
			assert.Contains(t, text.stdout, tt.says)
			for _, language := range []string{"en", "ja"} {
				for line := range strings.Lines(d.run(t, "doctor", "--lang", language).stdout) {
					assert.LessOrEqual(t, termtext.Columns(strings.TrimRight(line, "\n")), 80, line)
				}
			}
		})
	}
}

// without256 is a reader that loses responses of 256 bytes.
func without256() simulator.Action {
	return func(_ context.Context, _ *simulator.Reader, next func() ([]byte, error)) ([]byte, error) {
		response, err := next()
		if len(response) == 258 {
			return response[256:], err
		}
		return response, err
	}
}

// doctor sends no PIN and uses no attempt, with every profile.
func TestDoctorUsesNoAttempt(t *testing.T) {
	for _, profile := range simulator.Profiles() {
		driver, cards := withCards(t, profile)
		before := cards[0].State()
		m := &cardtest.Driver{Driver: driver}
		_, o := diagnose(t, runner{driver: m, system: machine(nil)})
		assert.Equal(t, profile == simulator.NotMyNumber, o.exit != 0, profile)
		assert.Zero(t, m.Secrets())
		after := cards[0].State()
		assert.Equal(t, before.AuthAttempts, after.AuthAttempts)
		assert.Equal(t, before.SignatureAttempts, after.SignatureAttempts)
	}
}

func TestDoctorNamesProgramsThatHoldCards(t *testing.T) {
	driver, _ := withCards(t, simulator.Contact)
	running := func(pid int, name string, arguments ...string) []string {
		return []string{
			fmt.Sprintf("proc/%d/comm=%s\n", pid, name),
			fmt.Sprintf("proc/%d/cmdline=%s\x00", pid, strings.Join(append([]string{name}, arguments...), "\x00")),
		}
	}
	var files []string
	for _, process := range [][]string{
		running(400, "firefox"), running(77, "firefox"), running(5, "scdaemon", "--multi-server"), running(6, "bash"), running(7, "pcscd", "--foreground"),
	} {
		files = append(files, process...)
	}
	d := runner{driver: driver, system: machine(nil, files...)}
	found, o := diagnose(t, d)
	assert.Zero(t, o.exit)
	assert.ElementsMatch(t, []process{{"scdaemon", 5}, {"firefox", 77}}, found.Programs)
	assert.Empty(t, found.Warnings)
	text := d.run(t, "doctor").stdout
	assert.Contains(t, text, "scdaemon (5)")
	assert.NotContains(t, text, "bash")

	for _, flag := range []string{"--apdu", "-a", "-fda"} {
		d.system = machine(nil, running(7, "pcscd", "--foreground", flag)...)
		found, o := diagnose(t, d)
		assert.Zero(t, o.exit)
		require.Len(t, found.Warnings, 1, flag)
		assert.Contains(t, d.run(t, "doctor").stdout, "PINs included")
	}
	for _, args := range [][]string{{"--config", "/a"}, {"-f"}, {"--auto-exit"}} {
		d.system = machine(nil, running(7, "pcscd", args...)...)
		found, _ := diagnose(t, d)
		assert.Empty(t, found.Warnings, args)
	}

	// No other program holds a simulated card.
	o = runner{system: machine(nil, files...)}.run(t, "doctor", "--simulator", "contact")
	assert.NotContains(t, o.stdout, "scdaemon")
}

// doctor works on the system that the test runs on.
func TestDoctorOnThisSystem(t *testing.T) {
	s := thisSystem()
	assert.Error(t, s.dial("/nonexistent/socket"))
	assert.NotPanics(t, func() { s.holders(); s.usbReaders(); s.logsCommands() })
	o := runner{driver: failingDriver{simulator.New(), reader.ErrNoService}, system: s}.run(t, "doctor", "--json")
	assert.Equal(t, cli.ExitNoReader, o.exit)
}
