package signtest

import (
	"crypto/sha256"
	"crypto/x509/pkix"
	"encoding/asn1"
	"io"
	"math/big"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var oidTimestampInfo = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 1, 4}

// The messages of RFC 3161.
type (
	imprint struct {
		Algorithm pkix.AlgorithmIdentifier
		Digest    []byte
	}
	request struct {
		Version         int
		Imprint         imprint
		Nonce           *big.Int `asn1:"optional"`
		CertificateWant bool     `asn1:"optional"`
	}
	timestampInfo struct {
		Version int
		Policy  asn1.ObjectIdentifier
		Imprint imprint
		Serial  *big.Int
		Time    time.Time `asn1:"generalized"`
		Nonce   *big.Int  `asn1:"optional"`
	}
	response struct {
		Status struct{ Status int }
		Token  asn1.RawValue
	}
)

// Token returns a time stamp of data.
func (a *Authority) Token(t testing.TB, data []byte, at time.Time) []byte {
	t.Helper()
	digest := sha256.Sum256(data)
	return a.token(t, digest[:], at, nil)
}

func (a *Authority) token(t testing.TB, digest []byte, at time.Time, nonce *big.Int) []byte {
	info := marshal(t, timestampInfo{1, asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 99999, 1}, imprint{SHA256, digest}, big.NewInt(1), at.UTC().Truncate(time.Second), nonce}, "")
	signer := &Signer{Key: a.key, certificate: a.certificate}
	return signer.Message(t, info, func(m *Message) {
		m.Content.Type, m.Content.Content = oidTimestampInfo, info
		m.Attributes[0].Values[0] = oidTimestampInfo
	})
}

// Handler answers questions of RFC 3161 with the time of at.
func (a *Authority) Handler(t testing.TB, at func() time.Time) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		require.NoError(t, err)
		var question request
		_, err = asn1.Unmarshal(body, &question)
		require.NoError(t, err)
		require.Equal(t, "application/timestamp-query", r.Header.Get("Content-Type"))
		der, err := asn1.Marshal(response{Token: asn1.RawValue{FullBytes: a.token(t, question.Imprint.Digest, at(), question.Nonce)}})
		require.NoError(t, err)
		w.Header().Set("Content-Type", "application/timestamp-reply")
		_, _ = w.Write(der)
	}
}
