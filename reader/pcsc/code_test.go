package pcsc

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/reader"
)

func TestCodesHaveMeanings(t *testing.T) {
	for _, tt := range []struct {
		code          Code
		service, card error
	}{
		{codeNoService, reader.ErrNoService, reader.ErrNoService},
		{codeServiceStopped, reader.ErrNoService, reader.ErrNoService},
		{codeCommError, reader.ErrNoService, reader.ErrTransport},
		{codeSecurityViolation, reader.ErrNoService, reader.ErrTransport},
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
