// Package residue overwrites secrets that remain in freed memory.
//
// The garbage collector does not overwrite the memory it frees. Programs should wipe
// their secrets themselves, but strings and copies inside other packages can't be wiped.
package residue

import (
	"runtime"
	"runtime/debug"
	"sync"
)

const (
	maxSize      = 512       // largest objects that are overwritten
	bytesPerSize = 256 << 10 // allocated for each object size
)

var running sync.Mutex

// Overwrite collects garbage, returns free pages to the system, and fills the gaps
// between objects in use with zeros. It fills gaps of at most 512 bytes for objects
// without pointers, such as strings and byte slices. It takes tens of milliseconds and
// 8 MB of memory. It does not overwrite the stacks of running goroutines.
func Overwrite() {
	running.Lock()
	defer running.Unlock()
	runtime.GC() // the first collection keeps the contents of sync.Pool
	debug.FreeOSMemory()
	var filled [][]byte
	for size := 16; size <= maxSize; size += 16 { // includes all size classes of the allocator
		for range bytesPerSize / size {
			filled = append(filled, make([]byte, size)) // the runtime zeroes reused memory
		}
	}
	runtime.KeepAlive(filled)
	filled = nil
	debug.FreeOSMemory()
}
