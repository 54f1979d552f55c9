package applet

import (
	"context"
	"errors"
	"fmt"

	"github.com/mykeykit/mykeykit/apdu"
)

var (
	// ErrNoApplication reports that the card has none of the applications.
	ErrNoApplication = errors.New("application not found on this card")
	// ErrStillUnlocked reports that the card could not be logged out.
	ErrStillUnlocked = errors.New("card may still be unlocked")
)

// issuerSecurityDomain is the name (AID) of GlobalPlatform's issuer security domain. This
// toolkit does not use it, but selecting it logs the card out.
var issuerSecurityDomain = []byte{0xA0, 0x00, 0x00, 0x01, 0x51, 0x00, 0x00}

// Session is the use of a selected application.
type Session struct {
	channel *apdu.Channel
	files   fileAccess
	// sent reports that a secret was sent, so that the card may be unlocked.
	sent     bool
	unlocked []byte // files of the credentials that the card accepted
}

// Open selects the first of the applications that the card has. It returns the session and
// the application's index.
// It returns [ErrNoApplication] if the card has none of them.
//
// A caller that sends a secret must call [Session.LogOut]; [Do] takes care of that.
func Open(ctx context.Context, card apdu.Transmitter, applications [][]byte, options ...apdu.Option) (*Session, int, error) {
	var lengths []apdu.Option
	if c, ok := card.(interface{ ATR() []byte }); ok {
		lengths = append(lengths, apdu.WithATR(c.ATR()))
	}
	s := &Session{}
	s.channel = apdu.NewChannel(&transport{card, s}, append(lengths, options...)...)

	var absent error
	for i, application := range applications {
		err := s.channel.SelectApplication(ctx, application)
		if errors.Is(err, apdu.StatusNoDiagnosis) {
			// Some cards answer 6F00 to the first command after power-up (observed; not
			// in a public specification).
			err = s.channel.SelectApplication(ctx, application)
		}
		switch {
		case err == nil:
			return s, i, nil
		case !isAbsent(err):
			return nil, 0, err
		case absent == nil:
			absent = err
		case !errors.Is(absent, statusOf(err)):
			absent = fmt.Errorf("%w; %w", absent, err)
		}
	}
	return nil, 0, fmt.Errorf("%w: %w", ErrNoApplication, absent)
}

// isAbsent reports whether a card may return this error to SELECT of an application that
// it does not have.
func isAbsent(err error) bool {
	switch statusOf(err) {
	case apdu.StatusFileNotFound, apdu.StatusFunctionNotSupported, apdu.StatusIncorrectP1P2, apdu.StatusReferencedDataNotFound,
		apdu.StatusInstructionNotSupported, apdu.StatusClassNotSupported, apdu.StatusWrongLength, apdu.StatusConditionsNotSatisfied,
		0x6999: // Java Card: the applet refused
		return true
	}
	return false
}

// statusOf returns the status word in an error, or 0 if there is none.
func statusOf(err error) (status apdu.Status) {
	errors.As(err, &status)
	return status
}

// Do is like [Open] but calls fn with the session, in one transaction if the card supports
// transactions. If a secret was sent, Do logs the card out afterwards, also if fn returns
// an error or panics, or ctx ends. If logging out fails, Do returns [ErrStillUnlocked],
// joined to fn's error.
func Do(ctx context.Context, card apdu.Transmitter, applications [][]byte, fn func(s *Session, index int) error, options ...apdu.Option) error {
	return apdu.InTransaction(ctx, card, func() (err error) {
		s, index, err := Open(ctx, card, applications, options...)
		if err != nil {
			return err
		}
		defer func() { err = Join(err, s.LogOut(ctx)) }()
		return fn(s, index)
	})
}

// Join joins the error of using a card and the error of logging it out. Either may be nil.
func Join(err, logOut error) error {
	switch {
	case logOut == nil:
		return err
	case err == nil:
		return logOut
	}
	return errors.Join(err, logOut)
}

// MarkUnlocked makes [Session.LogOut] log the card out even if this session sends no
// secret. Use it if another program may have left the card unlocked.
func (s *Session) MarkUnlocked() { s.sent = true }

// LogOut logs the card out by selecting another application. If no secret was sent, it
// sends nothing. It works after ctx has ended, for up to 5 seconds. It returns nil for a
// removed card, which is logged out because it lost its power.
//
// Otherwise it returns [ErrStillUnlocked], which wraps the cause. One cause is a reset by
// another program, which does not log the card out.
func (s *Session) LogOut(ctx context.Context) error {
	if !s.sent {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), logOutWithin)
	defer cancel()
	err := s.channel.SelectApplication(ctx, issuerSecurityDomain)
	if err != nil && !errors.Is(err, apdu.ErrRemoved) { // send it again; it uses no attempt
		err = s.channel.SelectApplication(ctx, issuerSecurityDomain)
	}
	if err != nil && !errors.Is(err, apdu.ErrRemoved) {
		return fmt.Errorf("%w: %w", ErrStillUnlocked, err)
	}
	s.sent, s.unlocked = false, nil
	return nil
}
