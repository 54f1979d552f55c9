package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// measured is what visits have measured.
type measured struct {
	mu     sync.Mutex
	times  map[string][]time.Duration // by kind of request
	errors map[string]int
	visits int // that ended well
}

func newMeasured() *measured {
	return &measured{times: map[string][]time.Duration{}, errors: map[string]int{}}
}

// request sends a request and reports whether it succeeded. Its time counts from when it was due.
func (m *measured) request(kind string, due time.Time, send func() error) bool {
	err := send()
	took := time.Since(due)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.times[kind] = append(m.times[kind], took)
	if err != nil {
		m.errors[kind+": "+err.Error()]++
	}
	return err == nil
}

func (m *measured) ended() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.visits++
}

// measure reports the figures of the visits that begin until period returns, and returns all of them
// as text. rest waits until the visits have ended.
func (f *loadedFleet) measure(b *testing.B, period, rest func()) string {
	m := newMeasured()
	f.measured.Store(m)
	before, begun := f.processors(), time.Now()
	period()
	took, after := time.Since(begun), f.processors()
	f.measured.Store(newMeasured())
	rest()

	rate := float64(m.visits) / took.Seconds()
	b.ReportMetric(rate, "visits/s")
	var text strings.Builder
	fmt.Fprintf(&text, "%d visits in %.1f s: %.1f visits/s; processors used, of %d:", m.visits, took.Seconds(), rate, runtime.NumCPU())
	for _, user := range []string{"server", "database", "terminals", "everything"} {
		cores := (after[user] - before[user]).Seconds() / took.Seconds()
		b.ReportMetric(cores, user+"-cores")
		fmt.Fprintf(&text, " %s %.2f", user, cores)
	}
	fmt.Fprintf(&text, "; the server's memory: %d MiB at most\n", f.memory()>>20)
	var slowest time.Duration
	for _, kind := range slices.Sorted(maps.Keys(m.times)) {
		times := m.times[kind]
		slices.Sort(times)
		at := func(q float64) time.Duration {
			return times[min(int(q*float64(len(times))), len(times)-1)].Round(100 * time.Microsecond)
		}
		slowest = max(slowest, at(0.99))
		fmt.Fprintf(&text, "%-10s %6d requests, p50 %8s, p99 %8s, slowest %8s\n", kind, len(times), at(0.5), at(0.99), at(1))
	}
	b.ReportMetric(float64(slowest)/1e6, "p99-ms")
	failed := 0
	for _, message := range slices.Sorted(maps.Keys(m.errors)) {
		fmt.Fprintf(&text, "%d × %s\n", m.errors[message], message)
		failed += m.errors[message]
	}
	b.ReportMetric(float64(failed), "errors")
	return text.String()
}

// tick is the unit of times in /proc.
const tick = time.Second / 100

// processors returns the processor time used so far, also by other work on the machine.
func (f *loadedFleet) processors() map[string]time.Duration {
	return map[string]time.Duration{"server": cpuOf(f.server), "database": cpuOfChildren("postgres"), "terminals": ownCPU(), "everything": machineCPU()}
}

func machineCPU() (sum time.Duration) {
	text, _ := os.ReadFile("/proc/stat")
	line, _, _ := strings.Cut(string(text), "\n")
	for n, field := range strings.Fields(line) {
		if n >= 1 && n <= 8 && n != 4 && n != 5 { // see proc(5): not idle and not waiting
			v, _ := strconv.Atoi(field)
			sum += time.Duration(v) * tick
		}
	}
	return sum
}

// memory returns the most memory that the server had, in bytes.
func (f *loadedFleet) memory() int {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", f.server))
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); fields[0] == "VmHWM:" {
			kib, _ := strconv.Atoi(fields[1])
			return kib << 10
		}
	}
	return 0
}

func ownCPU() time.Duration {
	var usage syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &usage) // it never fails for this process
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// stat is what /proc says about a process: its parent, and its processor time without and with
// its children that have ended.
type stat struct {
	name     string
	parent   int
	own, all time.Duration
}

func readStat(process string) (s stat) {
	text, err := os.ReadFile(filepath.Join("/proc", process, "stat"))
	if err != nil {
		return s // it has ended
	}
	open, closed := strings.IndexByte(string(text), '('), strings.LastIndexByte(string(text), ')')
	s.name = string(text[open+1 : closed])
	fields := strings.Fields(string(text[closed+1:]))
	number := func(n int) time.Duration { // see proc(5): the first two fields are cut off
		v, _ := strconv.Atoi(fields[n-3])
		return time.Duration(v)
	}
	s.parent, s.own = int(number(4)), (number(14)+number(15))*tick
	s.all = s.own + (number(16)+number(17))*tick
	return s
}

func cpuOf(process int) time.Duration { return readStat(strconv.Itoa(process)).own }

// cpuOfChildren returns the processor time of this process's children of a name, and of their
// children.
func cpuOfChildren(name string) (sum time.Duration) {
	folders, _ := filepath.Glob("/proc/[0-9]*")
	stats := map[int]stat{}
	for _, folder := range folders {
		process, _ := strconv.Atoi(filepath.Base(folder))
		stats[process] = readStat(filepath.Base(folder))
	}
	for _, s := range stats {
		switch {
		case s.name != name:
		case s.parent == os.Getpid():
			sum += s.all
		case stats[s.parent].parent == os.Getpid():
			sum += s.own
		}
	}
	return sum
}

// startProcess builds the command and starts a server with it. It returns its address and its
// process.
func startProcess(b *testing.B, arguments ...string) (address string, process int) {
	program := filepath.Join(b.TempDir(), "mykey-server")
	out, err := exec.CommandContext(b.Context(), "go", "build", "-o", program, ".").CombinedOutput()
	require.NoError(b, err, "%s", out)
	c := exec.Command(program, arguments...)
	log, err := c.StderrPipe()
	require.NoError(b, err)
	require.NoError(b, c.Start())
	b.Cleanup(func() {
		_ = c.Process.Kill()
		_ = c.Wait()
	})
	lines := bufio.NewScanner(log)
	for lines.Scan() {
		var line struct{ Msg, Listen string }
		if json.Unmarshal(lines.Bytes(), &line) == nil && line.Msg == "started" {
			go func() {
				for lines.Scan() { // so that the server can write its log
				}
			}()
			return line.Listen, c.Process.Pid
		}
		b.Log(lines.Text())
	}
	require.Fail(b, "the server did not start")
	return "", 0
}
