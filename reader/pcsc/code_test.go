package pcsc

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/reader"
)

// Faults: F04, F05, F18, F65.
func TestCodesHaveMeanings(t *testing.T) {
	for _, tt := range []struct {
		code          Code
		service, card error
	}{
		{codeNoService, reader.ErrNoService, reader.ErrNoService},
		{codeServiceStopped, reader.ErrNoService, reader.ErrNoService},
		{codeCommError, reader.ErrNoService, reader.ErrTransport},
		{codeSecurityViolation, reader.ErrDenied, reader.ErrTransport},
		{codeNoAccess, reader.ErrDenied, reader.ErrTransport},
		{codeSystemCancelled, reader.ErrNoService, reader.ErrNoService},
		{codeShutdown, reader.ErrNoService, reader.ErrNoService},
		{codeInsufficientBuffer, reader.ErrTransport, reader.ErrTransport},
		{codeInvalidHandle, reader.ErrNoService, reader.ErrNoService},
		{codeUnknownReader, reader.ErrNoReader, reader.ErrRemoved},
		{codeReaderUnavailable, reader.ErrNoReader, reader.ErrRemoved},
		{codeNoReadersAvailable, reader.ErrNoReader, reader.ErrTransport},
		{codeNoSmartcard, reader.ErrNoCard, reader.ErrRemoved},
		{codeRemovedCard, reader.ErrNoCard, reader.ErrRemoved},
		{codeResetCard, reader.ErrTransport, reader.ErrChanged},
		{codeUnpoweredCard, reader.ErrTransport, reader.ErrChanged},
		{codeSharingViolation, reader.ErrBusy, reader.ErrBusy},
		{codeProtoMismatch, reader.ErrTransport, reader.ErrTransport},
		{codeNotTransacted, reader.ErrTransport, reader.ErrTransport},
		{codeUnresponsiveCard, reader.ErrTransport, reader.ErrTransport},
		{0x80100063, reader.ErrTransport, reader.ErrTransport},
	} {
		for err, want := range map[error]error{
			serviceError("SCardConnect", tt.code): tt.service, cardError("SCardTransmit", tt.code): tt.card,
		} {
			assert.ErrorIs(t, err, want)
			assert.ErrorIs(t, err, tt.code)
			var typed *Error
			require.ErrorAs(t, err, &typed)
			assert.Contains(t, err.Error(), fmt.Sprintf("%08X", uint32(tt.code)))
		}
	}
	assert.NoError(t, cardError("SCardTransmit", nil))
}

// meanings are the errors of package reader that a failure here has one of.
var meanings = []error{
	reader.ErrNoService, reader.ErrNoReader, reader.ErrNoCard, reader.ErrRemoved, reader.ErrChanged,
	reader.ErrBusy, reader.ErrTransport, reader.ErrClosed,
}

func hasMeaning(err error) bool {
	return slices.ContainsFunc(meanings, func(meaning error) bool { return errors.Is(err, meaning) })
}

// Codes of PC/SC and of the system beneath it, known here or not.
func TestEveryCodeHasAMeaning(t *testing.T) {
	for _, from := range []Code{0x00000001, 0x80100001, 0x80090001, 0xFFFFFF00} {
		for code := range Code(0xFF) {
			for _, err := range []error{serviceError("SCardConnect", from+code), cardError("SCardTransmit", from+code)} {
				assert.True(t, hasMeaning(err), "%v", err)
			}
		}
	}
}
