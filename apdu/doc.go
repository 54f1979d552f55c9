// Package apdu implements the parts of ISO/IEC 7816-4 that reading a card needs: command and
// response APDUs, status words, and a [Channel] that selects files, reads them and verifies
// secrets.
//
// An APDU (application protocol data unit) is one message between a program and a
// smart card. A command has a four-byte header (CLA INS P1 P2), optional data (Nc
// bytes) and an optional maximum length of the response (Ne bytes). A response has
// optional data and always two status bytes, SW1 SW2:
//
//	> 00 A4 04 0C 0A D392F000260100000001     SELECT an application by name
//	< 9000                                    done
//	> 00 B0 8A 00 00                          READ BINARY, file 0A, 256 bytes
//	< 3082....9000                            256 bytes, done
//
// # Where to start
//
// Everything is built on [Transmitter], an interface with one method. The connections of package
// reader, to real and simulated cards, implement it, and so can any other connection to a card.
// Create a [Channel] with [NewChannel] and use its methods; use [Command] and [Response] to work
// with the bytes. Package tlv reads the data objects that files consist of.
//
// # Errors
//
// A status word other than 9000 is an error of type [Status], with two exceptions: [Channel.Send]
// and [Channel.VerifyStatus] return it as a result, and 6282 (end of file) is not an error when
// reading. All of 63C0 to 63CF match [StatusVerificationFailed] with [errors.Is]; use [errors.As]
// and [Status.Retries] for the number of attempts left. A response that violates the protocol is
// reported as [ErrShortResponse], [ErrExcessResponse] or [ErrNoProgress]. Errors of the
// transmitter are wrapped.
//
// # Limits
//
// A card is untrusted input. A channel never accepts more bytes than it asked for, sends at most
// 256 GET RESPONSE commands after 61xx, repeats a command once after 6Cxx, and stops if a card
// announces data but does not send it. Nothing that a card sends causes a panic.
//
// # Lengths
//
// Channels use short lengths by default. [WithExtendedLengths] and [WithATR] enable extended
// lengths; WithATR may probe whether they work. If a reader loses the first block of 256 bytes,
// [Channel.ReadObject] falls back to 253.
//
// # Secrets
//
// A command that carries a secret (VERIFY, CHANGE REFERENCE DATA, RESET RETRY COUNTER, and the
// proprietary instruction byte 0x32, with which two applications of the My Number Card change a
// secret) is printed without its data and data length, by every verb of fmt, by slog and in JSON.
// Package fmt calls no methods of a value in an unexported field, so Command and Response hold
// their data in a closure, which fmt prints as a pointer. A command with a secret is sent once:
// neither 6Cxx nor a fallback to shorter lengths repeats it.
//
// # What is absent
//
// Secure messaging, logical channels, command chaining, and record files.
//
// # Concurrency
//
// A Channel is not safe for concurrent use, because the card has one current file.
// All other functions are safe for concurrent use.
package apdu
