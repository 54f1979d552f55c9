package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/mykeykit/mykeykit/internal/pcscdtest"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// recorded is a card that keeps the commands that it is sent.
type recorded struct {
	*simulator.Card
	mu       sync.Mutex
	commands []string // in hexadecimal
}

func (c *recorded) Exchange(command []byte) []byte {
	c.mu.Lock()
	c.commands = append(c.commands, hex.EncodeToString(command))
	c.mu.Unlock()
	return c.Card.Exchange(command)
}

// take returns the commands since it was last called.
func (c *recorded) take() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	commands := c.commands
	c.commands = nil
	return commands
}

// The programs to compare with, from the root of the module.
const (
	floorGo = "./internal/bench/testdata/floor-go"
	floorC  = "internal/bench/testdata/floor-c/main.c"
)

// floorRounds is how often each program runs.
const floorRounds = 150

// floors has card-info, which startup has built, and two programs that do nothing
// else send a card the same commands, through one pcscd, in turn. Where something is
// missing it says what.
func floors(out string) string {
	text, err := measureFloors(out)
	if err != nil {
		return fmt.Sprintf("Not measured: %s.\n", err)
	}
	return text
}

func measureFloors(out string) (string, error) {
	goFloor := filepath.Join(out, "floor-go")
	if err := build(goFloor, floorGo); err != nil {
		return "", errors.New("the program in Go takes cgo and libpcsclite")
	}
	cFloor, err := buildC(filepath.Join(out, "floor-c"), floorC)
	missing := ""
	if err != nil {
		missing = fmt.Sprintf("\nThe program in C is left out: %s.\n", err)
	}
	dir, err := os.MkdirTemp("", "mykeykit-bench-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	daemon, err := pcscdtest.Start(dir)
	if err != nil {
		return "", err
	}
	defer daemon.Stop()
	card, err := simulator.NewCard(simulator.Contact, simulator.WithInsecureSeed("bench"), simulator.WithCertificateSize(1700))
	if err != nil {
		return "", err
	}
	lent := &recorded{Card: card}
	defer daemon.Insert(0, lent)()

	ours, key := filepath.Join(out, "card-info"), filepath.Join(dir, "key")
	environment := append(os.Environ(), pcscdtest.SocketVariable+"="+daemon.Socket)
	if _, err := timed(environment, "", ours, "keygen", key); err != nil {
		return "", err
	}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(100 * time.Millisecond) { // until pcscd has seen the card
		if _, err := timed(environment, "", ours, "retries"); err == nil {
			break
		} else if time.Now().After(deadline) {
			return "", err
		}
	}
	var rows [][]string
	for _, task := range []struct {
		name, stdin string
		args        []string
	}{
		{"report", "", nil},
		{"tries left", "", []string{"retries"}},
		{"certificate", "", []string{"cert"}},
		{"identifier", "1234\n", []string{"id", "--namespace", "bench.example", "--namespace-key", key, "--pin-stdin"}},
	} {
		lent.take()
		if _, err := timed(environment, task.stdin, append([]string{ours}, task.args...)...); err != nil {
			return "", err
		}
		commands := lent.take()
		same := append([]string{pcscdtest.Reader(0)}, commands...)
		programs := [][]string{append([]string{ours}, task.args...), append([]string{goFloor}, same...)}
		if cFloor != "" {
			programs = append(programs, append([]string{cFloor}, same...))
		}
		took := make([][]float64, len(programs))
		for round := range floorRounds {
			for i := range programs {
				i = (i + round) % len(programs)
				t, err := timed(environment, task.stdin, programs[i]...)
				if err != nil {
					return "", err
				}
				took[i] = append(took[i], t)
			}
		}
		row := []string{task.name, number(float64(len(commands)))}
		for i := range took {
			row = append(row, spread(took[i]))
		}
		row = append(row, fmt.Sprintf("×%.2f", median(took[0])/median(took[1])))
		if cFloor != "" {
			row = append(row, fmt.Sprintf("×%.2f", median(took[0])/median(took[2])))
		}
		rows = append(rows, row)
	}
	head := []string{"task", "commands", "`card-info`", "Go", "C", "over Go", "over C"}
	if cFloor == "" {
		head = []string{"task", "commands", "`card-info`", "Go", "over Go"}
	}
	return markdown(head, rows) + missing, nil
}

// buildC compiles a program in C, or tells why it can't.
func buildC(program, source string) (string, error) {
	flags, err := exec.Command("pkg-config", "--cflags", "--libs", "libpcsclite").Output()
	if err != nil {
		return "", fmt.Errorf("pkg-config libpcsclite: %w", err)
	}
	args := append([]string{"-O2", "-o", program, source}, strings.Fields(string(flags))...)
	if output, err := exec.Command("cc", args...).CombinedOutput(); err != nil {
		return "", fmt.Errorf("cc: %w: %s", err, bytes.TrimSpace(output))
	}
	return program, nil
}

// timed runs a program and returns how long it took, in nanoseconds.
func timed(environment []string, stdin string, args ...string) (float64, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, args[0], args[1:]...)
	c.Env, c.Stdin = environment, strings.NewReader(stdin)
	begin := time.Now()
	if output, err := c.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("%s: %w: %s", args[0], err, output)
	}
	return float64(time.Since(begin)), nil
}

// spread is a median with the quartiles.
func spread(values []float64) string {
	return fmt.Sprintf("%s (%s to %s)", duration(median(values)), duration(quantile(values, 0.25)), duration(quantile(values, 0.75)))
}
