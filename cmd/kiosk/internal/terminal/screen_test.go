package terminal

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/jpki/trust"
	"github.com/mykeykit/mykeykit/reader"
)

// Problem screens name no command, file or library. If only an operator can solve a
// problem, the screen asks to call the staff.
//
// Faults: F134.
func TestNoScreenNamesACommand(t *testing.T) {
	failures := []error{
		reader.ErrDenied, reader.ErrUnsupported, reader.ErrNoService, reader.ErrNoReader, reader.ErrBusy, reader.ErrTransport, reader.ErrChanged, reader.ErrRemoved,
		jpki.ErrExchange, trust.ErrUnknownIssuer, trust.ErrIssuerExpired, trust.ErrNotYetValid, trust.ErrUnsupportedKey, jpki.ErrPINRequired, jpki.ErrNoApplication,
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
