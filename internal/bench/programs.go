package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/mykeykit/mykeykit/internal/pcscdtest"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// comparison is two programs, run in turn.
type comparison struct{ ours, other []float64 } // nanoseconds

func (c comparison) ratio() float64 { return median(c.ours) / median(c.other) }

const (
	startRounds  = 200
	openSCRounds = 15
)

// starts are programs that start and end, with how long each took, in turn.
type starts []start

type start struct {
	name string
	took []float64 // nanoseconds
}

// ratio is how many times as long the last takes as the first.
func (s starts) ratio() float64 { return median(s[len(s)-1].took) / median(s[0].took) }

func (s starts) table() string {
	var rows [][]string
	for _, p := range s {
		rows = append(rows, []string{p.name, spread(p.took), fmt.Sprintf("×%.2f", median(p.took)/median(s[0].took))})
	}
	return markdown([]string{"program", "time, median (quartiles)", "ratio"}, rows)
}

// startup compares the start of card-info with that of programs that print a line.
func startup(out string) (starts, error) {
	source := filepath.Join(out, "line")
	if err := os.MkdirAll(source, 0o755); err != nil {
		return nil, err
	}
	const program = "package main\n\nimport \"fmt\"\n\nfunc main() { fmt.Println(\"a line\") }\n"
	if err := os.WriteFile(filepath.Join(source, "main.go"), []byte(program), 0o644); err != nil {
		return nil, err
	}
	ours, line, bound := filepath.Join(out, "card-info"), filepath.Join(out, "print-a-line"), filepath.Join(out, "floor-go")
	if err := build(line, filepath.Join(source, "main.go")); err != nil {
		return nil, err
	}
	programs, s := [][]string{{line}}, starts{{name: "a line printed"}}
	if build(bound, floorGo) == nil { // it takes cgo
		programs, s = append(programs, []string{bound}), append(s, start{name: "the same, linked to libpcsclite"})
	}
	if err := build(ours, "./cmd/card-info"); err != nil {
		return nil, err
	}
	programs, s = append(programs, []string{ours, "--version"}), append(s, start{name: "`card-info --version`"})
	for round := range startRounds {
		for i := range programs {
			i = (i + round) % len(programs)
			took, err := timed(os.Environ(), "", programs[i]...)
			if err != nil {
				return nil, err
			}
			s[i].took = append(s[i].took, took)
		}
	}
	return s, nil
}

// build compiles a program in Go.
func build(program, source string) error {
	if output, err := exec.Command("go", "build", "-o", program, source).CombinedOutput(); err != nil {
		return fmt.Errorf("go build %s: %w: %s", source, err, output)
	}
	return nil
}

// counted is a card that counts what it is sent.
type counted struct {
	*simulator.Card
	commands atomic.Int64
}

func (c *counted) Exchange(command []byte) []byte {
	c.commands.Add(1)
	return c.Card.Exchange(command)
}

// openSC has card-info and OpenSC do the same with one card through one pcscd, in
// turn. Where something is missing it says what.
func openSC(out string) string {
	dir, err := os.MkdirTemp("", "mykeykit-bench-")
	if err != nil {
		return err.Error() + "\n"
	}
	defer os.RemoveAll(dir)
	tool, err := exec.LookPath("pkcs15-tool")
	if err != nil {
		return "Not measured: OpenSC is not installed.\n"
	}
	daemon, err := pcscdtest.Start(dir)
	if err != nil {
		return fmt.Sprintf("Not measured: %s.\n", err)
	}
	defer daemon.Stop()
	card, err := simulator.NewCard(simulator.Contact, simulator.WithInsecureSeed("bench"), simulator.WithCertificateSize(1700))
	if err != nil {
		return err.Error() + "\n"
	}
	lent := &counted{Card: card}
	defer daemon.Insert(0, lent)()

	ours := filepath.Join(out, "card-info")
	tasks := []struct {
		name         string
		ours, theirs []string
	}{
		{"read the certificate", []string{ours, "cert"}, []string{tool, "--read-certificate", "01"}},
		{"tries left", []string{ours, "retries"}, []string{tool, "--list-pins"}},
	}
	environment := append(os.Environ(), pcscdtest.SocketVariable+"="+daemon.Socket)
	once := func(args []string) (commands, took float64, err error) {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		c := exec.CommandContext(ctx, args[0], args[1:]...)
		c.Env = environment
		before, begin := lent.commands.Load(), time.Now()
		output, err := c.CombinedOutput()
		if err != nil {
			return 0, 0, fmt.Errorf("%s: %w: %s", strings.Join(args[1:], " "), err, output)
		}
		return float64(lent.commands.Load() - before), float64(time.Since(begin)), nil
	}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(100 * time.Millisecond) { // until pcscd has seen the card
		if _, _, err := once(tasks[1].ours); err == nil {
			break
		} else if time.Now().After(deadline) {
			return err.Error() + "\n"
		}
	}
	var rows [][]string
	for _, task := range tasks {
		var time comparison
		var commands [2]float64
		for range openSCRounds {
			for i, args := range [][]string{task.ours, task.theirs} {
				n, took, err := once(args)
				if err != nil {
					return err.Error() + "\n"
				}
				commands[i] = n
				if i == 0 {
					time.ours = append(time.ours, took)
				} else {
					time.other = append(time.other, took)
				}
			}
		}
		rows = append(rows,
			[]string{task.name, "`card-info " + strings.Join(task.ours[1:], " ") + "`", number(commands[0]), duration(median(time.ours)), "×1"},
			[]string{"", "`pkcs15-tool " + strings.Join(task.theirs[1:], " ") + "`", number(commands[1]), duration(median(time.other)), fmt.Sprintf("×%.2f", 1/time.ratio())})
	}
	return markdown([]string{"task", "program", "commands", "time, median", "ratio"}, rows)
}
