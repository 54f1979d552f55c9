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
	efTokenInformation  = 0x06
	efAvailability      = 0x08
	efAuthCertificate   = 0x0A
	efAuthCA            = 0x0B
	efAuthKey           = 0x17
	efAuthPIN           = 0x18
	efSignaturePassword = 0x1B
)

var (
	// ErrNoApplication: the card has no JPKI application, so it is not a My
	// Number Card.
	ErrNoApplication = errors.New("no JPKI application on this card")
	// ErrStillVerified: the card refused to leave the application. Closing
	// the connection cuts its power, which helps too.
	ErrStillVerified = errors.New("card could not be left unverified")
)

// Application is the JPKI application of a card, selected.
type Application struct {
	channel *apdu.Channel
	config  config
	byFile  bool // the card takes no short file identifiers for secrets and keys
	sent    bool // a PIN was sent, so the card may be verified
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
	a := &Application{
		channel: apdu.NewChannel(card, append(lengths, config.channel...)...),
		config:  config,
	}
	err := a.channel.SelectApplication(ctx, aidJPKI)
	var status apdu.Status
	if errors.As(err, &status) {
		return nil, fmt.Errorf("%w: %w", ErrNoApplication, err)
	}
	if err != nil {
		return nil, err
	}
	return a, nil
}

// Do calls fn with the application open, in one transaction if the card has
// them. If a PIN was sent the application is left afterwards, also when fn
// fails, panics, or ctx ends.
func Do(ctx context.Context, card apdu.Transmitter, fn func(*Application) error, options ...Option) error {
	return apdu.InTransaction(ctx, card, func() (err error) {
		a, err := Open(ctx, card, options...)
		if err != nil {
			return err
		}
		defer func() {
			if left := a.Leave(ctx); left != nil {
				err = errors.Join(err, left)
			}
		}()
		return fn(a)
	})
}

// leaveWithin bounds how long a card may take to be left.
const leaveWithin = 3 * time.Second

// Leave makes the card forget that a PIN was verified, by selecting another
// application. It sends nothing if no PIN was sent. It works after ctx has
// ended, for up to 3 seconds.
//
// A connection that is lost is no error: closing it cuts the card's power. A
// card that refuses is [ErrStillVerified].
func (a *Application) Leave(ctx context.Context) error {
	if !a.sent {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveWithin)
	defer cancel()
	err := a.channel.SelectApplication(ctx, aidISD)
	var status apdu.Status
	if errors.As(err, &status) {
		return fmt.Errorf("%w: %w", ErrStillVerified, err)
	}
	a.sent = err != nil
	return nil
}
