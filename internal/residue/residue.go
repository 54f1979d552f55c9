// Package residue removes what the garbage collector leaves of secrets.
//
// The collector frees memory and does not overwrite it. What a program can wipe it
// should wipe itself; of strings, and of what packages copy inside, copies remain until
// something else comes to be there.
package residue

import (
	"runtime"
	"runtime/debug"
	"sync"
)

// most is the largest object that is overwritten, and depth how many bytes of free
// memory are taken for each size of objects.
const (
	most  = 512
	depth = 256 << 10
)

var running sync.Mutex

// Overwrite collects garbage, returns free pages to the system, and fills the gaps
// between objects in use with zeros: gaps for objects without pointers, as strings and
// bytes are, of at most 512 bytes. It takes tens of milliseconds, and for that time
// 8 MB of memory. What is on the stacks of running goroutines stays.
func Overwrite() {
	running.Lock()
	defer running.Unlock()
	runtime.GC() // the first one leaves what sync.Pool keeps
	debug.FreeOSMemory()
	var taken [][]byte
	for size := 16; size <= most; size += 16 { // the allocator's sizes are among these
		for range depth / size {
			taken = append(taken, make([]byte, size)) // zeroed where it was used before
		}
	}
	runtime.KeepAlive(taken)
	taken = nil
	debug.FreeOSMemory()
}
