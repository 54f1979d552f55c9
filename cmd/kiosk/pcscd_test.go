//go:build cgo

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/cookiejar"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/democard"
	"github.com/mykeykit/mykeykit/internal/pcscdtest"
	"github.com/mykeykit/mykeykit/reader/pcsc"
	"github.com/mykeykit/mykeykit/reader/readertest"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

func TestMain(m *testing.M) {
	if os.Args[0] == "kiosk" { // a test has started the program
		main()
		return
	}
	os.Exit(pcscdtest.Main(m))
}

// The installed program works with a card in pcscd, key files, a CA certificate and
// requests of a browser.
func TestThroughPCSCD(t *testing.T) {
	daemon := pcscdtest.Shared(t)
	card, err := democard.New(simulator.Contact)
	require.NoError(t, err)
	remove := daemon.Insert(0, card)
	defer func() {
		remove()
		readertest.AwaitEmpty(t, readertest.Fixture{Driver: pcsc.New(), Reader: pcscdtest.Readers[0]})
	}()

	dir := t.TempDir()
	write := func(name, content string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		return path
	}
	url := filepath.Join(dir, "url")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	p := newProgram(os.Stdout, os.Stderr)
	p.driver = pcsc.New()
	public := filepath.Join(dir, "operator.public")
	require.Zero(t, testEnv{}.run(t, "operator-keygen", filepath.Join(dir, "operator.private"), public).exit)
	c := p.command()
	c.SetArgs([]string{
		"--operator-key", public, "--terminal-key", write("terminal.key", string(testTerminal().RevealText())),
		"--campaign", filepath.Join("campaigns", "demo.toml"), "--registry", "sqlite:" + filepath.Join(dir, "kiosk.db"),
		"--namespace-key", write("namespace.key", "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"),
		"--registry-key", write("registry.key", "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f"),
		"--ca-certificate", write("ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: card.CACertificate().Raw}))),
		"--reader", pcscdtest.Readers[0], "--url-file", url,
	})
	running, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- c.ExecuteContext(running) }()
	var start []byte
	require.Eventually(t, func() bool {
		start, err = os.ReadFile(url)
		return err == nil && strings.HasSuffix(string(start), "\n")
	}, 20*time.Second, time.Millisecond)
	address := strings.TrimSpace(string(start))
	host, _, _ := strings.Cut(strings.TrimPrefix(address, "http://"), "/")

	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	client := &http.Client{Jar: jar}
	answer, err := client.Get(address)
	require.NoError(t, err)
	answer.Body.Close()
	require.Equal(t, http.StatusOK, answer.StatusCode)
	stream, err := client.Get("http://" + host + "/events")
	require.NoError(t, err)
	defer stream.Body.Close()
	lines := bufio.NewScanner(stream.Body)
	lines.Buffer(nil, 1<<20)
	type view struct{ Step, Screen, HTML string }
	awaits := func(screen string) (v view) {
		t.Helper()
		for lines.Scan() {
			if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				require.NoError(t, json.Unmarshal([]byte(data), &v))
				if v.Screen == screen {
					return v
				}
			}
		}
		require.Fail(t, "the stream ended", "%s: %v", screen, lines.Err())
		return v
	}
	post := func(path, step, body string) {
		t.Helper()
		r, err := http.NewRequestWithContext(ctx, "POST", "http://"+host+path, strings.NewReader(body))
		require.NoError(t, err)
		r.Header.Set("Origin", "http://"+host)
		r.Header.Set("Step", step)
		answer, err := client.Do(r)
		require.NoError(t, err)
		answer.Body.Close()
		require.Equal(t, http.StatusNoContent, answer.StatusCode, path)
	}
	v := awaits("welcome")
	post("/action", "", `{"step":"`+v.Step+`","name":"start","lang":"en"}`)
	v = awaits("pin")
	assert.Contains(t, v.HTML, "Attempts left")
	post("/pin", v.Step, "9999")
	v = awaits("wrong-pin")
	assert.Equal(t, 2, card.State().AuthAttempts)
	post("/action", "", `{"step":"`+v.Step+`","name":"try-again"}`)
	v = awaits("pin")
	post("/pin", v.Step, simulator.PIN)
	v = awaits("first-time")
	post("/action", "", `{"step":"`+v.Step+`","name":"first"}`)
	v = awaits("result")
	assert.Regexp(t, `id="identifier">[0-9A-Z]{4}-[0-9A-Z]{4}<`, v.HTML)
	assert.False(t, card.State().AuthVerified)
	assert.Equal(t, 3, card.State().AuthAttempts)
	stop()
	require.NoError(t, <-ended)
}
