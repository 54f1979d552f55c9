// Package soak supports long-running tests: it sets their duration, and measures the
// resources that a process holds, to detect leaks.
package soak

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

// Variable is the environment variable that enables long tests. Its value is a duration, as
// in "10m".
const Variable = "MYKEYKIT_SOAK"

// Enabled reports whether long tests are enabled.
func Enabled() bool { return os.Getenv(Variable) != "" }

// Until returns the time at which a long test that starts now ends. It skips the test if long
// tests are not enabled.
func Until(t testing.TB) time.Time {
	t.Helper()
	if !Enabled() {
		t.Skipf("long tests are not enabled: set %s to a duration, as in 10m", Variable)
	}
	d, err := time.ParseDuration(os.Getenv(Variable))
	if err != nil {
		t.Fatalf("%s: %s", Variable, err)
	}
	return time.Now().Add(d)
}

// Usage holds the resources of a process at one moment.
type Usage struct {
	Goroutines  int
	Descriptors int    // open files and sockets; 0 if the system does not list them
	Heap        uint64 // bytes in spans with live objects
	Resident    uint64 // bytes of the process in memory, including C's; 0 if unknown
}

// Tolerated is the accepted growth of the heap: fragmentation, and caches of other tests.
const Tolerated = 2 << 20

// settleWithin is the time that closed resources may take to disappear.
const settleWithin = 10 * time.Second

// Now runs the garbage collector and measures the usage.
func Now() Usage {
	runtime.GC()
	runtime.GC() // frees what finalizers and pools released in the first run
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

// exceeds lists the resources of which u has more than other.
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

// RequireNoMore fails the test if the usage exceeds before for 10 seconds. It returns the
// current usage.
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
