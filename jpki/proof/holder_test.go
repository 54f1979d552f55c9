package proof_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/prooftest"
	"github.com/mykeykit/mykeykit/jpki/proof"
	"github.com/mykeykit/mykeykit/jpki/trust"
)

// A Holder that Verify did not make says nothing about anybody.
func TestNobody(t *testing.T) {
	for name, h := range map[string]*proof.Holder{"nil": nil, "zero": {}} {
		assert.Nil(t, h.Certificate(), name)
		assert.Zero(t, h.Challenge(), name)
		assert.Empty(t, h.Validity(), name)
		assert.Equal(t, trust.IssuerUnknown, h.Issuer(), name)
		assert.Equal(t, "[nobody]", h.String(), name)
		assert.Equal(t, "[nobody]", h.LogValue().String(), name)
		encoded, err := h.MarshalJSON()
		require.NoError(t, err)
		assert.Equal(t, `"[nobody]"`, string(encoded), name)
	}
}

// A Holder can't be made from text, and shows nothing of the certificate, also as a part of
// another value.
func TestHoldersAreNotEncoded(t *testing.T) {
	card := prooftest.Card{Kind: "printed", NotAfter: now.AddDate(2, 0, 0), Name: "SYNTHETIC HOLDER"}
	h := card.Holder(now)
	require.Equal(t, card.Name, h.Certificate().Subject.CommonName)
	secrets := []string{card.Name, fmt.Sprintf("%x", card.Name), fmt.Sprintf("%d", []byte(card.Name)), "2028", "2023", h.Certificate().SerialNumber.String()}
	whole := struct {
		H *proof.Holder
		V proof.Holder
		L []*proof.Holder
	}{h, *h, []*proof.Holder{h}}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%p"} {
		for _, value := range []any{h, *h, whole, &whole} {
			for _, secret := range secrets {
				require.NotContains(t, fmt.Sprintf(verb, value), secret, verb)
			}
		}
	}
	encoded, err := json.Marshal(whole)
	require.NoError(t, err)
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("message", "holder", h, "whole", whole)
	slog.New(slog.NewTextHandler(&log, nil)).Info("message", "holder", h, "whole", whole)
	for _, secret := range secrets[:3] {
		require.NotContains(t, string(encoded)+log.String(), secret)
	}

	text, err := json.Marshal(h)
	require.NoError(t, err)
	assert.Equal(t, strconv.Quote(h.String()), string(text))
	var read struct{ H *proof.Holder }
	require.NoError(t, json.Unmarshal([]byte(`{"H":{"verified":{"certificate":{}}}}`), &read))
	assert.Nil(t, read.H.Certificate())
	require.Error(t, json.Unmarshal([]byte(`{"H":`+string(text)+`}`), &read))
}
