package terminal_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/cmd/kiosk/internal/terminal"
	"github.com/mykeykit/mykeykit/internal/hidden"
	"github.com/mykeykit/mykeykit/internal/redacttest"
	"github.com/mykeykit/mykeykit/jpki"
)

// No type prints the secrets it contains.
//
// Faults: F84.
func TestNoTypePrintsSecrets(t *testing.T) {
	const account, code = "0123456789", "7K2M-9QXR-0ABC-DEFG"
	pin, err := jpki.ParsePIN([]byte("7305"))
	require.NoError(t, err)
	canaries := []redacttest.Canary{redacttest.Text(account), redacttest.Text(code), redacttest.Text("7305")}
	redacttest.Run(t, []redacttest.Type{
		redacttest.Holder(terminal.View{Account: hidden.NewBytes([]byte(account)), Recovery: hidden.NewBytes([]byte(code))}, canaries...),
		redacttest.Holder(terminal.Action{Account: hidden.NewBytes([]byte(account)), Code: hidden.NewBytes([]byte(code)), PIN: pin}, canaries...),
		redacttest.Plain[terminal.Config](),
		redacttest.Plain[terminal.Event](),
		redacttest.Plain[terminal.Refused](),
		redacttest.Plain[terminal.Screen](),
		redacttest.Plain[terminal.Terminal](), // its visit uses the same hidden types
	}, ".")
}
