package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"

	"github.com/mykeykit/mykeykit/reader/simulator"
)

// comparison holds the times of two programs that ran alternately.
type comparison struct{ ours, other []float64 } // nanoseconds

func (c comparison) ratio() float64 { return median(c.ours) / median(c.other) }

const (
	startRounds  = 200
	openSCRounds = 15
)

// starts holds the start times of several programs, which ran alternately.
type starts []start

type start struct {
	name string
	took []float64 // nanoseconds
}

// ratio returns the median of the last program divided by that of the first.
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
	if build(bound, floorGo) == nil { // needs cgo
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

// build compiles a Go program.
func build(program, source string) error {
	if output, err := exec.Command("go", "build", "-o", program, source).CombinedOutput(); err != nil {
		return fmt.Errorf("go build %s: %w: %s", source, err, output)
	}
	return nil
}

// counted is a card that counts the commands it receives.
type counted struct {
	*simulator.Card
	commands atomic.Int64
}

func (c *counted) Exchange(command []byte) []byte {
	c.commands.Add(1)
	return c.Card.Exchange(command)
}

// openSC runs card-info and OpenSC alternately for the same tasks, with one card through one
// pcscd. If something is missing, the returned text says so.
func openSC(out string) string {
	text, err := measureOpenSC(out)
	if err != nil {
		return fmt.Sprintf("Not measured: %s.\n", err)
	}
	return text
}

// openSCTask is a task with the command lines of both programs.
type openSCTask struct {
	name         string
	ours, theirs []string
}

func measureOpenSC(out string) (string, error) {
	tool, err := exec.LookPath("pkcs15-tool")
	if err != nil {
		return "", errors.New("OpenSC is not installed")
	}
	r, err := newRig()
	if err != nil {
		return "", err
	}
	defer r.close()
	card := &counted{Card: r.card}
	defer r.daemon.Insert(0, card)()

	ours := filepath.Join(out, "card-info")
	if err := r.awaitCard(ours); err != nil {
		return "", err
	}
	var rows [][]string
	for _, task := range []openSCTask{
		{"read the certificate", []string{ours, "cert"}, []string{tool, "--read-certificate", "01"}},
		{"attempts left", []string{ours, "retries"}, []string{tool, "--list-pins"}},
	} {
		var times comparison
		var commands [2]int64
		for range openSCRounds {
			for i, args := range [][]string{task.ours, task.theirs} {
				before := card.commands.Load()
				took, err := timed(r.environment, "", args...)
				if err != nil {
					return "", err
				}
				commands[i] = card.commands.Load() - before
				if i == 0 {
					times.ours = append(times.ours, took)
				} else {
					times.other = append(times.other, took)
				}
			}
		}
		rows = append(rows,
			[]string{task.name, "`card-info " + strings.Join(task.ours[1:], " ") + "`", fmt.Sprint(commands[0]), duration(median(times.ours)), "×1"},
			[]string{"", "`pkcs15-tool " + strings.Join(task.theirs[1:], " ") + "`", fmt.Sprint(commands[1]), duration(median(times.other)), fmt.Sprintf("×%.2f", 1/times.ratio())})
	}
	return markdown([]string{"task", "program", "commands", "time, median", "ratio"}, rows), nil
}
