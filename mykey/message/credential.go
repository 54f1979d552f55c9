package message

import (
	"errors"
	"fmt"

	"github.com/mykeykit/mykeykit/jpki/credential"
)

// wording is what the messages about one credential say.
type wording struct {
	last, locked, unknown Code
	lockedBefore          Text // in place of the message of locked; may be empty
	lockedByWrong         Text // what was sent was wrong and used up the last attempt
	lockedBySending       Text // the credential is locked after something was sent
	reset                 Text // where it can be reset
	notSent               Text
	lost                  Text // the response was lost, followed by the attempts left
	left                  func(*credential.Error) Text
	wrong                 func(*credential.Error) Message
}

// forCredential says why a PIN or password did not unlock the card, and how many attempts
// are left.
func forCredential(e *credential.Error) Message {
	w := &pinWording
	if e.Kind == credential.SignaturePassword {
		w = &passwordWording
	}
	if t, ok := entryTexts(e.Kind); ok {
		w = entryWording(t)
	}
	m := w.message(e)
	if e.Known {
		left := e.Remaining
		m.Remaining = &left
	}
	return m
}

func (w *wording) message(e *credential.Error) Message {
	switch {
	case errors.Is(e, credential.ErrLocked) && lockedNow(e):
		m := named(w.locked)
		m.Attempt, m.Next = AttemptUsed, w.reset
		if m.What = w.lockedBySending; errors.Is(e, credential.ErrWrong) {
			m.What = w.lockedByWrong
		}
		return m
	case errors.Is(e, credential.ErrLocked):
		m := named(w.locked)
		if w.lockedBefore != (Text{}) {
			m.What = w.lockedBefore
		}
		return m
	case errors.Is(e, credential.ErrLastAttempt):
		return named(w.last)
	case errors.Is(e, credential.ErrAttemptsChanged), errors.Is(e, credential.ErrOtherCard):
		// The card, or its counter, is not the one that the holder was shown.
		m := named(CardChanged)
		m.Attempt, m.What = AttemptNotUsed, m.What.And(w.notSent)
		return m
	case errors.Is(e, credential.ErrOutcomeUnknown):
		m := named(w.unknown)
		if left := w.left(e); e.Known {
			m.What = Text{w.lost.JA + left.JA, w.lost.EN + left.EN}
		}
		return m
	}
	return w.wrong(e)
}

// lockedNow reports whether what was sent used up the last attempt: an error of a
// credential that was locked before has no other reason, and no cause.
func lockedNow(e *credential.Error) bool { return e.Reason != credential.ErrLocked || e.Cause != nil }

// attempts writes a number of attempts in English.
func attempts(n int) string {
	if n == 1 {
		return "1 attempt"
	}
	return fmt.Sprintf("%d attempts", n)
}
