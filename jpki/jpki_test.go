package jpki_test

import (
	"context"
	"crypto/x509"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/apdu"
	"github.com/mykeykit/mykeykit/internal/cardtest"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/jpki/proof"
)

func pin(t testing.TB, digits string) jpki.PIN {
	t.Helper()
	p, err := jpki.ParsePIN([]byte(digits))
	require.NoError(t, err)
	return p
}

func password(t testing.TB, characters string) jpki.Password {
	t.Helper()
	p, err := jpki.ParsePassword([]byte(characters))
	require.NoError(t, err)
	return p
}

func isSign(c apdu.Command) bool   { return c.INS == apdu.InsPerformSecurityOperation }
func isRead(c apdu.Command) bool   { return c.INS == apdu.InsReadBinary }
func isQuery(c apdu.Command) bool  { return c.INS == apdu.InsVerify && !c.Secret() }
func isLogOut(c apdu.Command) bool { return c.INS == apdu.InsSelect && c.Data()[0] == 0xA0 }

// requireNothingSigned requires that the card was not asked for a signature over the last
// connection.
func requireNothingSigned(t testing.TB, h *cardtest.Holder) {
	t.Helper()
	connections := h.Connections()
	for _, c := range connections[len(connections)-1] {
		require.False(t, isSign(c))
	}
}

// prove has the card sign a challenge.
func prove(ctx context.Context, a *jpki.Application, certificate *x509.Certificate) error {
	_, err := a.Prove(ctx, certificate, proof.Challenge{Audience: "test", Purpose: "test", Time: time.Unix(0, 0)})
	return err
}
