package message_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/japanese"

	"github.com/mykeykit/mykeykit/apdu"
	"github.com/mykeykit/mykeykit/internal/termtext"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/jpki/credential"
	"github.com/mykeykit/mykeykit/jpki/revocation"
	"github.com/mykeykit/mykeykit/jpki/trust"
	"github.com/mykeykit/mykeykit/mykey"
	"github.com/mykeykit/mykeykit/mykey/message"
	"github.com/mykeykit/mykeykit/reader"
)

func pinError(reason error, left int, known bool) error {
	return fmt.Errorf("somewhere: %w", &credential.Error{Reason: reason, Remaining: left, Known: known, Cause: apdu.Status(0x63C0)})
}

func passwordError(reason error, left int, known bool) error {
	return fmt.Errorf("somewhere: %w", &credential.Error{Reason: reason, Kind: credential.SignaturePassword, Remaining: left, Max: 5, Known: known, Cause: apdu.Status(0x63C0)})
}

var failures = []struct {
	err  error
	code message.Code
	says string // in the English text
}{
	{reader.ErrNoService, "PCSC_UNAVAILABLE", "cannot be reached"},
	{reader.ErrDenied, "PCSC_DENIED", "denies"},
	{reader.ErrUnsupported, "PCSC_UNSUPPORTED", "without support"},
	{reader.ErrNoReader, "READER_NOT_FOUND", "No card reader"},
	{reader.ErrUnknownReader, "READER_NOT_FOUND", "with that name"},
	{&reader.NameError{Name: "x", Readers: []string{"A", "B\x1b"}}, "READER_NOT_FOUND", "B?"},
	{&reader.AmbiguousError{Name: "x", Readers: []string{"A", "B\x1b"}}, "SEVERAL_READERS", "B?"},
	{reader.ErrNoMatch, "NOT_MYNUMBER_CARD", "None of the cards"},
	{&reader.NoMatchError{Rejected: []string{"A", "B\x1b"}}, "NOT_MYNUMBER_CARD", "\n  B?"},
	{&reader.NoMatchError{Rejected: []string{"A"}, Causes: []error{reader.ErrBusy}}, "NOT_MYNUMBER_CARD", "No My Number Card was found"},
	{&reader.NoMatchError{Rejected: []string{"A"}, Causes: []error{reader.ErrBusy}}, "NOT_MYNUMBER_CARD", "Another program"},
	{&reader.NoMatchError{Causes: []error{reader.ErrBusy}}, "READER_BUSY", "Another program"},
	{reader.ErrNoCard, "CARD_ABSENT", "no card"},
	{reader.ErrRemoved, "CARD_REMOVED", "moved away"},
	{reader.ErrChanged, "CARD_CHANGED", "a different card"},
	{reader.ErrBusy, "READER_BUSY", "Another program"},
	{reader.ErrTransport, "READ_FAILED", "could not be read"},
	{fmt.Errorf("%w: %w", jpki.ErrFullResponse, reader.ErrTransport), "EXCHANGE_FAILED", "256 bytes"},
	{context.DeadlineExceeded, "READ_FAILED", "could not be read"},
	{&reader.AmbiguousError{Readers: []string{"A", "B\x1b"}}, "SEVERAL_CARDS", "B?"},
	{fmt.Errorf("%w: %w", jpki.ErrNoPossession, reader.ErrRemoved), "CARD_REMOVED", "moved away"},
	{jpki.ErrNoApplication, "NOT_MYNUMBER_CARD", "not a My Number Card"},
	{jpki.ErrNoCertificate, "NO_AUTH_CERT", "no user-authentication certificate"},
	{trust.ErrMalformed, "CERT_MALFORMED", "may be damaged"},
	{trust.ErrWrongKind, "CERT_WRONG_KIND", "not a user-authentication certificate"},
	{&trust.ValidityError{Reason: trust.ErrExpired, NotAfter: time.Date(2026, 10, 20, 15, 0, 0, 0, time.UTC)}, "CERT_EXPIRED", "in October 2026"},
	{&trust.ValidityError{Reason: trust.ErrNotYetValid, NotBefore: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)}, "CERT_NOT_YET_VALID", "before 1 January 2027"},
	{jpki.ErrPINRequired, "CERT_NEEDS_PIN", "only after the PIN"},
	{trust.ErrUnsupportedKey, "KEY_UNSUPPORTED", "not supported yet"},
	{trust.ErrUnknownIssuer, "CHAIN_UNKNOWN", "issuer could not be verified"},
	{fmt.Errorf("%w: %w", trust.ErrUnknownIssuer, trust.ErrCACertificate), "CHAIN_UNKNOWN", "issuer"},
	{trust.ErrCACertificate, "CA_CERTIFICATE", "given CA certificate"},
	{trust.ErrNotAccepted, "CERT_NOT_ACCEPTED", "server does not accept"},
	{trust.ErrIssuerExpired, "ISSUER_EXPIRED", "expired or not yet valid"},
	{jpki.ErrNoPossession, "POSSESSION_FAILED", "did not verify"},
	{jpki.ErrStillUnlocked, "CARD_STILL_VERIFIED", "may still be unlocked"},
	{jpki.ErrPINFormat, "PIN_FORMAT", "no attempt was used"},
	{credential.ErrCounterUnknown, "PIN_COUNTER_UNKNOWN", "No PIN was sent"},
	{pinError(credential.ErrWrong, 2, true), "PIN_WRONG", "2 more wrong entries"},
	{pinError(credential.ErrWrong, 1, true), "PIN_WRONG", "The next wrong entry will lock"},
	{pinError(credential.ErrWrong, 0, false), "PIN_WRONG", "not known"},
	{pinError(credential.ErrWrong, 0, true), "PIN_LOCKED", "That PIN was wrong"},
	{pinError(credential.ErrLocked, 0, true), "PIN_LOCKED", "does not unlock by itself"},
	{pinError(credential.ErrLastAttempt, 1, true), "PIN_LAST_TRY", "No PIN was sent"},
	{pinError(credential.ErrAttemptsChanged, 2, true), "CARD_CHANGED", "No PIN was sent"},
	{pinError(credential.ErrOtherCard, 3, true), "CARD_CHANGED", "No PIN was sent"},
	{pinError(credential.ErrOutcomeUnknown, 2, true), "PIN_OUTCOME_UNKNOWN", "2 attempts left"},
	{pinError(credential.ErrOutcomeUnknown, 0, false), "PIN_OUTCOME_UNKNOWN", "not known"},
	{credential.ErrOtherCard, "CARD_CHANGED", "or a different card was inserted"},
	{jpki.ErrPasswordFormat, "PASSWORD_FORMAT", "6 to 16 letters and digits"},
	{passwordError(credential.ErrWrong, 4, true), "PASSWORD_WRONG", "4 of 5 attempts left"},
	{passwordError(credential.ErrWrong, 1, true), "PASSWORD_WRONG", "The next wrong entry will lock it"},
	{passwordError(credential.ErrWrong, 0, false), "PASSWORD_WRONG", "is not known"},
	{passwordError(credential.ErrWrong, 0, true), "PASSWORD_LOCKED", "last of 5 attempts"},
	{passwordError(credential.ErrLocked, 0, true), "PASSWORD_LOCKED", "does not unlock by itself"},
	{passwordError(credential.ErrLastAttempt, 1, true), "PASSWORD_LAST_ATTEMPT", "It was not sent"},
	{passwordError(credential.ErrAttemptsChanged, 2, true), "CARD_CHANGED", "password was not sent"},
	{passwordError(credential.ErrOtherCard, 5, true), "CARD_CHANGED", "password was not sent"},
	{passwordError(credential.ErrOutcomeUnknown, 2, true), "PASSWORD_OUTCOME_UNKNOWN", "2 of 5 attempts left"},
	{passwordError(credential.ErrOutcomeUnknown, 0, false), "PASSWORD_OUTCOME_UNKNOWN", "is not known"},
	{&trust.ValidityError{Reason: trust.ErrExpired, SignatureCertificate: true}, "CERT_EXPIRED", "signature certificate"},
	{apdu.StatusWrongLength, "CARD_REFUSED", "rejected"},
	{&revocation.RevokedError{}, "CERT_REVOKED", "has been revoked"},
	{revocation.ErrUnknown, "REVOCATION_UNKNOWN", "can't be checked at the moment"},
	{fmt.Errorf("%w: %w", revocation.ErrUnknown, context.Canceled), "REVOCATION_UNKNOWN", "No PIN attempt was used"},
	{fmt.Errorf("%w: %w", revocation.ErrUnknown, context.DeadlineExceeded), "REVOCATION_UNKNOWN", "No PIN attempt was used"},
	{fmt.Errorf("%w: %w", revocation.ErrUnknown, &trust.ValidityError{Reason: trust.ErrExpired}), "REVOCATION_UNKNOWN", "No PIN attempt was used"},
	{fmt.Errorf("%w: %w", revocation.ErrUnknown, &revocation.RevokedError{}), "REVOCATION_UNKNOWN", "No PIN attempt was used"},
	{fmt.Errorf("%w: %w", revocation.ErrUnknown, &credential.Error{}), "REVOCATION_UNKNOWN", "No PIN attempt was used"},
	{credential.ErrUsed, "PIN_USED", "no attempt was used"},
	{mykey.ErrKey, "NAMESPACE_KEY", "key file"},
	{mykey.ErrNamespace, "NAMESPACE_NAME", "not valid"},
	{context.Canceled, "INTERRUPTED", "Interrupted"},
	{errors.New("anything else"), "FAILED", "could not be completed"},
}

func TestFor(t *testing.T) {
	for _, tt := range failures {
		m := message.For(fmt.Errorf("wrapped: %w", tt.err))
		assert.Equal(t, tt.code, m.Code, tt.err)
		assert.Contains(t, m.What.EN, tt.says)
		var pin *credential.Error
		if errors.As(tt.err, &pin) && pin.Known {
			assert.Equal(t, pin.Remaining, *m.Remaining)
		} else {
			assert.Nil(t, m.Remaining)
		}
	}
}

// A [jpki.Signer] finds out that a phone is another one after the phone has accepted the PIN.
func TestAnotherCardAfterThePIN(t *testing.T) {
	m := message.For(fmt.Errorf("signing: %w", credential.ErrOtherCard))
	assert.Equal(t, message.CardChanged, m.Code)
	assert.NotContains(t, m.What.EN, "No PIN was sent")
	assert.NotContains(t, m.What.JA, "送っていません")
}

// Texts fit 80 columns after "card-info: ".
func TestMessagesFitALineAndHaveBothLanguages(t *testing.T) {
	for _, tt := range failures {
		requireWhole(t, message.For(tt.err))
	}
	for m := range message.All() {
		requireWhole(t, m)
	}
}

// requireWhole checks that a message says everything in both languages, and fits.
func requireWhole(t *testing.T, m message.Message) {
	t.Helper()
	require.NotEmpty(t, m.Code)
	assert.Contains(t, []message.Group{message.Holder, message.Clerk, message.Operator, message.Programmer}, m.Group, m.Code)
	assert.Contains(t, []message.Attempt{message.AttemptNone, message.AttemptNotUsed, message.AttemptUsed, message.AttemptUnknown}, m.Attempt, m.Code)
	assert.NotEmpty(t, m.What.JA, m.Code)
	assert.NotEmpty(t, m.What.EN, m.Code)
	assert.NotEmpty(t, m.Next.JA, "%s: what to do next", m.Code)
	assert.NotEmpty(t, m.Next.EN, m.Code)
	for _, text := range []string{m.What.JA, m.What.EN, m.Next.JA, m.Next.EN} {
		for _, encoding := range []encoding.Encoding{japanese.EUCJP, japanese.ShiftJIS} {
			_, err := encoding.NewEncoder().String(text)
			assert.NoError(t, err, "a terminal that is not UTF-8: %s", text)
		}
		for i, line := range strings.Split(text, "\n") {
			limit := 78
			if i == 0 {
				limit = 80 - len("card-info: ")
			}
			if text == m.Next.JA || text == m.Next.EN {
				limit = 78 // behind two spaces
			}
			assert.LessOrEqual(t, termtext.Columns(line), limit, line)
		}
	}
}

// The signature password has other characters and another number of attempts than the
// PIN, and can be reset in more places.
//
// Faults: F85.
func TestPasswordMessagesDoNotMentionThePIN(t *testing.T) {
	for _, err := range []error{
		jpki.ErrPasswordFormat,
		passwordError(credential.ErrWrong, 4, true), passwordError(credential.ErrWrong, 1, true), passwordError(credential.ErrWrong, 0, false),
		passwordError(credential.ErrWrong, 0, true), passwordError(credential.ErrLocked, 0, true), passwordError(credential.ErrLastAttempt, 1, true),
		passwordError(credential.ErrAttemptsChanged, 2, true), passwordError(credential.ErrOtherCard, 5, true),
		passwordError(credential.ErrOutcomeUnknown, 2, true), passwordError(credential.ErrOutcomeUnknown, 0, false),
	} {
		m := message.For(err)
		assert.Contains(t, m.What.EN, "assword", err)
		assert.Contains(t, m.What.JA, "署名用", err)
		for _, text := range []string{m.What.EN, m.What.JA, m.Next.EN, m.Next.JA} {
			for _, pins := range []string{"PIN", "4 digits", "4けた", "利用者証明用", "--", "card-info"} {
				assert.NotContains(t, text, pins, err)
			}
		}
		switch m.Code {
		case message.PasswordWrong, message.PasswordLocked, message.PasswordLastAttempt:
			assert.Contains(t, m.Next.EN, "municipal office, or at a convenience-store kiosk")
			assert.Contains(t, m.Next.JA, "コンビニ")
		}
	}
}

// Readers' names are untrusted: they can't control a terminal.
//
// Faults: F11, F54.
func TestReadersNamesArePrintable(t *testing.T) {
	m := message.For(&reader.AmbiguousError{Readers: []string{"カード\x1b[2J", "\u202eB"}})
	for _, text := range []string{m.What.JA, m.What.EN} {
		assert.True(t, strings.HasSuffix(text, "\n  カード?[2J\n  ?B"), text)
	}
}

// An error that occurred before logging out failed has its own message. Why logging out
// failed is not its cause.
//
// Faults: F75.
func TestForDescribesTheFirstCause(t *testing.T) {
	left := fmt.Errorf("%w: %w", jpki.ErrStillUnlocked, reader.ErrNoService)
	for _, tt := range []struct {
		err   error
		cause error
		code  message.Code
	}{
		{nil, nil, "FAILED"},
		{reader.ErrRemoved, reader.ErrRemoved, "CARD_REMOVED"},
		{jpki.ErrStillUnlocked, nil, "CARD_STILL_VERIFIED"},
		{left, nil, "CARD_STILL_VERIFIED"},
		{fmt.Errorf("wrapped: %w", left), nil, "CARD_STILL_VERIFIED"},
		{errors.Join(jpki.ErrNoPossession, left), jpki.ErrNoPossession, "POSSESSION_FAILED"},
		{fmt.Errorf("wrapped: %w", errors.Join(jpki.ErrNoPossession, left)), jpki.ErrNoPossession, "POSSESSION_FAILED"},
		{errors.Join(errors.Join(context.Canceled, left), left), context.Canceled, "INTERRUPTED"},
	} {
		assert.Equal(t, tt.cause, message.Cause(tt.err), tt.err)
		assert.Equal(t, tt.code, message.For(tt.err).Code, tt.err)
	}
}
