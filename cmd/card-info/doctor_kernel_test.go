package main

import (
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"

	"github.com/mykeykit/mykeykit/internal/cli"
	"github.com/mykeykit/mykeykit/internal/clitest"
	"github.com/mykeykit/mykeykit/reader"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// doctor names each kernel driver that holds a reader, and prints the commands that
// release it.
//
// Faults: F74.
func TestDoctorNamesTheKernelDriver(t *testing.T) {
	one, _ := withCards(t, simulator.Contact)
	none := simulator.New()
	class := func(class string) string { return "sys/bus/usb/devices/1-2:1.0/bInterfaceClass=" + class + "\n" }
	bound := func(driver string) string { return "sys/bus/usb/drivers/" + driver + "/1-2:1.0=" }
	link := func(s system, driver, target string) system {
		s.files.(fstest.MapFS)["sys/bus/usb/drivers/"+driver+"/module"] = &fstest.MapFile{Data: []byte(target), Mode: fs.ModeSymlink | 0o777}
		return s
	}
	for _, tt := range []struct {
		name   string
		driver reader.Driver
		system system
		mark   string
		module string // "": none
		unload string
	}{
		{"an ACR122U", none, machine(nil, class("0b"), bound("pn533_usb")), "ng", "pn533_usb", "pn533_usb pn533 nfc"},
		{"an ACR122U in an old kernel", none, machine(nil, class("0b"), bound("pn533")), "ng", "pn533", "pn533 nfc"},
		{"an RC-S380", none, machine(nil, class("ff"), bound("port100")), "ng", "port100", "port100 nfc_digital nfc"},
		{"a reader of Marvell's", none, machine(nil, class("ff"), bound("nfcmrvl")), "ng", "nfcmrvl_usb", "nfcmrvl_usb nfcmrvl nci nfc"},
		{"no class to read", none, machine(nil, bound("pn533_usb")), "ng", "pn533_usb", "pn533_usb pn533 nfc"},
		{"beside a reader that works", one, machine(nil, class("0b"), bound("pn533_usb")), "ng", "pn533_usb", "pn533_usb pn533 nfc"},
		{"another driver", none, machine(nil, class("0b"), bound("other")), "ng", "other", "other"},
		{"another driver with another module", none, link(machine(nil, class("0b"), bound("other")), "other", "../../../../module/its_module"), "ng", "its_module", "its_module"},
		{"a driver with an unsafe name", none, machine(nil, class("0b"), bound("a;reboot")), "ng", "", ""},
		{"a program's", one, machine(nil, class("0b"), bound("usbfs")), "ok", "", ""},
		{"a mouse", one, machine(nil, class("03"), bound("usbhid")), "--", "", ""},
		{"a module that holds nothing", one, machine(nil, usbReader, "sys/bus/usb/drivers/pn533_usb/module=", "sys/module/pn533_usb/refcnt=0\n"), "ok", "", ""},
		{"on another system", none, system{os: "darwin", files: machine(nil, bound("pn533_usb")).files}, "--", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := runner{driver: tt.driver, system: tt.system}
			found, _ := diagnose(t, d)
			assert.Equal(t, tt.mark, strings.Fields(marksOf(found))[3])
			assert.Empty(t, found.Warnings)
			for _, language := range []string{"en", "ja"} {
				text := d.run(t, "doctor", "--lang", language).stdout
				clitest.Fits(t, text)
				if tt.module == "" {
					assert.NotContains(t, text, "modprobe")
					assert.NotContains(t, text, "reboot")
					continue
				}
				assert.Regexp(t, `(module|モジュール) `+tt.module+`[)）]`, text)
				assert.Contains(t, text, "sudo modprobe -r "+tt.unload+"\n")
				assert.Contains(t, text, "echo blacklist "+tt.module+" | sudo tee /etc/modprobe.d/"+tt.module+".conf\n")
			}
		})
	}
}

// Each module that holds a reader is listed once.
//
// Faults: F74.
func TestDoctorNamesSeveralKernelDrivers(t *testing.T) {
	d := runner{system: machine(nil,
		"sys/bus/usb/drivers/pn533_usb/1-2:1.0=", "sys/bus/usb/drivers/pn533_usb/1-3:1.0=", "sys/bus/usb/drivers/port100/2-1:1.0=")}
	found, o := diagnose(t, d)
	assert.Equal(t, cli.ExitNoReader, o.exit)
	assert.Equal(t, "pn533_usb, port100", found.Steps[3].Found)
	text := d.run(t, "doctor").stdout
	assert.Equal(t, 1, strings.Count(text, "modprobe -r pn533_usb"))
	assert.Equal(t, 1, strings.Count(text, "modprobe -r port100"))
}

// A built-in NFC chip does not make a working reader NG.
//
// Faults: F74.
func TestDoctorWarnsOfAnotherNFCDevice(t *testing.T) {
	driver, _ := withCards(t, simulator.Contact)
	d := runner{driver: driver, system: machine(nil, usbReader, "sys/bus/usb/drivers/nfcmrvl/1-9:1.0=")}
	found, o := diagnose(t, d)
	assert.Zero(t, o.exit)
	assert.True(t, found.OK)
	assert.Equal(t, "ok ok ok ok ok ok ok", marksOf(found))
	assert.Len(t, found.Warnings, 1)
	assert.Contains(t, d.run(t, "doctor").stdout, "modprobe -r nfcmrvl_usb")

	o = d.run(t, "doctor", "--simulator", "contact")
	assert.NotContains(t, o.stdout, "modprobe", "a simulated card has no kernel driver")
}
