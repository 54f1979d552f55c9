// Package apdu speaks ISO/IEC 7816-4: command and response APDUs, status
// words, and a [Channel] that selects files, reads them and verifies secrets.
//
// An APDU (application protocol data unit) is what a program and a smart card
// say to each other. A command has a four-byte header (CLA INS P1 P2), then
// perhaps data (Nc bytes) and perhaps a length that it accepts in return (Ne
// bytes). A response has perhaps data and always two status bytes, SW1 SW2:
//
//	> 00 A4 04 0C 0A D392F000260100000001     SELECT an application by name
//	< 9000                                    done
//	> 00 B0 8A 00 00                          READ BINARY, file 0A, 256 bytes
//	< 3082....9000                            256 bytes, done
//
// # Where to start
//
// Everything stands on one method, [Transmitter]. Whatever moves bytes to a
// card implements it: a PC/SC reader, a simulator, a wire of your own. Put a
// [Channel] on it and use its methods; use [Command] and [Response] where you
// need the bytes themselves.
//
// # Errors
//
// A status word other than 9000 is an error value of type [Status]. All of
// 63C0 to 63CF match [StatusVerificationFailed] with [errors.Is]; the tries
// left come from [Status.Retries] after [errors.As]. An answer that no card may
// give is one of [ErrShortResponse], [ErrExcessResponse] and [ErrNoProgress];
// an error of the transmitter is passed on, wrapped.
//
// # Limits
//
// A card is untrusted input. A channel never accepts more bytes than it asked
// for, follows 61xx at most 256 times and 6Cxx once a command, and stops as
// soon as a card makes no progress. Nothing a card sends makes it panic.
//
// # Secrets
//
// A command that carries a secret (VERIFY, CHANGE REFERENCE DATA, RESET RETRY
// COUNTER) does not show its data or their length, with any verb of fmt, to slog
// and in JSON. fmt reads the unexported fields of other structs without asking
// their methods, so the data of commands and responses stand behind a function,
// which is printed as an address. A command with a secret is sent once: no 6Cxx,
// no length fallback ever repeats it.
//
// # What is absent
//
// Secure messaging, logical channels, command chaining, and record files.
//
// # Concurrency
//
// A Channel belongs to one goroutine at a time, as a card's current file does.
// All other functions are safe for concurrent use.
package apdu
