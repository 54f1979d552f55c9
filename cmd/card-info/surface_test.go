package main

import (
	"bytes"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/apdu"
	"github.com/mykeykit/mykeykit/internal/cardtest"
	"github.com/mykeykit/mykeykit/internal/cli"
	"github.com/mykeykit/mykeykit/internal/clitest"
	"github.com/mykeykit/mykeykit/reader"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// The commands ask for what is printed on the card, after the attempts left, and say what was checked
// and what not.
func TestGoldenSurface(t *testing.T) {
	for _, language := range []string{"ja", "en"} {
		var b strings.Builder
		for _, c := range []struct {
			typed, command string
		}{
			{simulator.NumberB, "attributes"}, {simulator.PIN, "attributes --by pin"}, {"60040120355670", "attributes"}, {"1985-04-01", "attributes"},
			{simulator.NumberB, "face --photo photo.png"}, {"012345678901", "face --photo photo.png --by number-a"}, {simulator.NumberB, "face"},
			{simulator.PIN, "number --under-number-act"}, {"012345678901", "number --under-number-act --by number-a"}, {simulator.PIN, "number"},
			{simulator.PIN, "attributes --by number-a"}, {simulator.NumberB, "attributes --authority none.pem"}, {simulator.NumberB, "attributes --simulator android"},
		} {
			t.Chdir(t.TempDir())
			args := strings.Fields(c.command)
			if !strings.Contains(c.command, "--simulator") {
				args = append(args, "--simulator", "contact")
			}
			o := runner{typed: c.typed}.run(t, append(args, "--lang", language)...)
			b.WriteString("$ card-info " + c.command + "\n" + o.terminal + o.stdout + o.stderr + "\n")
		}
		clitest.Fits(t, b.String())
		t.Chdir(packageFolder)
		clitest.Golden(t, "surface-"+language+".txt", b.String())
	}
}

// packageFolder is the folder of this package.
var packageFolder, _ = os.Getwd()

// One secret is sent, the attempts are those that were shown, and the card is logged out.
//
// Faults: F149.
func TestSurfaceSendsOneSecret(t *testing.T) {
	desk := cardtest.New(t, simulator.ContactExtended)
	for _, args := range [][]string{
		{"attributes"}, {"face", "--photo", filepath.Join(t.TempDir(), "a.png")}, {"number", "--by", "number-a", "--under-number-act"},
	} {
		typed := simulator.NumberB
		if args[0] == "number" {
			typed = simulator.DefaultPersona().NumberA()
		}
		desk.Forget()
		o := runner{driver: &desk.Driver, typed: typed}.run(t, args...)
		require.Zero(t, o.exit, o.stderr)
		assert.Equal(t, 1, desk.Secrets(), args)
		assert.NotContains(t, o.stderr+o.terminal, typed)
		assert.False(t, desk.Card.State().Unlocked)
	}
	// Another program uses up an attempt while the number is typed.
	desk.Forget()
	o := runner{driver: &desk.Driver, typed: simulator.NumberB, typing: func() {
		other := desk.OtherProgram(t)
		for _, command := range []string{"\x00\xA4\x04\x0C\x0A\xD3\x92\x10\x00\x31\x00\x01\x01\x04\x08", "\x00\x20\x00\x95\x0E00000000000000"} {
			_, err := other.Transmit(t.Context(), []byte(command))
			require.NoError(t, err)
		}
	}}.run(t, "attributes")
	assert.Equal(t, cli.ExitNoCard, o.exit)
	assert.Contains(t, o.stderr, "[CARD_CHANGED]")
	assert.Zero(t, desk.Secrets())
}

// A locked number and the last attempt are told before anything is asked.
func TestSurfaceAttempts(t *testing.T) {
	desk := cardtest.New(t, simulator.Contact)
	wrong := runner{driver: &desk.Driver, typed: "9999"}
	for range 2 {
		o := wrong.run(t, "attributes", "--by", "pin")
		assert.Equal(t, cli.ExitPIN, o.exit)
		assert.Contains(t, o.stderr, "[ENTRY_WRONG]")
	}
	o := wrong.run(t, "attributes", "--by", "pin")
	assert.Contains(t, o.stderr, "[ENTRY_LAST_ATTEMPT]")
	assert.Empty(t, o.terminal)
	o = runner{driver: &desk.Driver, stdin: "9999\n"}.run(t, "attributes", "--by", "pin", "--pin-stdin")
	assert.Contains(t, o.stderr, "[ENTRY_LAST_ATTEMPT]")
	o = wrong.run(t, "attributes", "--by", "pin", "--allow-last-attempt")
	assert.Equal(t, cli.ExitLocked, o.exit)
	o = wrong.run(t, "attributes", "--by", "pin", "--allow-last-attempt")
	assert.Equal(t, cli.ExitLocked, o.exit)
	assert.Empty(t, o.terminal)
	assert.Equal(t, 3, desk.Secrets())
}

// The JSON says what was checked. The photograph is written to a new file only, as PNG or as the card
// has it, and to none if reading fails.
func TestSurfaceJSON(t *testing.T) {
	folder := t.TempDir()
	path := func(name string) string { return filepath.Join(folder, name) }
	face := func(typed, photo string) outcome {
		return runner{stdin: typed + "\n"}.run(t, "face", "--photo", path(photo), "--pin-stdin", "--json", "--simulator", "contact")
	}
	o := face(simulator.NumberB, "photo.png")
	require.Zero(t, o.exit, o.stderr)
	var got map[string]any
	require.NoError(t, json.Unmarshal([]byte(o.stdout), &got))
	assert.Equal(t, map[string]any{
		"birth": "1985-04-01", "sex": "female", "photo": path("photo.png"), "authority": "simulator", "not_signed": map[string]any{"expiry": "2035-04-01"},
		"checked": []any{"signature", "card-key", "authority"}, "not_checked": []any{"revocation", "validity", "identity-of-bearer"},
	}, got)
	content, err := os.ReadFile(path("photo.png"))
	require.NoError(t, err)
	picture, err := png.Decode(bytes.NewReader(content))
	require.NoError(t, err)
	assert.Equal(t, 378, picture.Bounds().Dx())
	info, err := os.Stat(path("photo.png"))
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())

	require.Zero(t, face(simulator.NumberB, "photo.jp2").exit)
	content, err = os.ReadFile(path("photo.jp2"))
	require.NoError(t, err)
	assert.Equal(t, simulator.DefaultPersona().Photo, content)
	o = face(simulator.NumberB, "photo.jp2")
	assert.Equal(t, cli.ExitUsage, o.exit)
	assert.Contains(t, o.stderr, "PHOTO_FILE")
	for _, elsewhere := range []string{"no-such-folder/photo.png", "photo.png/photo.png"} {
		o = face("00000000000000", elsewhere) // refused before the number is read
		assert.Equal(t, cli.ExitUsage, o.exit)
		assert.Contains(t, o.stderr, "PHOTO_FILE")
	}
	o = face("00000000000000", "wrong.png")
	assert.Equal(t, cli.ExitPIN, o.exit)
	assert.NoFileExists(t, path("wrong.png"))

	o = runner{stdin: simulator.NumberB + "\n"}.run(t, "attributes", "--pin-stdin", "--json", "--simulator", "contact")
	clitest.Golden(t, "attributes.json", o.stdout)
}

// An authority that the caller gives is named; one of another key is an error.
//
// Faults: F143.
func TestSurfaceAuthorities(t *testing.T) {
	desk := cardtest.New(t, simulator.ContactExtended)
	file := func(name string, blocks ...*pem.Block) string {
		path := filepath.Join(t.TempDir(), name)
		var text []byte
		for _, b := range blocks {
			text = append(text, pem.EncodeToMemory(b)...)
		}
		require.NoError(t, os.WriteFile(path, text, 0o600))
		return path
	}
	block := func(card *simulator.Card, id string) *pem.Block {
		list, err := card.Authorities()
		require.NoError(t, err)
		der, err := x509.MarshalPKIXPublicKey(list[1].Key)
		require.NoError(t, err)
		return &pem.Block{Type: "PUBLIC KEY", Headers: map[string]string{"Key-ID": id}, Bytes: der}
	}
	attributes := func(authority ...string) outcome {
		args := []string{"attributes", "--pin-stdin", "--json"}
		for _, a := range authority {
			args = append(args, "--authority", a)
		}
		return runner{driver: &desk.Driver, stdin: simulator.NumberB + "\n"}.run(t, args...)
	}
	assert.Contains(t, attributes().stdout, `"authority":"unknown","checked":["signature"],"not_checked":["authority",`)
	genuine := block(desk.Card, "9000033")
	assert.Contains(t, attributes(file("a.pem", genuine)).stdout, `"authority":"caller"`)
	o := attributes(file("b.pem", block(cardtest.AnotherCard(t, simulator.Contact), "9000033")))
	assert.Equal(t, cli.ExitCertificate, o.exit)
	assert.Contains(t, o.stderr, `"DATA_ALTERED"`)
	for name, blocks := range map[string][]*pem.Block{
		"empty": nil, "no identifier": {{Type: "PUBLIC KEY", Bytes: genuine.Bytes}}, "a certificate": {{Type: "CERTIFICATE", Headers: genuine.Headers, Bytes: genuine.Bytes}},
		"no key": {{Type: "PUBLIC KEY", Headers: genuine.Headers, Bytes: []byte{1}}}, "a second one that is none": {genuine, {Type: "PUBLIC KEY", Headers: genuine.Headers}},
	} {
		desk.Forget()
		o := attributes(file("c.pem", blocks...))
		assert.Equal(t, cli.ExitUsage, o.exit, name)
		assert.Contains(t, o.stderr, `"AUTHORITY_KEY"`, name)
		assert.Empty(t, desk.Sent(), name)
	}
}

// A reader that breaks the connection at an extended length is used again with short ones.
//
// Faults: F146.
func TestSurfaceAtABrokenReader(t *testing.T) {
	desk := cardtest.New(t, simulator.Contact)
	broken := 0
	desk.Before = func(_ int, c apdu.Command) error {
		switch {
		case c.Extended:
			broken = len(desk.Connections())
			return reader.ErrTransport
		case broken == len(desk.Connections()):
			return reader.ErrTransport
		}
		return nil
	}
	o := runner{driver: &desk.Driver, stdin: simulator.NumberB + "\n"}.run(t, "attributes", "--pin-stdin")
	require.Zero(t, o.exit, o.stderr)
	assert.NotZero(t, broken)
	assert.Equal(t, 1, desk.Secrets())
}
