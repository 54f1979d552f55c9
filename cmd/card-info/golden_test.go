package main

import (
	"io/fs"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/clitest"
	"github.com/mykeykit/mykeykit/reader"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// The golden files show the whole output as users see it.
func TestGoldenReports(t *testing.T) {
	for _, profile := range simulator.Profiles() {
		for _, language := range []string{"ja", "en"} {
			t.Run(string(profile)+" "+language, func(t *testing.T) {
				args := []string{"--simulator", string(profile), "--lang", language}
				report := runner{}.run(t, args...)
				id := runner{typed: "1234"}.run(t, append(idArgs(t), args...)...)
				wrong := runner{typed: "9999"}.run(t, append(idArgs(t), args...)...)
				retries := runner{}.run(t, append([]string{"retries"}, args...)...)
				var b strings.Builder
				for _, part := range []struct {
					title string
					outcome
				}{{"card-info", report}, {"card-info retries", retries}, {"card-info id", id}, {"card-info id, wrong PIN", wrong}} {
					b.WriteString("$ " + part.title + "\n" + part.terminal + part.stdout + part.stderr + "\n")
				}
				clitest.Fits(t, b.String())
				clitest.Golden(t, string(profile)+"-"+language+".txt", b.String())
			})
		}
		t.Run(string(profile)+" json", func(t *testing.T) {
			o := runner{}.run(t, "--simulator", string(profile), "--json")
			clitest.Golden(t, string(profile)+".json", o.stdout)
		})
	}
}

func TestGoldenHelp(t *testing.T) {
	for _, language := range []string{"ja", "en"} {
		var b strings.Builder
		for _, command := range []string{"", "list", "watch", "retries", "cert", "id", "attributes", "face", "number", "sign", "verify", "keygen", "doctor", "ssh-agent", "ssh-key", "logout", "simulate"} {
			o := runner{}.run(t, append(strings.Fields("help "+command), "--lang", language)...)
			require.Zero(t, o.exit, o.stderr)
			b.WriteString("$ card-info help " + command + "\n" + o.stdout + "\n")
		}
		clitest.Fits(t, b.String())
		clitest.Golden(t, "help-"+language+".txt", b.String())
	}
}

func TestGoldenDoctor(t *testing.T) {
	for _, language := range []string{"ja", "en"} {
		driver, _ := withCards(t, simulator.Contact)
		var b strings.Builder
		for _, d := range []runner{
			{driver: driver, system: machine(nil, usbReader, "proc/812/comm=scdaemon\n", "proc/640/comm=pcscd\n", "proc/640/cmdline=pcscd\x00--apdu\x00")},
			{driver: failingDriver{simulator.New(), reader.ErrNoService}, system: machine(fs.ErrNotExist)},
			{driver: failingDriver{simulator.New(), reader.ErrDenied}, system: machine(nil)},
			{driver: simulator.New(), system: machine(nil, usbReader)},
			{driver: simulator.New(), system: machine(nil, usbReader, "sys/bus/usb/drivers/pn533_usb/1-1:1.0=")},
		} {
			b.WriteString("$ card-info doctor\n" + d.run(t, "doctor", "--lang", language).stdout + "\n")
		}
		clitest.Fits(t, b.String())
		clitest.Golden(t, "doctor-"+language+".txt", b.String())
	}
}

func TestGoldenTrace(t *testing.T) {
	o := runner{stdin: "1234\n"}.run(t, idArgs(t, "--pin-stdin", "--trace", "--simulator", "contact-extended")...)
	require.Zero(t, o.exit)
	clitest.Golden(t, "trace.txt", o.stderr)
}
