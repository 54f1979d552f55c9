package terminal

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/jpki/trust"
	"github.com/mykeykit/mykeykit/mykey"
	"github.com/mykeykit/mykeykit/mykey/registry"
	"github.com/mykeykit/mykeykit/reader"
)

// Problem screens name no command, file or library. If only an operator can solve a
// problem, the screen asks to call the staff.
//
// Faults: F134.
func TestNoScreenNamesACommand(t *testing.T) {
	failures := []error{
		reader.ErrDenied, reader.ErrUnsupported, reader.ErrNoService, reader.ErrNoReader, reader.ErrBusy, reader.ErrTransport, reader.ErrChanged, reader.ErrRemoved,
		jpki.ErrFullResponse, trust.ErrUnknownIssuer, trust.ErrIssuerExpired, trust.ErrNotYetValid, trust.ErrUnsupportedKey, jpki.ErrPINRequired, jpki.ErrNoApplication,
	}
	for _, n := range append(notices, registryNotices...) {
		failures = append(failures, n.err)
	}
	for _, err := range failures {
		m := screenNotice(err)
		for _, text := range []string{m.What.JA, m.What.EN, m.Next.JA, m.Next.EN} {
			assert.NotEmpty(t, text, "%v", err)
			assert.NotRegexp(t, `kiosk|card-info|systemctl|docs/|polkit|cgo|pkg-config|256|sqlite|--[a-z]|\bcert\b`, text, "%v", err)
		}
		assert.NotRegexp(t, "^For staff:", m.Next.EN, "%v", err)
		assert.NotContains(t, m.Next.EN, "lace your My Number Card", "the screen also asks to take the card")
	}
}

// A problem that the staff must solve keeps the card in place. A card that may still be
// unlocked must be taken, whoever solves the problem.
//
// Faults: F134.
func TestWhoTakesTheCard(t *testing.T) {
	for err, keeps := range map[error]bool{
		trust.ErrNotYetValid: true, trust.ErrUnsupportedKey: true, trust.ErrUnknownIssuer: true, jpki.ErrFullResponse: true, registry.ErrProof: true, mykey.ErrKey: true,
		jpki.ErrStillUnlocked: false, fmt.Errorf("%w: %w", jpki.ErrStillUnlocked, trust.ErrNotYetValid): false,
		jpki.ErrNoApplication: false, reader.ErrBusy: false, registry.ErrApplied: false, errors.New("another error"): false,
	} {
		assert.Equal(t, keeps, callsStaff(screenNotice(err)), "%v", err)
	}
}
