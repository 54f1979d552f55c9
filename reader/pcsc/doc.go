// Package pcsc implements reader.Driver for real readers and cards through PC/SC:
// pcscd of pcsc-lite on Linux, and the system's own service on macOS and Windows.
//
// # Where to start
//
// [New] returns a [Driver]. On Linux and macOS the package needs cgo and, on Linux, the headers of
// pcsc-lite (Debian: libpcsclite-dev and pkg-config). On Windows it needs neither. When built without
// cgo on other systems, the package compiles, but every call fails with an error that wraps
// reader.ErrUnsupported and names the packages to install.
//
// # How it calls PC/SC
//
// pcsc-lite serializes the calls on one PC/SC context, except the one that cancels.
// Therefore each connection has its own context, and the watcher has one too. Calls
// that PC/SC can't cancel (connect, begin, transmit) run on a goroutine of the
// connection. If the caller's context ends first, the caller continues at once, the
// connection is closed, and its goroutine releases everything when the call returns.
//
// One goroutine per process waits for events, because the underlying binding does not
// support two concurrent waits for the same reader. Each of its waits lasts at most one
// second.
//
// An event is reported at once or, if it follows another event, at most 20 ms later:
// the watcher checks the readers at most 50 times a second, however often PC/SC wakes
// it. New readers are reported at once if the system reports them, and within a second
// otherwise, as on macOS. A Watch ends at once when its context ends. A failure of
// PC/SC is reported as an event and does not end a Watch.
//
// # Quirks of readers and drivers
//
// Connecting is retried for up to 1.5 seconds after errors that may be temporary. If an exchange fails
// without a specific cause, the driver waits up to 1 second for PC/SC to report one, such as a removed
// card. Package apdu handles readers that fail on long responses or commands.
//
// # Errors
//
// An [*Error] holds the return code of PC/SC and wraps an error of package reader.
//
// # Concurrency
//
// A Driver is safe for concurrent use; package reader describes the concurrency of
// cards. All Drivers share one watcher.
//
// # Limits
//
// The package does not support exclusive or direct connections, PIN pads, or selection
// of cards by ATR.
package pcsc
