package jpki

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"

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

// PINError says why a PIN, or the signature password, did not open the card, and
// what is left.
type PINError struct {
	Reason    error // one of the errors above
	Password  bool  // it is about the signature password
	Remaining int   // tries left, if Known
	Known     bool
	Cause     error // the status word or the transport's error; may be nil
}

func (e *PINError) Error() string {
	text := "PIN refused"
	if e.Reason != nil {
		text = e.Reason.Error()
	}
	if e.Password {
		text = ofPassword(text)
	}
	if e.Known {
		text += fmt.Sprintf(", tries left: %d", e.Remaining)
	}
	if e.Cause != nil {
		text += ": " + e.Cause.Error()
	}
	return text
}

// ofPassword says a reason of the signature password.
func ofPassword(reason string) string {
	const name = "signature password"
	if about := strings.Replace(reason, "PIN", name, 1); about != reason {
		return about
	}
	return name + ": " + reason
}

// Unwrap gives the reason and the cause, and [ErrPINBlocked] with a wrong PIN
// that was the last.
func (e *PINError) Unwrap() []error {
	var errs []error
	if e.Reason != nil {
		errs = append(errs, e.Reason)
	}
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
	return a.admitAndVerify(ctx, authentication, pin.secret)
}

// VerifySignaturePassword verifies the signature password as [VerifyAuthPIN] does
// the PIN, and fails with the same errors; [ForCard] is of
// [Application.ReadyToSign] then.
func (a *Application) VerifySignaturePassword(ctx context.Context, password Password) error {
	return a.admitAndVerify(ctx, signing, password.secret)
}

func (a *Application) admitAndVerify(ctx context.Context, of *side, s secret) error {
	defer s.Wipe()
	counter, err := a.counter(ctx, of)
	if err != nil {
		return err
	}
	if err := a.admits(of, counter); err != nil {
		return err
	}
	if a.config.shown != nil {
		certificate, err := a.identity(ctx)
		if err == nil {
			err = a.sameCard(of, counter, certificate)
		}
		if err != nil {
			return err
		}
	}
	return a.verify(ctx, of, s)
}

// identity is the authentication certificate for telling cards apart, or nil of a
// card that does not show one, as phones before the PIN.
func (a *Application) identity(ctx context.Context) (*x509.Certificate, error) {
	certificate, err := a.AuthCertificate(ctx)
	for _, none := range []error{ErrPINRequired, ErrNoCertificate, ErrMalformedCertificate, ErrWrongKind} {
		if errors.Is(err, none) {
			return nil, nil
		}
	}
	return certificate, err
}

// admits tells whether a secret may be tried with these tries left.
func (a *Application) admits(of *side, counter Counter) error {
	switch {
	case counter.Blocked():
		return of.refused(ErrPINBlocked, counter)
	case a.config.shown != nil && a.config.shown.Remaining != counter.Remaining:
		return of.refused(ErrTriesChanged, counter)
	case counter.Remaining == 1 && !a.config.allowLastTry:
		return of.refused(ErrLastTry, counter)
	}
	return nil
}

// sameCard tells whether a secret that was typed for one card may be sent to this
// one, which shows this certificate, or none.
func (a *Application) sameCard(of *side, counter Counter, certificate *x509.Certificate) error {
	shown := a.config.shown
	if shown == nil || shown.is == nil && certificate == nil {
		return nil
	}
	if shown.is == nil || certificate == nil || !shown.is(certificate) {
		return of.refused(ErrOtherCard, counter)
	}
	return nil
}

// verify sends the secret, once.
func (a *Application) verify(ctx context.Context, of *side, s secret) error {
	reference, err := a.reference(ctx, of.secret)
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	err = s.use(func(characters []byte) error {
		a.sent = true // whatever comes back, the card may be verified now
		return a.channel.Verify(ctx, reference, characters)
	})
	switch {
	case err == nil:
		a.verified = append(a.verified, of)
		return nil
	case errors.Is(err, ErrPINUsed):
		return err
	}
	return a.explain(ctx, of, err)
}

// explain finds out what an answer other than 9000 did to the counter. Where
// the answer does not say, or says what can't be, the counter is read again, as
// far as it can still be asked.
func (a *Application) explain(ctx context.Context, of *side, cause error) *PINError {
	e := &PINError{Reason: ErrPINOutcomeUnknown, Password: of == signing, Cause: cause}
	var status apdu.Status
	if !errors.As(cause, &status) {
		a.recount(ctx, of, e)
		return e
	}
	left, counted := status.Retries()
	switch {
	case counted && left <= of.maximum:
		e.Reason, e.Remaining, e.Known = ErrPINWrong, left, true
	case counted, status == apdu.StatusVerificationUncounted:
		e.Reason = ErrPINWrong
		a.recount(ctx, of, e)
	case isBlocked(status):
		a.recount(ctx, of, e)
		if !e.Known || e.Remaining == 0 {
			e.Reason = ErrPINBlocked
		}
	default:
		a.recount(ctx, of, e)
	}
	return e
}

func (a *Application) recount(ctx context.Context, of *side, e *PINError) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveWithin)
	defer cancel()
	if counter, err := a.counter(ctx, of); err == nil {
		e.Remaining, e.Known = counter.Remaining, true
	}
}
