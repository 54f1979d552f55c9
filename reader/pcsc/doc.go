// Package pcsc finds real readers and cards through PC/SC: pcsc-lite's pcscd on
// Linux, the system's own service on macOS and Windows.
//
// # Where to start
//
// [New] returns a [Driver], which implements reader.Driver. On Linux and macOS
// it needs cgo and, on Linux, the headers of pcsc-lite (Debian:
// libpcsclite-dev and pkg-config); on Windows neither. Built without cgo the
// package compiles, and every call fails with reader.ErrUnsupported, which
// wraps errors.ErrUnsupported and says what to install.
//
// # How it calls PC/SC
//
// A PC/SC context that one goroutine is stuck in blocks every other that uses
// it, so a connection has a context of its own, and the watcher has one. Calls
// that PC/SC can't cancel (connect, begin, transmit) run on a goroutine of the
// connection: when the caller's context ends first, the caller goes on at once,
// the connection is finished, and its goroutine cleans up when the call comes
// back. One goroutine for the whole process waits for events, in slices of at
// most one second, since the binding underneath can't bear two waits on one
// reader.
//
// A card is reported when PC/SC reports it, or at most a fiftieth of a second
// later where events follow upon each other: there are no more than fifty looks
// a second, whatever PC/SC does. New readers are reported at once where the
// system tells of them, and within a second elsewhere, as on macOS. A cancelled
// Watch ends at once. PC/SC's failures are states of a Watch and never its end.
//
// # Errors
//
// Errors are an [*Error] with PC/SC's return code, around an error of package
// reader that says what it means.
//
// # Concurrency
//
// As package reader says. Any number of Drivers share one watcher.
//
// # What is absent
//
// Exclusive and direct connections, PIN pads, and choosing a card by ATR.
package pcsc
