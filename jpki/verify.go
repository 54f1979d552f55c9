package jpki

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"

	"github.com/mykeykit/mykeykit/apdu"
)

// Why a PIN did not open the card; the reasons of a [*PINError].
var (
	// ErrPINWrong: a try was spent.
	ErrPINWrong = errors.New("wrong PIN")
	// ErrPINBlocked: no try is left. No PIN was sent, or the one sent spent
	// the last.
	ErrPINBlocked = errors.New("PIN locked")
	// ErrLastTry: one try is left and the caller did not allow spending it.
	// No PIN was sent.
	ErrLastTry = errors.New("refused with one try left")
	// ErrOtherCard: the card is not the one that the person was asked for. No
	// PIN was sent.
	ErrOtherCard = errors.New("another card than before")
	// ErrTriesChanged: the tries left are not those that the person was shown.
	// No PIN was sent.
	ErrTriesChanged = errors.New("tries left changed meanwhile")
	// ErrPINOutcomeUnknown: the PIN was sent and no usable answer came back.
	// The try may be spent or not. It is not sent again.
	ErrPINOutcomeUnknown = errors.New("outcome of the PIN unknown")
)

// PINError says why a PIN did not open the card, and what is left.
type PINError struct {
	Reason    error // one of the errors above
	Remaining int   // tries left, if Known
	Known     bool
	Cause     error // the status word or the transport's error; may be nil
}

func (e *PINError) Error() string {
	text := e.Reason.Error()
	if e.Known {
		text += fmt.Sprintf(", tries left: %d", e.Remaining)
	}
	if e.Cause != nil {
		text += ": " + e.Cause.Error()
	}
	return text
}

// Unwrap gives the reason and the cause, and [ErrPINBlocked] with a wrong PIN
// that was the last.
func (e *PINError) Unwrap() []error {
	errs := []error{e.Reason}
	if e.Known && e.Remaining == 0 && e.Reason != ErrPINBlocked {
		errs = append(errs, ErrPINBlocked)
	}
	if e.Cause != nil {
		errs = append(errs, e.Cause)
	}
	return errs
}

// VerifyAuthPIN verifies the authentication PIN: it asks for the tries left,
// refuses to go on where that would be wrong, and sends VERIFY once. A correct
// PIN sets the counter back. Without error the card is verified, and the
// application must be left.
//
// A try is refused, spent or lost with a [*PINError]; before that, it fails
// with [ErrPINUsed] or [ErrCounterUnknown]. The PIN is used up, whatever happens.
// The options [AllowLastTry] and [ForCard] of [Open] or [Do] matter here.
func (a *Application) VerifyAuthPIN(ctx context.Context, pin PIN) error {
	defer pin.Wipe()
	counter, err := a.AuthPINCounter(ctx)
	if err != nil {
		return err
	}
	if err := a.admits(counter); err != nil {
		return err
	}
	if a.config.shown != nil {
		certificate, err := a.AuthCertificate(ctx)
		if err != nil && !errors.Is(err, ErrPINRequired) {
			return err
		}
		if err := a.sameCard(counter, certificate); err != nil {
			return err
		}
	}
	return a.verify(ctx, pin)
}

// admits tells whether a PIN may be tried with these tries left.
func (a *Application) admits(counter Counter) error {
	switch {
	case counter.Blocked():
		return &PINError{Reason: ErrPINBlocked, Known: true}
	case a.config.shown != nil && a.config.shown.Remaining != counter.Remaining:
		return &PINError{Reason: ErrTriesChanged, Remaining: counter.Remaining, Known: true}
	case counter.Remaining == 1 && !a.config.allowLastTry:
		return &PINError{Reason: ErrLastTry, Remaining: 1, Known: true}
	}
	return nil
}

// sameCard tells whether a PIN that was typed for one card may be sent to this
// one, which shows this certificate, or none.
func (a *Application) sameCard(counter Counter, certificate *x509.Certificate) error {
	shown := a.config.shown
	if shown == nil || shown.is == nil && certificate == nil {
		return nil
	}
	if shown.is == nil || certificate == nil || !shown.is(certificate) {
		return &PINError{Reason: ErrOtherCard, Remaining: counter.Remaining, Known: true}
	}
	return nil
}

// verify sends the PIN, once.
func (a *Application) verify(ctx context.Context, pin PIN) error {
	reference, err := a.reference(ctx, efAuthPIN)
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	err = pin.use(func(digits []byte) error {
		a.sent = true // whatever comes back, the card may be verified now
		return a.channel.Verify(ctx, reference, digits)
	})
	switch {
	case err == nil:
		a.verified = true
		return nil
	case errors.Is(err, ErrPINUsed):
		return err
	}
	return a.explain(ctx, err)
}

// explain finds out what an answer other than 9000 did to the counter. Where
// the answer does not say, or says what can't be, the counter is read again, as
// far as it can still be asked.
func (a *Application) explain(ctx context.Context, cause error) *PINError {
	e := &PINError{Reason: ErrPINOutcomeUnknown, Cause: cause}
	var status apdu.Status
	if !errors.As(cause, &status) {
		a.recount(ctx, e)
		return e
	}
	left, counted := status.Retries()
	switch {
	case counted && left <= MaxAuthPIN:
		e.Reason, e.Remaining, e.Known = ErrPINWrong, left, true
	case counted, status == apdu.StatusVerificationUncounted:
		e.Reason = ErrPINWrong
		a.recount(ctx, e)
	case isBlocked(status):
		a.recount(ctx, e)
		if !e.Known || e.Remaining == 0 {
			e.Reason = ErrPINBlocked
		}
	default:
		a.recount(ctx, e)
	}
	return e
}

func (a *Application) recount(ctx context.Context, e *PINError) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveWithin)
	defer cancel()
	if counter, err := a.AuthPINCounter(ctx); err == nil {
		e.Remaining, e.Known = counter.Remaining, true
	}
}
