package proof_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/prooftest"
	"github.com/mykeykit/mykeykit/jpki/proof"
	"github.com/mykeykit/mykeykit/jpki/trust"
)

// parseAndVerify parses and verifies evidence. It fails the test if anything but the genuine
// evidence is accepted.
func parseAndVerify(t testing.TB, verifier *proof.Verifier, text []byte, genuine proof.Evidence) (accepted bool) {
	t.Helper()
	e, err := proof.ParseEvidence(text)
	if err != nil {
		requireFormat(t, err, "")
		require.Zero(t, e)
		return false
	}
	holder, err := verifier.Verify(t.Context(), e)
	if err != nil {
		require.Nil(t, holder)
		return false
	}
	if !reflect.DeepEqual(genuine, e) {
		t.Fatalf("accepted: %s", text)
	}
	require.Equal(t, genuine.Certificate, holder.Certificate().Raw)
	return true
}

// unrecorded trusts the CA of package prooftest, and accepts a challenge again.
func unrecorded() *proof.Verifier {
	v := prooftest.Verifier(now)
	v.Trust = trust.Policy{Anchors: []trust.Anchor{anchor(prooftest.CA())}}
	return v
}

// Whatever a verifier gets, it rejects it, or it is the genuine evidence.
//
// Faults: F50, F51, F52, F53, F57, F58, F59.
func FuzzVerify(f *testing.F) {
	genuine := evidence(f)
	text, err := json.Marshal(genuine)
	require.NoError(f, err)
	f.Add(text)
	f.Add(bytes.Replace(text, []byte(`"test"`), []byte(`"\u0074est"`), 1))
	f.Add(bytes.Replace(text, []byte(`"time"`), []byte(`"nonce":"","time"`), 1))
	f.Add(bytes.Replace(text, []byte(`"signature":"`), []byte(`"signature":"AAAA`), 1))
	for _, v := range vectors(f).Vectors {
		f.Add([]byte(v.Evidence))
	}
	v := unrecorded()
	require.True(f, parseAndVerify(f, v, text, genuine))
	f.Fuzz(func(t *testing.T, text []byte) {
		parseAndVerify(t, v, text, genuine)
		e, err := proof.ParseEvidence(text)
		if err != nil {
			return
		}
		written, err := json.Marshal(e)
		require.NoError(t, err)
		if len(written) > proof.MaxEvidence {
			return // escapes can make it longer than what was read
		}
		again, err := proof.ParseEvidence(written)
		require.NoError(t, err)
		require.Equal(t, e, again)
	})
}

// A challenge is rejected by Check, or what is written of it is read back.
func FuzzChallenge(f *testing.F) {
	f.Add("https://library.example.jp", "login", make([]byte, 32), int64(1780315200))
	f.Add("図書館\u2028", `"<>&\`, bytes.Repeat([]byte{0xFF}, 32), int64(-1))
	f.Fuzz(func(t *testing.T, audience, purpose string, nonce []byte, at int64) {
		c := proof.Challenge{Audience: audience, Purpose: purpose, Time: unix(at)}
		copy(c.Nonce[:], nonce)
		require.True(t, bytes.HasPrefix(c.Message(), []byte("mykeykit proof v1\x00")))
		text, err := json.Marshal(c)
		if err != nil {
			return
		}
		require.NoError(t, c.Check())
		require.Equal(t, encode(c), string(c.Message()))
		var again proof.Challenge
		require.NoError(t, json.Unmarshal(text, &again))
		require.Equal(t, c, again)
	})
}

// Each single bit of genuine evidence counts.
//
// Faults: F57, F58.
func TestEveryBitOfEvidence(t *testing.T) {
	genuine := evidence(t)
	text, err := json.Marshal(genuine)
	require.NoError(t, err)
	v := unrecorded()
	require.True(t, parseAndVerify(t, v, text, genuine))
	for i := range text {
		for bit := range 8 {
			text[i] ^= 1 << bit
			require.False(t, parseAndVerify(t, v, text, genuine), "bit %d of byte %d", bit, i)
			text[i] ^= 1 << bit
		}
	}
}

// The same for the bits that the text encodes, and for evidence of which a part is missing.
func TestEveryByteOfEvidence(t *testing.T) {
	genuine := evidence(t)
	v := unrecorded()
	for _, part := range []struct {
		name string
		of   func(*proof.Evidence) *[]byte
	}{
		{"certificate", func(e *proof.Evidence) *[]byte { return &e.Certificate }},
		{"CA certificate", func(e *proof.Evidence) *[]byte { return &e.CACertificate }},
		{"signature", func(e *proof.Evidence) *[]byte { return &e.Signature }},
		{"nonce", func(e *proof.Evidence) *[]byte { nonce := e.Challenge.Nonce[:]; return &nonce }},
	} {
		e := genuine
		original := *part.of(&e)
		for i := range original {
			for _, to := range []byte{0, 0xFF, original[i] + 1} {
				if to == original[i] {
					continue
				}
				changed := genuine
				b := part.of(&changed)
				if part.name != "nonce" {
					*b = bytes.Clone(*b)
				}
				(*b)[i] = to
				_, err := v.Verify(t.Context(), changed)
				require.Error(t, err, "%s, byte %d", part.name, i)
			}
			if part.name != "nonce" {
				cut := genuine
				*part.of(&cut) = original[:i]
				_, err := v.Verify(t.Context(), cut)
				require.Error(t, err, "%s, %d bytes", part.name, i)
			}
		}
	}
}
