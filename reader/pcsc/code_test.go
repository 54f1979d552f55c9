package pcsc

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/reader"
)

// Faults: F04, F05, F18, F65.
func TestCodesHaveMeanings(t *testing.T) {
	for _, tt := range []struct {
		code          Code
		connect, card error
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
			connectError(tt.code): tt.connect, cardError("SCardTransmit", tt.code): tt.card,
		} {
			assert.ErrorIs(t, err, want)
			assert.ErrorIs(t, err, tt.code)
			var typed *Error
			require.ErrorAs(t, err, &typed)
			assert.Contains(t, err.Error(), fmt.Sprintf("%08X", uint32(tt.code)))
		}
	}
	for _, err := range []error{cardError("SCardTransmit", nil), connectError(nil), serviceError("SCardListReaders", nil)} {
		assert.NoError(t, err)
	}
	for _, err := range []error{cardError("SCardTransmit", errPanicked), connectError(errPanicked)} {
		assert.ErrorIs(t, err, reader.ErrTransport)
		assert.ErrorIs(t, err, errPanicked)
	}
}

// Before a card is connected, every failure means that the service failed.
//
// Faults: F73.
func TestCodesBeforeACardMeanTheService(t *testing.T) {
	denied := map[Code]bool{codeNoAccess: true, codeSecurityViolation: true}
	for _, from := range []Code{0x00000001, 0x80100001, 0x80090001, 0x8010FF01, 0xFFFFFF00} {
		for code := from; code < from+0xFF; code++ {
			err := serviceError("SCardEstablishContext", code)
			if code == codeNoReadersAvailable {
				assert.ErrorIs(t, err, reader.ErrNoReader)
				continue
			}
			assert.ErrorIs(t, err, reader.ErrNoService)
			assert.ErrorIs(t, err, code)
			assert.Equal(t, denied[code], errors.Is(err, reader.ErrDenied), "%v", err)
			assert.Equal(t, []error{reader.ErrNoService}, meaningsOf(err))
		}
	}
	unsupported := fmt.Errorf("%w: built without PC/SC", reader.ErrUnsupported)
	assert.Equal(t, unsupported, serviceError("SCardEstablishContext", unsupported))
}

// If a call that involves no card fails, Readers, Watch and Connect report the service
// as failed.
//
// Faults: F73.
func TestServiceFailsWithAnyError(t *testing.T) {
	for _, failure := range []error{
		codeNoService, codeInternalError, codeInsufficientBuffer, codeSharingViolation, codeNoSmartcard, codeRemovedCard,
		codeProtoMismatch, codeUnresponsiveCard, codeResetCard, codeUnknownReader, codeReaderUnavailable, codeCommError,
		Code(0x80100006), Code(0x8010FFFF), Code(0x6), Code(0x6D), errPanicked, errors.New("of another kind"),
	} {
		for _, call := range []string{"establish", "list", "wait"} {
			if call == "list" && errors.Is(failure, errPanicked) {
				continue // it means that there are no readers
			}
			t.Run(fmt.Sprintf("%s, %v", call, failure), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := newService("A")
					s.fault = func(c string) error {
						if c == call {
							return failure
						}
						return nil
					}
					d := newDriver(s, onLinux)
					requireService := func(err error) {
						t.Helper()
						assert.ErrorIs(t, err, failure)
						assert.Equal(t, []error{reader.ErrNoService}, meaningsOf(err), "%v", err)
						assert.NotErrorIs(t, err, reader.ErrDenied)
					}
					_, err := d.Readers(t.Context())
					requireService(err)
					w := watch(t, s, d)
					assert.Equal(t, []string{"service-down "}, w.within(time.Minute))
					_, err = d.Readers(t.Context())
					requireService(err)
					w.stop()
					if call == "establish" {
						_, err = d.Connect(t.Context(), "A")
						requireService(err)
					}
					s.clean(t)
				})
			})
		}
	}
}

// meanings are the errors of package reader. Every failure wraps one of them.
var meanings = []error{
	reader.ErrNoService, reader.ErrNoReader, reader.ErrNoCard, reader.ErrRemoved, reader.ErrChanged,
	reader.ErrBusy, reader.ErrTransport, reader.ErrClosed,
}

func meaningsOf(err error) (found []error) {
	for _, meaning := range meanings {
		if errors.Is(err, meaning) {
			found = append(found, meaning)
		}
	}
	return found
}

func hasMeaning(err error) bool { return len(meaningsOf(err)) > 0 }

// Codes of PC/SC and of the operating system have a meaning, also unknown ones.
func TestEveryCodeHasAMeaning(t *testing.T) {
	for _, from := range []Code{0x00000001, 0x80100001, 0x80090001, 0xFFFFFF00} {
		for code := range Code(0xFF) {
			for _, err := range []error{connectError(from + code), cardError("SCardTransmit", from+code)} {
				assert.True(t, hasMeaning(err), "%v", err)
			}
		}
	}
}
