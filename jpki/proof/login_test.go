package proof_test

import (
	"bytes"
	"crypto/x509"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/cardtest"
	"github.com/mykeykit/mykeykit/jpki/proof"
	"github.com/mykeykit/mykeykit/jpki/trust"
	"github.com/mykeykit/mykeykit/mykey"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// loginService serves the service of the example, and passes each request to see first.
func loginService(t *testing.T, h *cardtest.Holder, see func(http.ResponseWriter, *http.Request) (done bool)) (*httptest.Server, string) {
	t.Helper()
	key, err := mykey.NewKey(bytes.Repeat([]byte{1}, 32))
	require.NoError(t, err)
	users, err := mykey.NewNamespace("service.example", key)
	require.NoError(t, err)
	server := httptest.NewUnstartedServer(nil)
	service := "https://" + server.Listener.Addr().String()
	handler := newService(service, trust.Policy{CAs: []*x509.Certificate{h.Card.CACertificate()}, Required: true}, users)
	server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !see(w, r) {
			handler.ServeHTTP(w, r)
		}
	})
	server.StartTLS()
	t.Cleanup(server.Close)
	return server, service
}

// The service of the example accepts evidence once, and no evidence for a challenge that it
// did not make.
//
// Faults: F57.
func TestLogin(t *testing.T) {
	h := cardtest.NewHolder(t, simulator.Contact)
	var sent []byte
	server, service := loginService(t, h, func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPost {
			sent, _ = io.ReadAll(r.Body)
			r.Body = io.NopCloser(bytes.NewReader(sent))
		}
		return false
	})
	answer, err := login(t.Context(), server.Client(), service, h, h.AskPIN)
	require.NoError(t, err)
	assert.Contains(t, answer, "Hello, ")

	var foreign proof.Evidence
	require.NoError(t, json.Unmarshal(sent, &foreign))
	foreign.Challenge.Nonce[0] ^= 1
	unknown, err := json.Marshal(foreign)
	require.NoError(t, err)
	for _, tt := range []struct {
		name, body string
		status     string
	}{
		{"replayed", string(sent), "403 Forbidden"},
		{"another challenge", string(unknown), "403 Forbidden"},
		{"nothing", "", "400 Bad Request"},
		{"more after the evidence", string(sent) + "{}", "400 Bad Request"},
		{"too long", string(bytes.Repeat([]byte(" "), proof.MaxEvidence+1)), "400 Bad Request"},
	} {
		_, err := send(t.Context(), server.Client(), http.MethodPost, service+"/login", []byte(tt.body))
		require.EqualError(t, err, tt.status, tt.name)
	}
	assert.Equal(t, 1, h.Secrets())
}

// A dishonest service passes on a challenge of another service. The example's client does not
// have it signed, and does not ask for the PIN.
//
// Faults: F59.
func TestLoginAtADishonestService(t *testing.T) {
	h := cardtest.NewHolder(t, simulator.Contact)
	honest, service := loginService(t, h, func(http.ResponseWriter, *http.Request) bool { return false })
	dishonest, address := loginService(t, h, func(w http.ResponseWriter, r *http.Request) bool {
		challenge, err := send(r.Context(), honest.Client(), http.MethodGet, service+"/challenge", nil)
		assert.NoError(t, err)
		_, _ = w.Write(challenge)
		return true
	})
	_, err := login(t.Context(), dishonest.Client(), address, h, h.AskPIN)
	require.EqualError(t, err, "the challenge is for something else")
	assert.Zero(t, h.Asked())
	assert.Empty(t, h.Secrets())
}
