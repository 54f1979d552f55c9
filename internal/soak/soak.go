// Package soak is for tests of many rounds: how long they may run, and what a
// process holds on to, so that they can tell whether rounds leave something
// behind.
package soak

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

// Variable is the environment variable that asks for long tests: a duration, as
// in "10m".
const Variable = "MYKEYKIT_SOAK"

// Wanted tells whether long tests are asked for.
func Wanted() bool { return os.Getenv(Variable) != "" }

// Until is when a soak that starts now ends. It skips the test if none is asked
// for.
func Until(t testing.TB) time.Time {
	t.Helper()
	if !Wanted() {
		t.Skipf("a soak takes long: set %s to a duration, as in 10m", Variable)
	}
	d, err := time.ParseDuration(os.Getenv(Variable))
	if err != nil {
		t.Fatalf("%s: %s", Variable, err)
	}
	return time.Now().Add(d)
}

// Usage is what a process holds at one moment.
type Usage struct {
	Goroutines  int
	Descriptors int    // open files and sockets; 0 where the system doesn't list them
	Heap        uint64 // bytes in spans that hold live objects
	Resident    uint64 // bytes of the process in memory, C's among them; 0 where unknown
}

// Tolerated is by how much the heap may grow: fragmentation, and what other
// tests have cached.
const Tolerated = 2 << 20

// settleWithin is how long what was ended may take to be gone.
const settleWithin = 10 * time.Second

// Now collects garbage and measures.
func Now() Usage {
	runtime.GC()
	runtime.GC() // what finalizers and pools let go in the first
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	u := Usage{Goroutines: runtime.NumGoroutine(), Heap: memory.HeapInuse, Resident: resident()}
	if open, err := os.ReadDir("/proc/self/fd"); err == nil {
		u.Descriptors = len(open)
	}
	return u
}

func resident() uint64 {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	var size, pages uint64
	if _, err := fmt.Sscan(string(text), &size, &pages); err != nil {
		return 0
	}
	return pages * uint64(os.Getpagesize())
}

// exceeds tells what there is more of than in the other.
func (u Usage) exceeds(other Usage) string {
	var more []string
	if u.Goroutines > other.Goroutines {
		more = append(more, "goroutines")
	}
	if u.Descriptors > other.Descriptors {
		more = append(more, "descriptors")
	}
	if u.Heap > other.Heap+Tolerated {
		more = append(more, "heap")
	}
	return strings.Join(more, ", ")
}

// RequireNoMore fails the test if there is more now than before, and stays so
// for 10 seconds. It returns what there is now.
func RequireNoMore(t testing.TB, before Usage) Usage {
	t.Helper()
	deadline := time.Now().Add(settleWithin)
	for {
		now := Now()
		more := now.exceeds(before)
		switch {
		case more == "":
			return now
		case time.Now().After(deadline):
			stacks := make([]byte, 1<<16)
			stacks = stacks[:runtime.Stack(stacks, true)]
			t.Fatalf("more %s: %s before, %s now\n%s", more, before, now, stacks)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func (u Usage) String() string {
	return fmt.Sprintf("%d goroutines, %d descriptors, heap %d KiB, resident %d KiB",
		u.Goroutines, u.Descriptors, u.Heap>>10, u.Resident>>10)
}
