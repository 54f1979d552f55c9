package pcsc

import (
	"errors"
	"fmt"

	"github.com/mykeykit/mykeykit/reader"
)

// What a code means is at the end of this file. How long a connection is retried after a
// code is in session.go (retryWithin).

// Code is a return code of PC/SC. The codes that this package names have the same number on every
// system.
type Code uint32

// The codes that this package handles.
const (
	codeSuccess            Code = 0x00000000
	codeInternalError      Code = 0x80100001
	codeCancelled          Code = 0x80100002
	codeInvalidHandle      Code = 0x80100003
	codeInsufficientBuffer Code = 0x80100008
	codeUnknownReader      Code = 0x80100009
	codeTimeout            Code = 0x8010000A
	codeSharingViolation   Code = 0x8010000B
	codeNoSmartcard        Code = 0x8010000C
	codeProtoMismatch      Code = 0x8010000F
	codeNotReady           Code = 0x80100010
	codeSystemCancelled    Code = 0x80100012
	codeCommError          Code = 0x80100013
	codeNotTransacted      Code = 0x80100016
	codeReaderUnavailable  Code = 0x80100017
	codeShutdown           Code = 0x80100018
	codeNoService          Code = 0x8010001D
	codeServiceStopped     Code = 0x8010001E
	codeNoAccess           Code = 0x80100027
	codeNoReadersAvailable Code = 0x8010002E
	codeUnresponsiveCard   Code = 0x80100066
	codeUnpoweredCard      Code = 0x80100067
	codeResetCard          Code = 0x80100068
	codeRemovedCard        Code = 0x80100069
	codeSecurityViolation  Code = 0x8010006A
)

var codeNames = [...]struct {
	code Code
	name string
}{
	{codeInternalError, "SCARD_F_INTERNAL_ERROR"},
	{codeCancelled, "SCARD_E_CANCELLED"},
	{codeInvalidHandle, "SCARD_E_INVALID_HANDLE"},
	{codeInsufficientBuffer, "SCARD_E_INSUFFICIENT_BUFFER"},
	{codeUnknownReader, "SCARD_E_UNKNOWN_READER"},
	{codeTimeout, "SCARD_E_TIMEOUT"},
	{codeSharingViolation, "SCARD_E_SHARING_VIOLATION"},
	{codeNoSmartcard, "SCARD_E_NO_SMARTCARD"},
	{codeProtoMismatch, "SCARD_E_PROTO_MISMATCH"},
	{codeNotReady, "SCARD_E_NOT_READY"},
	{codeSystemCancelled, "SCARD_E_SYSTEM_CANCELLED"},
	{codeCommError, "SCARD_F_COMM_ERROR"},
	{codeNotTransacted, "SCARD_E_NOT_TRANSACTED"},
	{codeReaderUnavailable, "SCARD_E_READER_UNAVAILABLE"},
	{codeShutdown, "SCARD_P_SHUTDOWN"},
	{codeNoService, "SCARD_E_NO_SERVICE"},
	{codeServiceStopped, "SCARD_E_SERVICE_STOPPED"},
	{codeNoAccess, "SCARD_E_NO_ACCESS"},
	{codeNoReadersAvailable, "SCARD_E_NO_READERS_AVAILABLE"},
	{codeUnresponsiveCard, "SCARD_W_UNRESPONSIVE_CARD"},
	{codeUnpoweredCard, "SCARD_W_UNPOWERED_CARD"},
	{codeResetCard, "SCARD_W_RESET_CARD"},
	{codeRemovedCard, "SCARD_W_REMOVED_CARD"},
	{codeSecurityViolation, "SCARD_W_SECURITY_VIOLATION"},
}

// Error returns the name and the number of the code, as in
// "SCARD_E_NO_SERVICE (8010001D)".
func (c Code) Error() string {
	for _, known := range codeNames {
		if known.code == c {
			return fmt.Sprintf("%s (%08X)", known.name, uint32(c))
		}
	}
	return fmt.Sprintf("PC/SC code %08X", uint32(c))
}

// Error reports a failed call of PC/SC. It unwraps to an error of package reader and to
// the code.
type Error struct {
	Call string // for example "SCardConnect"
	Code Code
	kind error
}

func (e *Error) Error() string { return fmt.Sprintf("%s: %s: %s", e.kind, e.Call, e.Code) }

// Unwrap returns the error of package reader and the code.
func (e *Error) Unwrap() []error { return []error{e.kind, e.Code} }

// serviceMeaning returns the meaning of a code of a call that involves no card. An
// unexpected code means that the service failed.
func serviceMeaning(c Code) error {
	switch c {
	case codeSecurityViolation, codeNoAccess:
		return reader.ErrDenied
	case codeNoReadersAvailable:
		return reader.ErrNoReader
	}
	return reader.ErrNoService
}

// connectMeaning returns the meaning of a code of SCardConnect.
func connectMeaning(c Code) error {
	switch c {
	case codeNoService, codeServiceStopped, codeCommError, codeInvalidHandle,
		codeSystemCancelled, codeShutdown: // the system is suspended or shut down
		return reader.ErrNoService
	case codeSecurityViolation, codeNoAccess:
		return reader.ErrDenied
	case codeUnknownReader, codeReaderUnavailable:
		return reader.ErrUnknownReader
	case codeNoReadersAvailable:
		return reader.ErrNoReader
	case codeNoSmartcard, codeRemovedCard:
		return reader.ErrNoCard
	case codeSharingViolation:
		return reader.ErrBusy
	}
	return reader.ErrTransport
}

// cardMeaning returns the meaning of a code of a call on a connected card.
func cardMeaning(c Code) error {
	switch c {
	case codeRemovedCard, codeNoSmartcard, codeUnknownReader, codeReaderUnavailable:
		return reader.ErrRemoved
	case codeResetCard, codeUnpoweredCard:
		return reader.ErrChanged
	case codeSharingViolation:
		return reader.ErrBusy
	case codeNoService, codeServiceStopped, codeInvalidHandle, codeSystemCancelled, codeShutdown:
		return reader.ErrNoService
	}
	return reader.ErrTransport
}

func serviceError(call string, err error) error { return meaning(call, err, serviceMeaning) }
func connectError(err error) error              { return meaning("SCardConnect", err, connectMeaning) }
func cardError(call string, err error) error    { return meaning(call, err, cardMeaning) }

// meaning wraps a code in an [*Error]. An error of the binding itself has the meaning of
// an internal error of PC/SC, except for reader.ErrUnsupported.
func meaning(call string, err error, of func(Code) error) error {
	var code Code
	switch {
	case err == nil || errors.Is(err, reader.ErrUnsupported):
		return err
	case errors.As(err, &code):
		return &Error{Call: call, Code: code, kind: of(code)}
	}
	return fmt.Errorf("%w: %s: %w", of(codeInternalError), call, err)
}
