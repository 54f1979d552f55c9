// Package credential defines the errors for a PIN, signature password or verification number
// that was not accepted, and the counter of the attempts left.
//
// A wrong entry uses up one attempt. When none is left, the credential is locked until the
// holder has it reset at the municipal office. (The signature password can also be reset at
// convenience stores.) So programs show [Counter] before they ask, and tell the holder what an
// [*Error] says about the attempts left:
//
//	var refused *credential.Error
//	if errors.As(err, &refused) {
//		fmt.Println(refused.Reason, refused.Remaining, refused.Known)
//	}
//
// The types of the credentials themselves are in packages jpki, text and verification. Nothing
// in this package holds a secret. All of it is safe for concurrent use.
package credential

import (
	"encoding/json"
	"errors"
	"fmt"
)

// Kind is the name of a credential in error texts.
type Kind string

// The credentials of the JPKI application, and of the text and visual applications.
const (
	AuthPIN           Kind = "PIN"                // 利用者証明用電子証明書の暗証番号
	SignaturePassword Kind = "signature password" // 署名用電子証明書の暗証番号

	TextPIN             Kind = "text PIN"              // 券面事項入力補助用の暗証番号
	VerificationNumberA Kind = "verification number A" // 照合番号A
	VerificationNumberB Kind = "verification number B" // 照合番号B
	BirthDate           Kind = "date of birth"         // for the age record: see package face
)

// Counter is a credential's retry counter.
type Counter struct {
	Remaining int // attempts left; 0: locked
	Max       int // the value of Remaining after a correct entry
}

// Locked reports whether no attempt is left. The PIN of a face-authentication card
// (顔認証マイナンバーカード), which has no PIN to enter, is always locked.
func (c Counter) Locked() bool { return c.Remaining == 0 }

// MarshalJSON writes {"remaining":…,"max":…,"blocked":…}.
func (c Counter) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Remaining int  `json:"remaining"`
		Max       int  `json:"max"`
		Blocked   bool `json:"blocked"`
	}{c.Remaining, c.Max, c.Locked()})
}

// The reasons of an [*Error].
var (
	// ErrWrong reports that the card rejected the entry, which used up one attempt.
	ErrWrong = errors.New("wrong")
	// ErrLocked reports that no attempt is left. No secret was sent, or what was sent
	// used up the last one.
	ErrLocked = errors.New("locked")
	// ErrLastAttempt reports that one attempt is left and that the caller did not
	// allow using it. No secret was sent.
	ErrLastAttempt = errors.New("not sent: only one attempt is left")
	// ErrOtherCard reports that the card is not the one that was in the reader when the
	// holder was asked for the PIN. If it is the reason of an [*Error], no secret was
	// sent. A phone shows its authentication certificate only after the PIN. If one of
	// the two is a phone, a jpki.Signer can compare them only after the PIN was accepted,
	// and then returns ErrOtherCard on its own.
	ErrOtherCard = errors.New("another card is in the reader")
	// ErrAttemptsChanged reports that the attempts left are not those that the holder
	// was shown. No secret was sent.
	ErrAttemptsChanged = errors.New("not sent because the attempts left changed")
	// ErrOutcomeUnknown reports that the entry was sent and that no usable answer came
	// back. The attempt may or may not have been used up. The entry is not sent again.
	ErrOutcomeUnknown = errors.New("sent with unknown outcome")
)

// Errors that are returned without an [*Error].
var (
	// ErrFormat reports an entry that no card can accept. No secret was sent.
	ErrFormat = errors.New("malformed entry")
	// ErrUsed reports an entry that was sent or wiped before, or the zero value of
	// its type. No secret was sent.
	ErrUsed = errors.New("entry already used")
	// ErrCounterUnknown reports that the card does not report the attempts left.
	// No secret was sent.
	ErrCounterUnknown = errors.New("the card does not report the attempts left")
)

// Error reports why an entry did not unlock the card, and the attempts left.
type Error struct {
	Kind      Kind
	Reason    error // one of the reasons above
	Remaining int   // attempts left, if Known
	Max       int   // what a correct entry resets them to
	Known     bool
	Cause     error // the status word or the transport's error; may be nil
}

func (e *Error) Error() string {
	kind := string(e.Kind)
	if kind == "" {
		kind = "credential"
	}
	text := kind
	switch e.Reason {
	case nil:
	case ErrWrong:
		text = "wrong " + kind
	case ErrOtherCard:
		text += " not sent: " + e.Reason.Error()
	default:
		text += " " + e.Reason.Error()
	}
	switch {
	case e.Reason == ErrLastAttempt: // which says so
	case e.Known && e.Remaining == 1:
		text += ", 1 attempt left"
	case e.Known:
		text += fmt.Sprintf(", %d attempts left", e.Remaining)
	}
	if e.Cause != nil {
		text += ": " + e.Cause.Error()
	}
	return text
}

// Unwrap returns the reason and the cause, and also [ErrLocked] for a wrong entry
// that used up the last attempt.
func (e *Error) Unwrap() []error {
	var errs []error
	if e.Reason != nil {
		errs = append(errs, e.Reason)
	}
	if e.Known && e.Remaining == 0 && e.Reason != ErrLocked {
		errs = append(errs, ErrLocked)
	}
	if e.Cause != nil {
		errs = append(errs, e.Cause)
	}
	return errs
}

// NotSent returns the error for an entry that was not sent, with the attempts left.
func (k Kind) NotSent(reason error, left Counter) *Error {
	return &Error{Kind: k, Reason: reason, Remaining: left.Remaining, Max: left.Max, Known: true}
}
