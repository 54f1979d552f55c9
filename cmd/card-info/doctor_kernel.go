package main

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/mykeykit/mykeykit/internal/cli"
	"github.com/mykeykit/mykeykit/mykey/message"
	"github.com/mykeykit/mykeykit/reader"
)

// nfcModules lists the USB drivers of Linux's NFC subsystem with their module and the
// modules that it depends on. They bind to readers before pcscd can: pn533 to the ACR122U
// and others with a PN53x, port100 to Sony's RC-S380, nfcmrvl to Marvell's.
func nfcModules() map[string][]string {
	return map[string][]string{
		"pn533_usb": {"pn533_usb", "pn533", "nfc"},
		"pn533":     {"pn533", "nfc"}, // in old kernels
		"port100":   {"port100", "nfc_digital", "nfc"},
		"nfcmrvl":   {"nfcmrvl_usb", "nfcmrvl", "nci", "nfc"},
	}
}

// holder is a kernel driver that holds a reader, so that pcscd can't use it.
type holder struct {
	modules []string // the driver's own module first
	certain bool     // it holds an interface of the smart-card class
}

func (h holder) module() string { return h.modules[0] }

// usbfs is the driver of an interface that a program, such as pcscd, has claimed.
const usbfs = "usbfs"

// kernelHolders returns, on Linux, the kernel drivers that hold readers: those of the NFC
// subsystem, and any other that holds an interface of the smart-card class.
func (s system) kernelHolders() (found []holder) {
	if s.os != "linux" {
		return nil
	}
	bound, _ := fs.Glob(s.files, "sys/bus/usb/drivers/*/*:*")
	for _, link := range bound {
		driver := path.Base(path.Dir(link))
		modules, nfc := nfcModules()[driver]
		certain := s.isCardInterface(path.Base(link))
		if driver == usbfs || !nfc && !certain {
			continue
		}
		if !nfc {
			modules = s.moduleOf(driver)
		}
		if len(modules) == 0 {
			continue
		}
		i := slices.IndexFunc(found, func(h holder) bool { return h.module() == modules[0] })
		if i < 0 {
			found = append(found, holder{modules: modules, certain: certain})
			continue
		}
		found[i].certain = found[i].certain || certain
	}
	return found
}

// safeInCommand reports whether a name is safe in a command that staff will copy.
func safeInCommand(s string) bool {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"
	return s != "" && s[0] != '-' && strings.Trim(s, letters) == ""
}

// moduleOf returns the module of a USB driver, or nil if its name is not safe to print in
// a command.
func (s system) moduleOf(driver string) []string {
	name := driver
	if target, err := fs.ReadLink(s.files, path.Join("sys/bus/usb/drivers", driver, "module")); err == nil {
		name = path.Base(target)
	}
	if !safeInCommand(name) {
		return nil
	}
	return []string{name}
}

// errKernelHolds returns the failure for drivers that hold readers, with the remedy.
func errKernelHolds(holders []holder) error {
	what, next := kernelHoldsTexts(holders)
	return cli.Because(fmt.Errorf("%w: a kernel driver holds a reader: %s", reader.ErrNoReader, namesOfModules(holders)),
		message.ReaderNotFound, what, next)
}

func namesOfModules(holders []holder) string {
	var names []string
	for _, h := range holders {
		names = append(names, h.module())
	}
	return strings.Join(names, ", ")
}

// kernelHoldsTexts returns the cause and the remedy: commands to unload the modules and
// to keep them from being loaded again.
func kernelHoldsTexts(holders []holder) (what, next Text) {
	var unload, blacklist strings.Builder
	for _, h := range holders {
		fmt.Fprintf(&unload, "  sudo modprobe -r %s\n", strings.Join(h.modules, " "))
		fmt.Fprintf(&blacklist, "  echo blacklist %s | sudo tee /etc/modprobe.d/%[1]s.conf\n", h.module())
	}
	names := namesOfModules(holders)
	what = Text{JA: fmt.Sprintf(textKernelHolds.JA, names), EN: fmt.Sprintf(textKernelHolds.EN, names)}
	next = Text{
		JA: fmt.Sprintf(textKernelHoldsNext.JA, unload.String(), blacklist.String()),
		EN: fmt.Sprintf(textKernelHoldsNext.EN, unload.String(), blacklist.String()),
	}
	return what, next
}
