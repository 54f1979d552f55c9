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

// recorded is a card that records the commands it receives.
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

// take returns the commands since its last call.
func (c *recorded) take() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	commands := c.commands
	c.commands = nil
	return commands
}

// The programs for comparison, relative to the module's root.
const (
	floorGo = "./internal/bench/testdata/floor-go"
	floorC  = "internal/bench/testdata/floor-c/main.c"
)

// floorRounds is how often each program runs.
const floorRounds = 150

// floors compares card-info, which startup has built, with two minimal programs that send the
// same commands to one card through one pcscd. The programs run alternately. If something is
// missing, the returned text says so.
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
		return "", errors.New("the Go program needs cgo and libpcsclite")
	}
	cFloor, err := buildC(filepath.Join(out, "floor-c"), floorC)
	missing := ""
	if err != nil {
		missing = fmt.Sprintf("\nThe C program is omitted: %s.\n", err)
	}
	r, err := newRig()
	if err != nil {
		return "", err
	}
	defer r.close()
	card := &recorded{Card: r.card}
	defer r.daemon.Insert(0, card)()

	ours, key := filepath.Join(out, "card-info"), filepath.Join(r.dir, "key")
	if _, err := timed(r.environment, "", ours, "keygen", key); err != nil {
		return "", err
	}
	if err := r.awaitCard(ours); err != nil {
		return "", err
	}
	var rows [][]string
	for _, task := range []floorTask{
		{"report", "", nil},
		{"attempts left", "", []string{"retries"}},
		{"certificate", "", []string{"cert"}},
		{"identifier", "1234\n", []string{"id", "--namespace", "bench.example", "--namespace-key", key, "--pin-stdin"}},
	} {
		row, err := measureFloor(r.environment, card, task, ours, goFloor, cFloor)
		if err != nil {
			return "", err
		}
		rows = append(rows, row)
	}
	head := []string{"task", "commands", "`card-info`", "Go", "C", "relative to Go", "relative to C"}
	if cFloor == "" {
		head = []string{"task", "commands", "`card-info`", "Go", "relative to Go"}
	}
	return markdown(head, rows) + missing, nil
}

// floorTask is a task of card-info: its standard input and arguments.
type floorTask struct {
	name, stdin string
	args        []string
}

// measureFloor runs a task with card-info, records its commands, and then runs card-info and
// the minimal programs with these commands alternately. cFloor may be empty.
func measureFloor(environment []string, card *recorded, task floorTask, ours, goFloor, cFloor string) (row []string, err error) {
	card.take()
	if _, err := timed(environment, task.stdin, append([]string{ours}, task.args...)...); err != nil {
		return nil, err
	}
	commands := card.take()
	arguments := append([]string{pcscdtest.Reader(0)}, commands...)
	programs := [][]string{append([]string{ours}, task.args...), append([]string{goFloor}, arguments...)}
	if cFloor != "" {
		programs = append(programs, append([]string{cFloor}, arguments...))
	}
	took := make([][]float64, len(programs))
	for round := range floorRounds {
		for i := range programs {
			i = (i + round) % len(programs)
			t, err := timed(environment, task.stdin, programs[i]...)
			if err != nil {
				return nil, err
			}
			took[i] = append(took[i], t)
		}
	}
	row = []string{task.name, fmt.Sprint(len(commands))}
	for i := range took {
		row = append(row, spread(took[i]))
	}
	for i := range took[1:] {
		row = append(row, fmt.Sprintf("×%.2f", median(took[0])/median(took[i+1])))
	}
	return row, nil
}

// rig is a pcscd and a simulated card for comparing programs.
type rig struct {
	dir         string // for files
	daemon      *pcscdtest.Daemon
	card        *simulator.Card
	environment []string // for programs that use the pcscd
}

func newRig() (*rig, error) {
	dir, err := os.MkdirTemp("", "mykeykit-bench-")
	if err != nil {
		return nil, err
	}
	card, err := simulator.NewCard(simulator.Contact, simulator.WithInsecureSeed("bench"), simulator.WithCertificateSize(1700))
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	daemon, err := pcscdtest.Start(dir)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return &rig{dir, daemon, card, append(os.Environ(), pcscdtest.SocketVariable+"="+daemon.Socket)}, nil
}

func (r *rig) close() {
	r.daemon.Stop()
	_ = os.RemoveAll(r.dir)
}

// awaitCard blocks until pcscd has detected the card.
func (r *rig) awaitCard(cardInfo string) error {
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		_, err := timed(r.environment, "", cardInfo, "retries")
		if err == nil || time.Now().After(deadline) {
			return err
		}
	}
}

// buildC compiles a C program.
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

// timed runs a program and returns its run time in nanoseconds.
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

// spread formats a median with its quartiles.
func spread(values []float64) string {
	return fmt.Sprintf("%s (%s to %s)", duration(median(values)), duration(quantile(values, 0.25)), duration(quantile(values, 0.75)))
}
