package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/japanese"

	"github.com/mykeykit/mykeykit/internal/cli"
	"github.com/mykeykit/mykeykit/internal/clitest"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// failingWriter is a writer that always fails.
type failingWriter struct{ err error }

func (f failingWriter) Write([]byte) (int, error) {
	return 0, &os.PathError{Op: "write", Path: "/dev/stdout", Err: f.err}
}

// commands returns all commands that write to standard output and end by themselves.
func commands(t *testing.T) [][]string {
	var list [][]string
	for _, args := range [][]string{
		nil, {"list"}, {"retries"}, {"cert"}, {"cert", "--der"}, {"cert", "--ca"}, {"ssh-key"}, {"doctor"}, {"watch"}, idArgs(t, "--pin-stdin"),
	} {
		list = append(list, append(args, "--simulator", "contact"), append(args, "--simulator", "contact", "--json"))
	}
	return append(list, []string{"help"}, []string{"help", "id"}, []string{"id", "--help"}, []string{"--help"}, []string{"--version"},
		[]string{"completion", "bash"}, []string{"__complete", ""})
}

// Every command reports in the same way that standard output can't be written. None
// reports a closed pipe.
//
// Faults: F86.
func TestUnwritableOutput(t *testing.T) {
	for _, cause := range []error{syscall.ENOSPC, syscall.EIO, syscall.EPIPE} {
		for _, language := range []string{"ja_JP.UTF-8", "en_US.UTF-8"} {
			for _, args := range commands(t) {
				var stderr bytes.Buffer
				exit := run(t.Context(), args, environment{
					stdin: strings.NewReader("1234\n"), stdout: failingWriter{cause}, stderr: &stderr, now: func() time.Time { return today },
					getenv: func(name string) string { return map[string]string{"LANG": language}[name] },
				})
				assert.Equal(t, cli.ExitFailed, exit, "%v: %s", args, &stderr)
				if args != nil && args[0] == "__complete" {
					continue // it informs the shell on standard error
				}
				text := stderr.String()
				switch {
				case errors.Is(cause, syscall.EPIPE):
					assert.Empty(t, text, args)
				case args != nil && args[len(args)-1] == "--json":
					code, _ := failureOf(t, outcome{exit: exit, stderr: text})
					assert.Equal(t, "OUTPUT", code)
				default:
					assert.Equal(t, 1, strings.Count(text, "[OUTPUT]"), "%v: %s", args, text)
					assert.Contains(t, text, map[string]string{"ja_JP.UTF-8": "書き込めませんでした", "en_US.UTF-8": "could not be written"}[language])
					assert.Len(t, strings.Split(strings.TrimSpace(text), "\n"), 4, text)
					clitest.Fits(t, text)
				}
			}
		}
	}
}

// If standard output fails after keygen has written a key, standard error reports the key:
// it must not be lost, or generated twice.
//
// Faults: F86.
func TestKeygenReportsTheKeyWhenOutputFails(t *testing.T) {
	for _, cause := range []error{syscall.ENOSPC, syscall.EPIPE} {
		for language, want := range map[string]string{"ja": "鍵を作りました: ", "en": "Key generated: "} {
			path := filepath.Join(t.TempDir(), "key")
			var stderr bytes.Buffer
			exit := run(t.Context(), []string{"keygen", path, "--lang", language}, environment{
				stdin: strings.NewReader(""), stdout: failingWriter{cause}, stderr: &stderr, getenv: func(string) string { return "" },
			})
			assert.Equal(t, cli.ExitFailed, exit)
			assert.Contains(t, stderr.String(), want+path)
			assert.Contains(t, stderr.String(), "[OUTPUT]")
			assert.FileExists(t, path)
		}
	}
}

// Text is written in the locale's encoding; JSON and DER are not converted. If the
// encoding can't represent Japanese, the language is English unless --lang is given.
//
// Faults: F70.
func TestOutputInTheEncodingOfTheLocale(t *testing.T) {
	for locale, encoding := range map[string]encoding.Encoding{"ja_JP.eucJP": japanese.EUCJP, "ja_JP.SJIS": japanese.ShiftJIS} {
		decoded := func(text string) string {
			decoded, err := encoding.NewDecoder().String(text)
			require.NoError(t, err)
			return decoded
		}
		driver := simulator.New()
		driver.AddReader("カードリーダー")
		for _, args := range [][]string{{"--simulator", "contact"}, {"help"}, {"help", "ssh-agent"}, {"list"}, {"retries"}, {"--nosuch"}, {"--lang", "ja", "help"}} {
			here := runner{locale: locale, driver: driver}.run(t, args...)
			there := runner{locale: "ja_JP.UTF-8", driver: driver}.run(t, args...)
			assert.Equal(t, there.exit, here.exit)
			assert.Equal(t, there.stdout, decoded(here.stdout), args)
			assert.Equal(t, there.stderr, decoded(here.stderr), args)
			assert.NotEqual(t, there.stdout+there.stderr, here.stdout+here.stderr)
		}
		typed := runner{locale: locale, typed: "1234"}.run(t, idArgs(t, "--simulator", "contact")...)
		assert.Contains(t, decoded(typed.terminal), "あと3回です。")

		for _, args := range [][]string{{"list", "--json"}, {"retries", "--json"}} {
			o := runner{locale: locale, driver: driver}.run(t, args...)
			assert.True(t, json.Valid([]byte(o.stdout+o.stderr)))
			assert.Equal(t, runner{locale: "ja_JP.UTF-8", driver: driver}.run(t, args...), o)
		}
		der := []string{"cert", "--der", "--simulator", "contact"}
		assert.Equal(t, runner{}.run(t, der...).stdout, runner{locale: locale}.run(t, der...).stdout)
	}
	for _, locale := range []string{"ja_JP.ISO-2022-JP", "C", "POSIX"} {
		o := runner{locale: locale}.run(t, "retries", "--simulator", "contact")
		assert.Contains(t, o.stdout, "attempts left", locale)
		o = runner{locale: locale}.run(t, "retries", "--simulator", "contact", "--lang", "ja")
		assert.Contains(t, o.stdout, "暗証番号", locale)
	}
}

// Every Japanese text can be encoded in each supported encoding.
//
// Faults: F70.
func TestJapaneseTextsCanBeEncoded(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "golden", "*-ja.txt"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, encoding := range []encoding.Encoding{japanese.EUCJP, japanese.ShiftJIS} {
			_, err := encoding.NewEncoder().Bytes(text)
			assert.NoError(t, err, file)
		}
	}
}

// countingWriter counts the writes that it receives.
type countingWriter struct {
	bytes.Buffer
	writes int
}

func (w *countingWriter) Write(b []byte) (int, error) {
	w.writes++
	return w.Buffer.Write(b)
}

// Every command writes its result at once: each write is a system call.
func TestResultIsWrittenAtOnce(t *testing.T) {
	for _, args := range [][]string{nil, {"list"}, {"retries"}, {"cert"}, {"cert", "--ca"}, {"ssh-key"}, idArgs(t, "--pin-stdin")} {
		var stdout countingWriter
		exit := run(t.Context(), append(args, "--simulator", "contact"), environment{
			stdin: strings.NewReader("1234\n"), stdout: &stdout, stderr: io.Discard, now: func() time.Time { return today },
			getenv: func(string) string { return "" },
		})
		assert.Equal(t, cli.ExitDone, exit, "%v", args)
		assert.Equal(t, 1, stdout.writes, "%v: %s", args, &stdout)
	}
}
