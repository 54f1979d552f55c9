package fleet_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/fleet"
	"github.com/mykeykit/mykeykit/jpki/proof"
)

// A client rejects a challenge of another service, with which a dishonest server could log in
// there. The namespace is the one that the server's campaign names.
func TestClientsRejectChallengesOfOtherServices(t *testing.T) {
	for name, test := range map[string]struct {
		audience, purpose string
		want              error
	}{
		"another service": {"https://elsewhere.example", "login", fleet.ErrRequest},
		"another purpose": {namespace, "login", fleet.ErrRequest},
		"another fleet":   {"elsewhere.example", fleet.Purpose, fleet.ErrRequest},
		"its own":         {namespace, fleet.Purpose, nil},
	} {
		made, err := proof.NewChallenge(test.audience, test.purpose, time.Now(), zeros{})
		require.NoError(t, err)
		text, err := json.Marshal(made)
		require.NoError(t, err)
		c := newSite(t).client(t, "t1", func(http.RoundTripper) http.RoundTripper {
			return roundTripper(func(r *http.Request) (*http.Response, error) {
				return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(bytes.NewReader(text)), Request: r}, nil
			})
		})
		challenge, err := c.Challenge(t.Context())
		require.ErrorIs(t, err, test.want, name)
		assert.Equal(t, test.want == nil, challenge == made, name)
	}
}
