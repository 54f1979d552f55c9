package jpki_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/apdu"
	"github.com/mykeykit/mykeykit/internal/cardtest"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// What can't be read is an error with its cause, and no value.
func TestWhatCannotBeRead(t *testing.T) {
	ctx := context.Background()
	for name, read := range map[string]func(a *jpki.Application) (any, error){
		"token":                    func(a *jpki.Application) (any, error) { return a.Token(ctx) },
		"certificate":              func(a *jpki.Application) (any, error) { return a.AuthCertificate(ctx) },
		"CA certificate":           func(a *jpki.Application) (any, error) { return a.AuthCACertificate(ctx) },
		"signature CA certificate": func(a *jpki.Application) (any, error) { return a.SignatureCACertificate(ctx) },
		"counter":                  func(a *jpki.Application) (any, error) { return a.AuthPINCounter(ctx) },
		"signature counter":        func(a *jpki.Application) (any, error) { return a.SignaturePasswordCounter(ctx) },
		"exchange":                 func(a *jpki.Application) (any, error) { return nil, a.ProbeFullResponse(ctx) },
	} {
		for _, tt := range []struct {
			do    simulator.Action
			cause error
		}{
			{simulator.FailBefore(errNotTransacted), errNotTransacted},
			{simulator.AnswerStatus(apdu.StatusNoDiagnosis), apdu.StatusNoDiagnosis},
		} {
			d := cardtest.Open(t, simulator.Contact)
			a := open(t, d)
			d.Slot.AddFault(simulator.Fault{Do: tt.do})
			got, err := read(a)
			require.ErrorIs(t, err, tt.cause, name)
			assert.Empty(t, got, name)
		}
	}
}
