package peertest_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/cardtest"
	"github.com/mykeykit/mykeykit/internal/pcscdtest"
	"github.com/mykeykit/mykeykit/internal/peertest"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// run runs a program with the simulated card in a reader of a pcscd of its own.
func run(t *testing.T, card *simulator.Card, program string, arguments ...string) string {
	t.Helper()
	daemon := pcscdtest.Require(t)
	t.Cleanup(daemon.Insert(0, card))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, program, arguments...)
	c.Env = append(os.Environ(), pcscdtest.SocketVariable+"="+daemon.Socket)
	var out []byte
	var err error
	for range 20 { // until pcscd has detected the card
		c := *c
		if out, err = c.CombinedOutput(); err == nil {
			break
		}
		time.Sleep(200 * time.Millisecond)
	}
	require.NoError(t, err, "%s", out)
	return string(out)
}

// The program of the crate myna-card reads every application of the simulated card and verifies its
// signatures, down to the simulator's authorities, which it does not know.
func TestPeerProgram(t *testing.T) {
	program := filepath.Join(peertest.Folder(t), "target", "release", "examples", "read_card")
	persona, folder := simulator.DefaultPersona(), t.TempDir()
	out := run(t, cardtest.NewCard(t, simulator.Contact), program, "--pin", simulator.PIN, "--birth-date", persona.BirthAsPrinted,
		"--code-a", persona.NumberA(), "--out", folder)
	for _, line := range []string{
		persona.Name, persona.Address, "signed key   2048 bit  [verified]", "signature [verified], 個人番号 digest [ok], 基本4情報 digest [ok]",
		"年齢確認     生年月日 1985-04-01  [verified]", "券面         生年月日 1985-04-01, 有効期限 2035-04-01, 性別 Female  [verified]",
		"challenge    16 bytes signed by the card key  [verified]", "my-number    signature [verified]", "card's CA    auth <- auth-ca  [verified]",
		"no CA key for 証明者鍵ID 9000033", "利用者証明用 retries 3",
	} {
		assert.Contains(t, out, line)
	}
	photo, err := os.ReadFile(filepath.Join(folder, "photo.jp2"))
	require.NoError(t, err)
	assert.Equal(t, persona.Photo, photo)
}

// A script that uses pyscard reads the simulated card too.
func TestPeerScript(t *testing.T) {
	python := filepath.Join(peertest.Folder(t), "..", "python", "bin", "python3")
	persona := simulator.DefaultPersona()
	out := run(t, cardtest.NewCard(t, simulator.Contact), python, filepath.Join("testdata", "read_card.py"), persona.NumberB())
	assert.Equal(t, fmt.Sprintf("name: %s\nphotograph: %d\n", persona.Name, len(persona.Photo)), out)
}
