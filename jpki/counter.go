package jpki

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/mykeykit/mykeykit/apdu"
)

// Wrong entries that a card allows, published by J-LIS.
const (
	MaxAuthPIN           = 3
	MaxSignaturePassword = 5
)

// ErrCounterUnknown: the card does not say how many tries are left.
var ErrCounterUnknown = errors.New("the card does not tell the tries left")

// Counter is a retry counter: the wrong entries that are left.
type Counter struct {
	Remaining int // 0: locked
	Max       int // what a correct entry sets it back to
}

// Blocked tells whether no try is left. For the PIN only the municipal office
// can change that. A face-authentication card (顔認証マイナンバーカード) is
// always blocked.
func (c Counter) Blocked() bool { return c.Remaining == 0 }

// MarshalJSON writes {"remaining":…,"max":…,"blocked":…}.
func (c Counter) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Remaining int  `json:"remaining"`
		Max       int  `json:"max"`
		Blocked   bool `json:"blocked"`
	}{c.Remaining, c.Max, c.Blocked()})
}

// AuthPINCounter asks for the tries left for the authentication PIN. It costs
// none.
func (a *Application) AuthPINCounter(ctx context.Context) (Counter, error) {
	return a.counter(ctx, authentication)
}

// SignaturePasswordCounter asks for the tries left for the signature password
// (署名用電子証明書の暗証番号). It costs none.
func (a *Application) SignaturePasswordCounter(ctx context.Context) (Counter, error) {
	return a.counter(ctx, signing)
}

func (a *Application) counter(ctx context.Context, of *side) (Counter, error) {
	var status apdu.Status
	err := a.useFile(ctx, apdu.InsVerify, of.secret, func(sfi byte) (err error) {
		if status, err = a.channel.VerifyStatus(ctx, 0x80|sfi); err == nil && refusesSFI(status) {
			err = status
		}
		return err
	})
	switch {
	case errors.As(err, new(apdu.Status)): // the file could not even be named
		return Counter{}, fmt.Errorf("%w: %w", ErrCounterUnknown, err)
	case err != nil:
		return Counter{}, fmt.Errorf("retry counter: %w", err)
	}
	left, counted := status.Retries()
	switch {
	case counted && left <= of.maximum:
		return Counter{Remaining: left, Max: of.maximum}, nil
	case isBlocked(status):
		return Counter{Max: of.maximum}, nil
	}
	// 9000 among them: some cards answer so while a secret is verified, which
	// is no number of tries.
	return Counter{}, fmt.Errorf("%w: %w", ErrCounterUnknown, status)
}

// isBlocked: published programs expect 6983, and 6984 was measured.
func isBlocked(s apdu.Status) bool {
	return s == apdu.StatusAuthenticationBlocked || s == apdu.StatusReferenceDataUnusable
}
