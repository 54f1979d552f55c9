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

	"github.com/mykeykit/mykeykit/jpki/proof"
)

// A client does not check for whom a challenge is. A dishonest server can pass on the challenge
// of another service, and use the evidence there.
func TestClientsTrustTheServersChallenge(t *testing.T) {
	elsewhere, err := proof.NewChallenge("https://elsewhere.example", "login", time.Now(), zeros{})
	require.NoError(t, err)
	text, err := json.Marshal(elsewhere)
	require.NoError(t, err)
	c := newSite(t).client(t, "t1", func(http.RoundTripper) http.RoundTripper {
		return roundTripper(func(r *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(bytes.NewReader(text)), Request: r}, nil
		})
	})
	challenge, err := c.Challenge(t.Context())
	require.NoError(t, err)
	assert.Equal(t, elsewhere, challenge)
}
