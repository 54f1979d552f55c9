package applet

import (
	"context"
	"errors"
	"fmt"

	"github.com/mykeykit/mykeykit/apdu"
	"github.com/mykeykit/mykeykit/jpki/credential"
)

// Credential describes a PIN or password of an application.
type Credential struct {
	Kind     credential.Kind
	File     byte // elementary file; the same number is its short identifier
	Attempts int  // wrong secrets in a row that lock it
	Rules    Rules
}

// Counter reads the attempts left. It uses up no attempt.
//
// It returns [credential.ErrCounterUnknown] if the card does not report them, or the
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
	case errors.As(err, new(apdu.Status)): // the card rejected the file
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
	// This includes 9000, which some cards answer while a secret is verified. It does not
	// report the attempts left.
	return credential.Counter{}, fmt.Errorf("%w: %w", credential.ErrCounterUnknown, status)
}

// isLocked reports whether a status word means that the credential is locked. Published
// programs expect 6983, and 6984 was measured.
func isLocked(s apdu.Status) bool {
	return s == apdu.StatusAuthenticationBlocked || s == apdu.StatusReferenceDataUnusable
}

// Conditions restrict when [Session.Prepare] returns an Attempt.
type Conditions struct {
	AllowLastAttempt bool                // allow an attempt if it is the last one
	Shown            *credential.Counter // the counter that the holder was shown; nil: none
}

// Attempt is the permission to send one secret. It can be used once.
type Attempt struct {
	session *Session
	of      Credential
	counter credential.Counter
	used    bool
}

// Prepare reads the attempts left and decides whether a secret may be sent. It does not
// send one.
//
// It returns a [*credential.Error] if no secret may be sent; the counter is valid then
// too. It also returns the errors of [Session.Counter].
func (s *Session) Prepare(ctx context.Context, of Credential, conditions Conditions) (*Attempt, credential.Counter, error) {
	counter, err := s.Counter(ctx, of)
	if err != nil {
		return nil, credential.Counter{}, err
	}
	switch {
	case counter.Locked():
		return nil, counter, of.Kind.NotSent(credential.ErrLocked, counter)
	case conditions.Shown != nil && conditions.Shown.Remaining != counter.Remaining:
		return nil, counter, of.Kind.NotSent(credential.ErrAttemptsChanged, counter)
	case counter.Remaining == 1 && !conditions.AllowLastAttempt:
		return nil, counter, of.Kind.NotSent(credential.ErrLastAttempt, counter)
	}
	return &Attempt{session: s, of: of, counter: counter}, counter, nil
}

// Verify sends the secret in one VERIFY. If it returns nil the card is unlocked, and
// [Session.LogOut] must be called. Verify always wipes the secret.
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
		a.used, s.sent = true, true // whatever the response, the card may be unlocked now
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
// wrong one uses up one attempt. It always wipes both secrets.
//
// It returns the errors of [Attempt.Verify]; before anything is sent, [credential.ErrFormat] for
// either secret and [ErrSame]; [ErrChangeRejected] if the card keeps the old secret; and
// [ErrChangeUnknown] if no usable response arrived, so that either secret may be valid.
func (a *Attempt) Change(ctx context.Context, old, replacement Secret) error {
	defer old.Wipe()
	defer replacement.Wipe()
	return replacement.use(func(characters []byte) error {
		if !a.of.Rules.allow(characters) {
			return credential.ErrFormat
		}
		verified, same := old.unless(characters)
		if same {
			return ErrSame
		}
		if err := a.Verify(ctx, verified); err != nil {
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
	// ErrSame reports a new secret that is the old one. No secret was sent.
	ErrSame = errors.New("the new secret is the old one")
	// ErrChangeRejected reports that the card accepted the old secret and rejected the
	// new one. The old one remains valid.
	ErrChangeRejected = errors.New("the new PIN or password was not accepted; the old one is still valid")
	// ErrChangeUnknown reports that no usable response to a change arrived.
	ErrChangeUnknown = errors.New("outcome of the change unknown")
)

// explain returns the error for a response other than 9000, with the attempts left. If
// the response does not contain them, or an impossible number, it reads the counter
// again if the card still responds.
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
	case counted, status == apdu.StatusVerificationFailedUncounted:
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

// recount reads the counter again and stores it in e.
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
