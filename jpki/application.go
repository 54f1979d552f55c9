package jpki

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mykeykit/mykeykit/apdu"
)

// Names of applications. Observed in published programs; the specification is
// not public.
var (
	aidJPKI = []byte{0xD3, 0x92, 0xF0, 0x00, 0x26, 0x01, 0x00, 0x00, 0x00, 0x01}
	// The GlobalPlatform issuer security domain, which has nothing for us:
	// selecting it leaves JPKI.
	aidISD = []byte{0xA0, 0x00, 0x00, 0x01, 0x51, 0x00, 0x00}
)

// Elementary files of the application; each number is the file's identifier
// and its short identifier. Observed in published programs.
const (
	efSignatureCertificate = 0x01
	efSignatureCA          = 0x02
	efTokenInformation     = 0x06
	efAvailability         = 0x08
	efAuthCertificate      = 0x0A
	efAuthCA               = 0x0B
	efAuthKey              = 0x17
	efAuthPIN              = 0x18
	efSignatureKey         = 0x1A
	efSignaturePassword    = 0x1B
)

var (
	// ErrNoApplication: the card has no JPKI application, so it is not a My
	// Number Card.
	ErrNoApplication = errors.New("no JPKI application on this card")
	// ErrStillVerified: the card could not be logged out, so it may still be
	// unlocked. It comes together with what failed before, if anything did. Taking
	// the card out of the reader logs it out, as cutting its power does.
	ErrStillVerified = errors.New("card may still be unlocked")
)

// Application is the JPKI application of a card, selected.
type Application struct {
	channel  *apdu.Channel
	config   config
	files    fileAccess
	sent     bool    // a secret was sent, so the card may be verified
	verified []*side // for which the card said that it is
	chain    Chain   // of the certificate that was last found usable
}

// Open selects the application. It fails with [ErrNoApplication] on any other
// card.
//
// Whoever verifies a PIN after Open must call [Application.Leave]; [Do] takes
// care of that.
func Open(ctx context.Context, card apdu.Transmitter, options ...Option) (*Application, error) {
	config := newConfig(options)
	var lengths []apdu.Option
	if c, ok := card.(interface{ ATR() []byte }); ok && apdu.ATR(c.ATR()).ExtendedLengths() {
		lengths = append(lengths, apdu.WithExtendedLengths())
	}
	a := &Application{config: config}
	a.channel = apdu.NewChannel(wire{card, a}, append(lengths, config.channel...)...)

	err := a.channel.SelectApplication(ctx, aidJPKI)
	if errors.Is(err, apdu.StatusNoDiagnosis) {
		// Some cards answer so to the first command after power-up (observed;
		// not in a public specification).
		err = a.channel.SelectApplication(ctx, aidJPKI)
	}
	for _, absent := range answersOfOtherCards {
		if errors.Is(err, absent) {
			return nil, fmt.Errorf("%w: %w", ErrNoApplication, err)
		}
	}
	if err != nil {
		return nil, err
	}
	return a, nil
}

// Present tells whether a card has the JPKI application, and so is a My Number Card.
// It is a reader.Probe: it sends SELECT, in a transaction, and uses up no attempt. It
// fails where the answer does not tell.
func Present(ctx context.Context, card apdu.Transmitter) (bool, error) {
	err := Do(ctx, card, func(*Application) error { return nil })
	if errors.Is(err, ErrNoApplication) {
		return false, nil
	}
	return err == nil, err
}

// answersOfOtherCards to SELECT of an application that they do not have.
var answersOfOtherCards = []apdu.Status{
	apdu.StatusFileNotFound, apdu.StatusFunctionNotSupported, apdu.StatusIncorrectP1P2, apdu.StatusReferencedDataNotFound,
	apdu.StatusInstructionNotSupported, apdu.StatusClassNotSupported, apdu.StatusWrongLength, apdu.StatusConditionsNotSatisfied,
	0x6999, // Java Card: the applet refused
}

// wire is the card as an application sends to it. From the PIN on, an exchange
// that is under way when ctx ends gets a moment to end by itself: abandoning it
// would lose the connection, and with it the means to leave the card.
type wire struct {
	apdu.Transmitter
	application *Application
}

// grace is how long an exchange may go on after ctx has ended. A signature
// takes about a second.
const grace = 2 * time.Second

func (w wire) Transmit(ctx context.Context, command []byte) ([]byte, error) {
	if err := ctx.Err(); err != nil || !w.application.sent {
		if err != nil {
			return nil, err
		}
		return w.Transmitter.Transmit(ctx, command)
	}
	longer, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(grace, cancel) })
	defer stop()
	response, err := w.Transmitter.Transmit(longer, command)
	if longer.Err() != nil && ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return response, err
}

// Do calls fn with the application open, in one transaction if the card has
// them. If a PIN was sent it logs the card out afterwards, as [Application.Leave]
// does, also when fn fails, panics, or ctx ends. If that fails, so does Do: with
// [ErrStillVerified], joined to fn's error.
//
// An exchange that ctx ended in the middle, and that does not end within 2
// seconds, is abandoned: closing the connection then cuts the card's power.
func Do(ctx context.Context, card apdu.Transmitter, fn func(*Application) error, options ...Option) error {
	return apdu.InTransaction(ctx, card, func() (err error) {
		a, err := Open(ctx, card, options...)
		if err != nil {
			return err
		}
		defer func() { err = both(err, a.Leave(ctx)) }()
		return fn(a)
	})
}

// both joins what failed and that the card could not be logged out; either may be
// nil.
func both(err, left error) error {
	switch {
	case left == nil:
		return err
	case err == nil:
		return left
	}
	return errors.Join(err, left)
}

// leaveWithin bounds how long logging out may take, before the grace.
const leaveWithin = 3 * time.Second

// Leave logs the card out by selecting another application. It sends nothing if no
// PIN was sent. It works after ctx has ended, for up to 5 seconds. A card that was
// removed has lost its power, and is logged out by that.
//
// It fails with [ErrStillVerified], which wraps the cause. A reset by another
// program is such a cause: it does not log this card out.
func (a *Application) Leave(ctx context.Context) error {
	if !a.sent {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveWithin)
	defer cancel()
	err := a.channel.SelectApplication(ctx, aidISD)
	if err != nil && !errors.Is(err, apdu.ErrRemoved) { // once more: it costs nothing
		err = a.channel.SelectApplication(ctx, aidISD)
	}
	if err != nil && !errors.Is(err, apdu.ErrRemoved) {
		return fmt.Errorf("%w: %w", ErrStillVerified, err)
	}
	a.sent, a.verified = false, nil
	return nil
}
