package credential_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/apdu"
	"github.com/mykeykit/mykeykit/jpki/credential"
)

// An error names its credential and the attempts left.
//
// Faults: F85.
func TestErrorText(t *testing.T) {
	for _, tt := range []struct {
		err  credential.Error
		want string
	}{
		{credential.Error{Reason: credential.ErrWrong, Kind: credential.SignaturePassword, Remaining: 4, Known: true}, "wrong signature password, 4 attempts left"},
		{credential.Error{Reason: credential.ErrLocked, Kind: credential.SignaturePassword, Remaining: 4, Known: true}, "signature password locked, 4 attempts left"},
		{credential.Error{Reason: credential.ErrOutcomeUnknown, Kind: credential.SignaturePassword, Remaining: 4, Known: true}, "signature password sent with unknown outcome, 4 attempts left"},
		{credential.Error{Reason: credential.ErrLastAttempt, Kind: credential.SignaturePassword, Remaining: 4, Known: true}, "signature password not sent: only one attempt is left"},
		{credential.Error{Reason: credential.ErrOtherCard, Kind: credential.SignaturePassword, Remaining: 4, Known: true}, "signature password not sent: another card is in the reader, 4 attempts left"},
		{credential.Error{Reason: credential.ErrAttemptsChanged, Kind: credential.AuthPIN, Remaining: 2, Known: true}, "PIN not sent because the attempts left changed, 2 attempts left"},
		{credential.Error{Reason: credential.ErrWrong, Kind: credential.AuthPIN, Remaining: 1, Known: true}, "wrong PIN, 1 attempt left"},
		{credential.Error{Reason: credential.ErrWrong, Kind: credential.AuthPIN, Known: true}, "wrong PIN, 0 attempts left"},
		{credential.Error{Reason: credential.ErrOutcomeUnknown, Kind: credential.AuthPIN, Cause: errors.New("connection lost")}, "PIN sent with unknown outcome: connection lost"},
		{credential.Error{Reason: credential.ErrWrong}, "wrong credential"},
		{credential.Error{}, "credential"},
	} {
		assert.EqualError(t, &tt.err, tt.want)
	}
}

// An error matches its reason and its cause, and ErrLocked whenever no attempt is left.
func TestErrorMatches(t *testing.T) {
	lost := errors.New("connection lost")
	for _, tt := range []struct {
		err    credential.Error
		locked bool
	}{
		{credential.Error{Reason: credential.ErrWrong, Remaining: 2, Known: true, Cause: apdu.Status(0x63C2)}, false},
		{credential.Error{Reason: credential.ErrWrong, Known: true, Cause: apdu.Status(0x63C0)}, true},
		{credential.Error{Reason: credential.ErrLocked, Known: true}, true},
		{credential.Error{Reason: credential.ErrOutcomeUnknown, Cause: lost}, false},
		{credential.Error{Reason: credential.ErrOutcomeUnknown, Known: true, Cause: lost}, true},
	} {
		wrapped := fmt.Errorf("verifying: %w", &tt.err)
		require.ErrorIs(t, wrapped, tt.err.Reason)
		if tt.err.Cause != nil {
			require.ErrorIs(t, wrapped, tt.err.Cause)
		}
		assert.Equal(t, tt.locked, errors.Is(wrapped, credential.ErrLocked), "%v", &tt.err)
		var refused *credential.Error
		require.ErrorAs(t, wrapped, &refused)
		assert.Equal(t, tt.err, *refused)
	}
	assert.Empty(t, (&credential.Error{}).Unwrap())
}

func TestRefused(t *testing.T) {
	assert.Equal(t, &credential.Error{Kind: credential.AuthPIN, Reason: credential.ErrLastAttempt, Remaining: 1, Max: 3, Known: true},
		credential.AuthPIN.NotSent(credential.ErrLastAttempt, credential.Counter{Remaining: 1, Max: 3}))
}

func TestCounter(t *testing.T) {
	for counter, want := range map[credential.Counter]string{
		{Remaining: 3, Max: 3}: `{"remaining":3,"max":3,"blocked":false}`,
		{Remaining: 0, Max: 5}: `{"remaining":0,"max":5,"blocked":true}`,
	} {
		text, err := json.Marshal(counter)
		require.NoError(t, err)
		assert.Equal(t, want, string(text))
		assert.Equal(t, counter.Remaining == 0, counter.Locked())
	}
}
