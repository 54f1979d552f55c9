//go:build cgo && linux

package main

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/cli"
	"github.com/mykeykit/mykeykit/internal/pcscdtest"
)

// The commands of pcscd's protocol (pcsc-lite's winscard_msg.h) that a program
// sends to establish a context.
const (
	pcscdEstablish = 0x01
	pcscdVersion   = 0x11
)

// failingPCSCD starts a server that acts as pcscd and fails SCardEstablishContext with a
// code.
func failingPCSCD(t *testing.T, code uint32) bench {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "pcscd.comm")
	listener, err := net.Listen("unix", socket)
	require.NoError(t, err)
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go refuseContext(client, code)
		}
	}()
	return bench{&pcscdtest.Daemon{Socket: socket}}
}

// refuseContext answers one client: a header of size and command, then a body
// whose last word is the result.
func refuseContext(client net.Conn, code uint32) {
	defer client.Close()
	for {
		var header [8]byte
		if _, err := io.ReadFull(client, header[:]); err != nil {
			return
		}
		body := make([]byte, min(binary.NativeEndian.Uint32(header[:]), 1<<16))
		if _, err := io.ReadFull(client, body); err != nil || len(body) < 4 {
			return
		}
		result := uint32(0)
		switch binary.NativeEndian.Uint32(header[4:]) {
		case pcscdVersion:
		case pcscdEstablish:
			result = code
		default:
			return
		}
		binary.NativeEndian.PutUint32(body[len(body)-4:], result)
		if _, err := client.Write(body); err != nil {
			return
		}
	}
}

// Whatever code the service fails with, the message blames the service and does not ask
// the user to put the card back.
//
// Faults: F73.
func TestServiceFailsWithAnyCodeThroughPCSCD(t *testing.T) {
	for _, tt := range []struct {
		code uint32
		want string
	}{
		{0x80100001, "PCSC_UNAVAILABLE"}, // an internal error
		{0x80100006, "PCSC_UNAVAILABLE"}, // no memory
		{0x80100009, "PCSC_UNAVAILABLE"}, // unknown reader
		{0x8010000B, "PCSC_UNAVAILABLE"}, // sharing violation
		{0x8010000C, "PCSC_UNAVAILABLE"}, // no card
		{0x80100069, "PCSC_UNAVAILABLE"}, // removed
		{0x8010FFFF, "PCSC_UNAVAILABLE"},
		{0x00000006, "PCSC_UNAVAILABLE"},
		{0x8010006A, "PCSC_DENIED"},
	} {
		t.Run(fmt.Sprintf("%08X", tt.code), func(t *testing.T) {
			t.Parallel()
			b := failingPCSCD(t, tt.code)
			for _, args := range [][]string{
				nil, {"list"}, {"retries"}, {"cert"}, {"doctor"}, {"--reader", "A"}, {"--wait", "1s"}, idArgs(t, "--pin-stdin"),
			} {
				o := b.cardInfo(t, "1234\n", append(args, "--json")...)
				assert.Equal(t, cli.ExitNoReader, o.exit, "%v: %s", args, o.stderr)
				code, _ := failureOf(t, o)
				assert.Equal(t, tt.want, code, "%v", args)
				assert.Contains(t, o.stderr, fmt.Sprintf("%08X", tt.code))
				assert.NotContains(t, o.stdout+o.stderr, "Put the card back")
			}
		})
	}
}
