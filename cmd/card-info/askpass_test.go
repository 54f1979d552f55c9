//go:build linux || darwin

package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/mykeykit/mykeykit/internal/cardtest"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// script writes an askpass program that appends its prompt to a file and then runs the
// commands.
func script(t *testing.T, commands string) (program, prompts string) {
	t.Helper()
	folder := t.TempDir()
	program, prompts = filepath.Join(folder, "askpass"), filepath.Join(folder, "prompts")
	text := "#!/bin/sh\nprintf '%s\\n' \"$1\" >>'" + prompts + "'\n" + commands + "\n"
	require.NoError(t, os.WriteFile(program, []byte(text), 0o700))
	return program, prompts
}

// The terminal or askpass is chosen as OpenSSH does: ssh(1), SSH_ASKPASS_REQUIRE.
func TestAskpassIsChosenAsOpenSSHDoes(t *testing.T) {
	const nobody, atTerminal, byProgram = "nobody", "terminal", "program"
	for _, tt := range []struct {
		env          map[string]string
		terminal     bool
		inBackground bool // the terminal is another's
		who          string
	}{
		{nil, true, false, atTerminal},
		{nil, true, true, nobody},
		{nil, false, false, nobody},
		{map[string]string{"DISPLAY": ":0"}, true, false, atTerminal},
		{map[string]string{"DISPLAY": ":0"}, true, true, byProgram},
		{map[string]string{"DISPLAY": ":0"}, false, false, byProgram},
		{map[string]string{"WAYLAND_DISPLAY": "wayland-0"}, false, false, byProgram},
		{map[string]string{"SSH_ASKPASS_REQUIRE": "force"}, true, false, byProgram},
		{map[string]string{"SSH_ASKPASS_REQUIRE": "FORCE"}, false, false, byProgram},
		{map[string]string{"SSH_ASKPASS_REQUIRE": "prefer"}, true, false, atTerminal},
		{map[string]string{"SSH_ASKPASS_REQUIRE": "prefer"}, false, false, nobody},
		{map[string]string{"SSH_ASKPASS_REQUIRE": "prefer", "DISPLAY": ":0"}, true, false, byProgram},
		{map[string]string{"SSH_ASKPASS_REQUIRE": "never", "DISPLAY": ":0"}, true, false, atTerminal},
		{map[string]string{"SSH_ASKPASS_REQUIRE": "never", "DISPLAY": ":0"}, false, false, nobody},
	} {
		t.Run(fmt.Sprintf("%v %t %t", tt.env, tt.terminal, tt.inBackground), func(t *testing.T) {
			driver, _ := withCards(t, simulator.Contact)
			program, prompts := script(t, "echo 1234")
			d := &agentRunner{driver: driver, env: map[string]string{"SSH_ASKPASS": program}}
			for name, value := range tt.env {
				d.env[name] = value
			}
			if tt.terminal {
				d.terminal = &scriptedTerminal{lines: []string{"1234"}, inBackground: tt.inBackground}
			}
			err := sign(t, d.start(t))
			asked := tt.terminal && d.terminal.asked > 0
			prompt, _ := os.ReadFile(prompts)
			assert.Equal(t, tt.who == atTerminal, asked)
			assert.Equal(t, tt.who == byProgram, strings.Contains(string(prompt), "Attempts left: 3."))
			assert.Equal(t, tt.who == nobody, err != nil)
			assert.Equal(t, tt.who == nobody, strings.Contains(d.stderrText(), "[NO_TERMINAL]"))
		})
	}
}

// An answer of askpass that is not a PIN on one line is not sent.
//
// Faults: F46.
func TestAskpassAnswers(t *testing.T) {
	for _, tt := range []struct {
		name, commands string
		code           string // "": signed
		prompts        int
	}{
		{"a line", "echo 1234", "", 1},
		{"no line end", "printf 1234", "", 1},
		{"a Windows line end", `printf '1234\r\n'`, "", 1},
		{"full width", "echo １２３４", "", 1},
		{"malformed, then right", `[ -e "$0.again" ] && echo 1234 || { : >"$0.again"; echo 12345; }`, "", 2},
		{"two lines", "echo 1234; echo 1234", "[PIN_FORMAT]", 3},
		{"a line and more", `printf '1234\n5'`, "[PIN_FORMAT]", 3},
		{"a PIN and much more", "echo 1234; head -c 100000 /dev/zero", "[PIN_FORMAT]", 3},
		{"without an end", "yes 1234", "[PIN_FORMAT]", 3},
		{"wrong", "echo 9999", "[PIN_WRONG]", 1},
		{"nothing", "true", "[INTERRUPTED]", 1},
		{"an empty line", "echo", "[INTERRUPTED]", 1},
		{"no", "echo 1234; exit 1", "[INTERRUPTED]", 1},
		{"killed", "kill -9 $$", "[INTERRUPTED]", 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			driver, cards := withCards(t, simulator.Contact)
			recorded := &cardtest.Driver{Driver: driver}
			program, prompts := script(t, tt.commands)
			d := &agentRunner{driver: recorded, env: map[string]string{"SSH_ASKPASS": program, "SSH_ASKPASS_REQUIRE": "force", "LANG": "ja_JP.UTF-8"}}
			err := sign(t, d.start(t))
			shown, readErr := os.ReadFile(prompts)
			require.NoError(t, readErr)
			assert.Equal(t, tt.prompts, strings.Count(string(shown), "あと3回です。\n"), "in the language of the locale")
			d.end()
			require.Zero(t, <-d.exit)
			if tt.code == "" {
				require.NoError(t, err)
				assert.Equal(t, 1, recorded.Secrets())
				return
			}
			require.Error(t, err)
			assert.Contains(t, d.stderrText(), tt.code)
			wrong := 0
			if tt.code == "[PIN_WRONG]" {
				wrong = 1
				assert.Contains(t, d.stderrText(), "あと2回まちがえると")
			}
			assert.Equal(t, wrong, recorded.Secrets())
			assert.Equal(t, 3-wrong, cards[0].State().AuthAttempts)
		})
	}
	t.Run("no such program", func(t *testing.T) {
		driver, _ := withCards(t, simulator.Contact)
		d := &agentRunner{driver: driver, env: map[string]string{"SSH_ASKPASS": "/nonexistent/askpass", "SSH_ASKPASS_REQUIRE": "force"}}
		require.Error(t, sign(t, d.start(t)))
		assert.Contains(t, d.stderrText(), "[NO_TERMINAL]")
	})
}

// When the request ends, askpass and all processes that it started end too.
func TestAskpassEndsWithTheRequest(t *testing.T) {
	driver, slot, _ := withCard(t)
	pipe := filepath.Join(t.TempDir(), "pipe")
	require.NoError(t, unix.Mkfifo(pipe, 0o600))
	program, _ := script(t, "exec 3>'"+pipe+"'; sleep 1000 & wait; echo 1234")
	d := &agentRunner{driver: driver, env: map[string]string{"SSH_ASKPASS": program, "SSH_ASKPASS_REQUIRE": "force"}}
	client := d.start(t)
	failed := make(chan error, 1)
	go func() { failed <- sign(t, client) }()
	held, err := os.Open(pipe) // open in the program and its child
	require.NoError(t, err)
	defer held.Close()
	slot.Remove()
	require.Error(t, <-failed)
	_, err = io.ReadAll(held)
	require.NoError(t, err)
}
