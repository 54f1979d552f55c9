package applet

import (
	"context"
	"errors"
	"fmt"

	"github.com/mykeykit/mykeykit/apdu"
	"github.com/mykeykit/mykeykit/jpki/credential"
)

// Credential describes a credential of an application.
type Credential struct {
	Kind     credential.Kind
	File     byte // its elementary file, which is also its short identifier
	Attempts int  // wrong entries until it is locked
	Rules    Rules
}

// Counter asks the card for the attempts left. It uses up none.
//
// It returns [credential.ErrCounterUnknown] if the card does not tell, or the
// transport's error.
func (s *Session) Counter(ctx context.Context, of Credential) (credential.Counter, error) {
	var status apdu.Status
	err := s.useFile(ctx, apdu.InsVerify, of.File, func(sfi byte) (err error) {
		if status, err = s.channel.VerifyStatus(ctx, 0x80|sfi); err == nil && rejectsSFI(status) {
			err = status
		}
		return err
	})
	switch {
	case errors.As(err, new(apdu.Status)): // the file could not be named
		return credential.Counter{}, fmt.Errorf("%w: %w", credential.ErrCounterUnknown, err)
	case err != nil:
		return credential.Counter{}, fmt.Errorf("retry counter: %w", err)
	}
	left, counted := status.Retries()
	switch {
	case counted && left <= of.Attempts:
		return credential.Counter{Remaining: left, Max: of.Attempts}, nil
	case isLocked(status):
		return credential.Counter{Max: of.Attempts}, nil
	}
	// 9000 among them: some cards answer so while a secret is verified, which tells no
	// number of attempts.
	return credential.Counter{}, fmt.Errorf("%w: %w", credential.ErrCounterUnknown, status)
}

// isLocked reports whether a card answers so for a locked credential: published programs
// expect 6983, and 6984 was measured.
func isLocked(s apdu.Status) bool {
	return s == apdu.StatusAuthenticationBlocked || s == apdu.StatusReferenceDataUnusable
}

// Conditions are what a caller of [Session.Prepare] allows and expects.
type Conditions struct {
	AllowLastAttempt bool
	Shown            *credential.Counter // what the holder was shown; nil: nothing
}

// Attempt is the permission to send one secret. It is used once.
type Attempt struct {
	session *Session
	of      Credential
	counter credential.Counter
	used    bool
}

// Prepare asks the card for the attempts left and decides whether a secret may be sent.
// It sends none.
//
// It returns a [*credential.Error] if none may be sent, or the errors of
// [Session.Counter]. The counter is valid in the first case too.
func (s *Session) Prepare(ctx context.Context, of Credential, conditions Conditions) (*Attempt, credential.Counter, error) {
	counter, err := s.Counter(ctx, of)
	if err != nil {
		return nil, credential.Counter{}, err
	}
	switch {
	case counter.Locked():
		return nil, counter, of.Kind.Refused(credential.ErrLocked, counter)
	case conditions.Shown != nil && conditions.Shown.Remaining != counter.Remaining:
		return nil, counter, of.Kind.Refused(credential.ErrAttemptsChanged, counter)
	case counter.Remaining == 1 && !conditions.AllowLastAttempt:
		return nil, counter, of.Kind.Refused(credential.ErrLastAttempt, counter)
	}
	return &Attempt{session: s, of: of, counter: counter}, counter, nil
}

// Verify sends the secret in one VERIFY. If it returns nil the card is unlocked, and
// [Session.LogOut] must be called. The secret is wiped, whatever happens.
//
// It returns a [*credential.Error] if the card rejected the secret or the outcome is
// unknown, and, before anything is sent, [credential.ErrFormat], [credential.ErrUsed] or
// ctx's error.
func (a *Attempt) Verify(ctx context.Context, secret Secret) error {
	defer secret.Wipe()
	s := a.session
	if a.used {
		return credential.ErrUsed
	}
	reference, err := s.reference(ctx, a.of.File)
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	refused := false
	err = secret.use(func(characters []byte) error {
		if refused = !a.of.Rules.allow(characters); refused {
			return credential.ErrFormat
		}
		a.used, s.sent = true, true // whatever comes back, the card may be unlocked now
		return s.channel.Verify(ctx, reference, characters)
	})
	switch {
	case err == nil:
		s.unlocked = append(s.unlocked, a.of.File)
		return nil
	case refused, errors.Is(err, credential.ErrUsed):
		return err
	}
	return a.explain(ctx, err)
}

// Change replaces the secret with another one. It verifies the old secret first, so a
// wrong one uses up one attempt. Both secrets are wiped, whatever happens.
//
// It returns the errors of [Attempt.Verify]; [credential.ErrFormat] for either secret,
// before anything is sent; [ErrChangeRejected] if the card keeps the old secret; and
// [ErrChangeUnknown] if no usable answer came back to the change: either secret may hold
// now.
func (a *Attempt) Change(ctx context.Context, old, replacement Secret) error {
	defer old.Wipe()
	defer replacement.Wipe()
	return replacement.use(func(characters []byte) error {
		if !a.of.Rules.allow(characters) {
			return credential.ErrFormat
		}
		if err := a.Verify(ctx, old); err != nil {
			return err
		}
		reference, err := a.session.reference(ctx, a.of.File)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrChangeRejected, err)
		}
		err = a.session.channel.ChangeReferenceData(ctx, reference, characters)
		switch {
		case err == nil:
			return nil
		case errors.As(err, new(apdu.Status)):
			return fmt.Errorf("%w: %w", ErrChangeRejected, err)
		}
		return fmt.Errorf("%w: %w", ErrChangeUnknown, err)
	})
}

var (
	// ErrChangeRejected reports that the card accepted the old secret and rejected the
	// new one. The old one holds.
	ErrChangeRejected = errors.New("the card rejected the new secret")
	// ErrChangeUnknown reports that no usable answer came back to a change.
	ErrChangeUnknown = errors.New("outcome of the change unknown")
)

// explain finds out what an answer other than 9000 did to the counter. If the answer
// does not say, or says something impossible, it reads the counter again, as far as the
// card can still be asked.
func (a *Attempt) explain(ctx context.Context, cause error) *credential.Error {
	e := &credential.Error{Kind: a.of.Kind, Reason: credential.ErrOutcomeUnknown, Max: a.of.Attempts, Cause: cause}
	var status apdu.Status
	if !errors.As(cause, &status) {
		a.recount(ctx, e)
		return e
	}
	left, counted := status.Retries()
	switch {
	case counted && left <= a.of.Attempts:
		e.Reason, e.Remaining, e.Known = credential.ErrWrong, left, true
	case counted, status == apdu.StatusVerificationUncounted:
		e.Reason = credential.ErrWrong
		a.recount(ctx, e)
	case isLocked(status):
		a.recount(ctx, e)
		if !e.Known || e.Remaining == 0 {
			e.Reason = credential.ErrLocked
		}
	default:
		a.recount(ctx, e)
	}
	return e
}

func (a *Attempt) recount(ctx context.Context, e *credential.Error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), logOutWithin)
	defer cancel()
	if counter, err := a.session.Counter(ctx, a.of); err == nil {
		e.Remaining, e.Known = counter.Remaining, true
	}
}

// Unlocked reports whether the card accepted a secret for the credential in this session.
func (s *Session) Unlocked(of Credential) bool {
	for _, file := range s.unlocked {
		if file == of.File {
			return true
		}
	}
	return false
}
