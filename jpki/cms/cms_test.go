package cms_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/cardtest"
	"github.com/mykeykit/mykeykit/internal/signtest"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/jpki/cms"
	"github.com/mykeykit/mykeykit/jpki/revocation"
	"github.com/mykeykit/mykeykit/jpki/trust"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

const text = "申請書\nThe content that is signed.\n"

func verifier(t testing.TB) *cms.Verifier {
	return &cms.Verifier{Trust: trust.Policy{CAs: []*x509.Certificate{signtest.CA(t).Certificate}}}
}

func signs(t testing.TB, signer cms.Signer, o cms.Options) []byte {
	t.Helper()
	signature, err := cms.Sign(t.Context(), signer, strings.NewReader(text), o)
	require.NoError(t, err)
	return signature
}

func TestSignedContentIsVerified(t *testing.T) {
	signer := signtest.New(t, nil)
	for _, hash := range []crypto.Hash{0, crypto.SHA256, crypto.SHA384, crypto.SHA512} {
		for _, attached := range []bool{false, true} {
			t.Run(fmt.Sprint(hash, attached), func(t *testing.T) {
				o := cms.Options{Hash: hash, CACertificates: []*x509.Certificate{signtest.CA(t).Certificate}}
				var der []byte
				var content io.Reader
				if attached {
					var b bytes.Buffer
					require.NoError(t, cms.SignAttached(t.Context(), &b, signer, strings.NewReader(text), int64(len(text)), o))
					der = b.Bytes()
					inside, err := cms.Content(der)
					require.NoError(t, err)
					assert.Equal(t, text, string(inside))
				} else {
					der, content = signs(t, signer, o), strings.NewReader(text)
				}
				signatures, err := verifier(t).Verify(t.Context(), der, content)
				require.NoError(t, err)
				require.Len(t, signatures, 1)
				s := signatures[0]
				assert.Equal(t, trust.IssuerCaller, s.Issuer)
				assert.True(t, s.Bound)
				assert.False(t, s.Authentication)
				assert.Zero(t, s.ProvenTime)
				assert.WithinDuration(t, time.Now(), s.ClaimedTime, time.Minute)
				assert.Equal(t, signer.Certificate().Raw, s.Certificate().Raw)
				assert.Equal(t, revocation.Unknown, s.Revocation.Status)
				if hash != 0 {
					assert.Equal(t, hash, s.Hash)
				}
			})
		}
	}
}

// The card's signature key signs, and its authentication key only if the caller says so.
func TestTheCardSigns(t *testing.T) {
	for _, profile := range []simulator.Profile{simulator.Contact, simulator.Announced2028} {
		t.Run(string(profile), func(t *testing.T) {
			h := cardtest.NewHolder(t, profile)
			h.Types = simulator.Password
			signer := h.SignatureSigner(t)
			ca, err := h.Card.SignatureCACertificate()
			require.NoError(t, err)
			der := signs(t, signer, cms.Options{})
			v := cms.Verifier{Trust: trust.Policy{SimulatorCAs: []*x509.Certificate{ca}}}
			signatures, err := v.Verify(t.Context(), der, strings.NewReader(text))
			require.NoError(t, err)
			assert.Equal(t, trust.IssuerSimulator, signatures[0].Issuer)

			v.Trust.Required = true
			_, err = v.Verify(t.Context(), der, strings.NewReader(text))
			require.ErrorIs(t, err, trust.ErrUnknownIssuer)
		})
	}
	h := cardtest.NewHolder(t, simulator.Contact)
	signer := h.Signer(t)
	_, err := cms.Sign(t.Context(), signer, strings.NewReader(text), cms.Options{})
	require.ErrorIs(t, err, trust.ErrWrongKind)
	assert.Zero(t, h.Asked())
	der := signs(t, signer, cms.Options{AllowAuthenticationKey: true})
	v := cms.Verifier{Trust: trust.Policy{SimulatorCAs: []*x509.Certificate{h.Card.CACertificate()}}}
	_, err = v.Verify(t.Context(), der, strings.NewReader(text))
	require.ErrorIs(t, err, trust.ErrWrongKind)
	v.AllowAuthenticationKey = true
	signatures, err := v.Verify(t.Context(), der, strings.NewReader(text))
	require.NoError(t, err)
	assert.True(t, signatures[0].Authentication)
}

var _ cms.Signer = (*jpki.Signer)(nil)

// Nothing is signed if the certificate can't be used, and the error says why.
func TestUnusableCertificatesSignNothing(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*x509.Certificate)
		o      cms.Options
		err    error
	}{
		"expired":               {change: func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Hour) }, err: trust.ErrExpired},
		"not yet valid":         {change: func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Hour) }, err: trust.ErrNotYetValid},
		"no non-repudiation":    {change: func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageDigitalSignature }, err: trust.ErrWrongKind},
		"a CA":                  {change: func(c *x509.Certificate) { c.IsCA, c.BasicConstraintsValid = true, true }, err: trust.ErrWrongKind},
		"SHA-1":                 {o: cms.Options{Hash: crypto.SHA1}, err: cms.ErrAlgorithm},
		"a clock that is wrong": {o: cms.Options{Now: func() time.Time { return time.Now().AddDate(20, 0, 0) }}, err: trust.ErrExpired},
	} {
		t.Run(name, func(t *testing.T) {
			signer := signtest.New(t, tt.change)
			_, err := cms.Sign(t.Context(), signer, strings.NewReader(text), tt.o)
			require.ErrorIs(t, err, tt.err)
			var b bytes.Buffer
			require.ErrorIs(t, cms.SignAttached(t.Context(), &b, signer, strings.NewReader(text), int64(len(text)), tt.o), tt.err)
			assert.Zero(t, b.Len())
			assert.Zero(t, signer.Count)
		})
	}
	signer := signtest.New(t, nil)
	_, err := cms.SignDigest(t.Context(), signer, make([]byte, 20), cms.Options{})
	require.ErrorIs(t, err, cms.ErrAlgorithm)
	assert.Zero(t, signer.Count)
}

// changing returns other bytes when it is read again.
type changing struct{ reads int }

func (c *changing) ReadAt(p []byte, off int64) (int, error) {
	if off == 0 {
		c.reads++
	}
	for i := range p {
		p[i] = byte(c.reads)
	}
	return len(p), nil
}

// Content that changes or ends early while it is signed, and a disk that is full, give no signature.
func TestContentThatChangesIsNotSigned(t *testing.T) {
	signer := signtest.New(t, nil)
	err := cms.SignAttached(t.Context(), io.Discard, signer, &changing{}, 100_000, cms.Options{})
	require.ErrorIs(t, err, cms.ErrChanged)
	signer.Count = 0
	err = cms.SignAttached(t.Context(), io.Discard, signer, strings.NewReader(text), int64(len(text))+1, cms.Options{})
	require.ErrorIs(t, err, cms.ErrChanged)
	full := errors.New("disk is full")
	_, err = cms.Sign(t.Context(), signer, io.MultiReader(strings.NewReader(text), failing{full}), cms.Options{})
	require.ErrorIs(t, err, full)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = cms.Sign(ctx, signer, strings.NewReader(text), cms.Options{})
	require.ErrorIs(t, err, context.Canceled)
	assert.Zero(t, signer.Count)
	err = cms.SignAttached(t.Context(), failing{full}, signer, strings.NewReader(text), int64(len(text)), cms.Options{})
	require.ErrorIs(t, err, full)
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error)  { return 0, f.err }
func (f failing) Write([]byte) (int, error) { return 0, f.err }

// A trusted time stamp proves a time at which the certificate was valid. Any other proves none.
func TestTimestamps(t *testing.T) {
	yesterday := time.Now().AddDate(0, 0, -1)
	authority := signtest.NewAuthority(t, nil)
	server := httptest.NewServer(authority.Handler(t, func() time.Time { return yesterday }))
	defer server.Close()
	der := signs(t, signtest.New(t, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(time.Minute) }), cms.Options{Timestamp: cms.TimestampFrom(server.URL, nil)})

	v := verifier(t)
	v.Now = func() time.Time { return time.Now().AddDate(0, 1, 0) }
	_, err := v.Verify(t.Context(), der, strings.NewReader(text))
	require.ErrorIs(t, err, trust.ErrExpired, "nobody vouches for the time stamp")

	v.TimestampCAs = authority.Pool()
	signatures, err := v.Verify(t.Context(), der, strings.NewReader(text))
	require.NoError(t, err)
	assert.WithinDuration(t, yesterday, signatures[0].ProvenTime, time.Second)
	assert.Equal(t, signatures[0].ProvenTime, signatures[0].VerifiedAt)

	v.TimestampCAs = signtest.NewAuthority(t, nil).Pool() // the same name and key: another certificate
	_, err = v.Verify(t.Context(), der, strings.NewReader(text))
	require.NoError(t, err)
	other := x509.NewCertPool()
	other.AddCert(cardtest.NewCA(t, cardtest.AttackerKey(), cardtest.Unchanged).Certificate)
	v.TimestampCAs = other
	_, err = v.Verify(t.Context(), der, strings.NewReader(text))
	require.ErrorIs(t, err, trust.ErrExpired)

	for name, change := range map[string]func(*x509.Certificate){
		"for TLS servers":     func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} },
		"for TLS servers too": func(c *x509.Certificate) { c.ExtKeyUsage = append(c.ExtKeyUsage, x509.ExtKeyUsageServerAuth) },
		"for everything":      func(c *x509.Certificate) { c.ExtKeyUsage = nil },
		"expired then":        func(c *x509.Certificate) { c.NotAfter = yesterday.Add(-time.Hour) },
	} {
		t.Run("authority's certificate "+name, func(t *testing.T) {
			a := signtest.NewAuthority(t, change)
			der := signs(t, signtest.New(t, nil), cms.Options{Timestamp: func(_ context.Context, s []byte) ([]byte, error) { return a.Token(t, s, yesterday), nil }})
			v := verifier(t)
			v.TimestampCAs = a.Pool()
			signatures, err := v.Verify(t.Context(), der, strings.NewReader(text))
			require.NoError(t, err, "valid now, whatever the time stamp")
			assert.Zero(t, signatures[0].ProvenTime)
			assert.True(t, signatures[0].HasTimestamp)
		})
	}
	future := signs(t, signtest.New(t, nil), cms.Options{Timestamp: func(_ context.Context, s []byte) ([]byte, error) {
		return authority.Token(t, s, time.Now().Add(time.Hour)), nil
	}})
	v = verifier(t)
	v.TimestampCAs = authority.Pool()
	signatures, err = v.Verify(t.Context(), future, strings.NewReader(text))
	require.NoError(t, err)
	assert.Zero(t, signatures[0].ProvenTime, "of a time to come")
	stolen := signs(t, signtest.New(t, nil), cms.Options{Timestamp: func(context.Context, []byte) ([]byte, error) {
		return authority.Token(t, []byte("another signature"), yesterday), nil
	}})
	_, err = v.Verify(t.Context(), stolen, strings.NewReader(text))
	require.ErrorIs(t, err, cms.ErrTimestamp)
}

// A time-stamp server that answers anything but a time stamp of this signature ends the signing.
func TestTimestampServerFails(t *testing.T) {
	authority := signtest.NewAuthority(t, nil)
	good := authority.Handler(t, time.Now)
	answer := func(change func([]byte) []byte) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			recorder := httptest.NewRecorder()
			good(recorder, r)
			_, _ = w.Write(change(recorder.Body.Bytes()))
		}
	}
	var last []byte
	for name, handler := range map[string]http.HandlerFunc{
		"HTTP 500":        func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) },
		"empty":           answer(func([]byte) []byte { return nil }),
		"HTML":            answer(func([]byte) []byte { return []byte("<html>") }),
		"refused":         answer(func([]byte) []byte { return []byte{0x30, 5, 0x30, 3, 2, 1, 2} }),
		"cut off":         answer(func(b []byte) []byte { return b[:len(b)/2] }),
		"bytes after it":  answer(func(b []byte) []byte { return append(b, 0) }),
		"64 KiB and more": answer(func([]byte) []byte { return make([]byte, 70_000) }),
		"a changed bit":   answer(func(b []byte) []byte { b[len(b)-5] ^= 1; return b }),
		"an old answer": answer(func(b []byte) []byte {
			if last == nil {
				last = bytes.Clone(b)
				return nil
			}
			return last
		}),
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(handler)
			defer server.Close()
			for range 2 {
				_, err := cms.Sign(t.Context(), signtest.New(t, nil), strings.NewReader(text), cms.Options{Timestamp: cms.TimestampFrom(server.URL, nil)})
				require.ErrorIs(t, err, cms.ErrTimestamp)
			}
		})
	}
}

// Each manipulation is refused for its own reason.
func TestManipulatedSignaturesAreRefused(t *testing.T) {
	signer, another := signtest.New(t, nil), signtest.Another(t)
	der := signs(t, signer, cms.Options{CACertificates: []*x509.Certificate{another.Certificate()}})
	replaced := func(old, new []byte) []byte {
		require.Equal(t, 1, bytes.Count(der, old))
		require.Len(t, new, len(old))
		return bytes.Replace(der, old, new, 1)
	}
	oid := func(id ...int) []byte {
		b, err := asn1.Marshal(asn1.ObjectIdentifier(id))
		require.NoError(t, err)
		return b
	}
	impostor := cardtest.NewCA(t, cardtest.AttackerKey(), cardtest.Unchanged).Issue(t, signer.Key, func(c *x509.Certificate) {
		c.KeyUsage = x509.KeyUsageDigitalSignature | x509.KeyUsageContentCommitment
	})
	last := bytes.Clone(der)
	last[len(last)-1] ^= 1
	for name, tt := range map[string]struct {
		der     []byte
		content string
		err     error
	}{
		"nothing":                       {der: nil, err: cms.ErrMalformed},
		"not CMS":                       {der: []byte("%PDF-1.7"), err: cms.ErrMalformed},
		"cut off":                       {der: der[:len(der)-1], err: cms.ErrMalformed},
		"bytes after it":                {der: append(bytes.Clone(der), 0), err: cms.ErrMalformed},
		"BER, indefinite":               {der: append([]byte{0x30, 0x80}, append(bytes.Clone(der[4:]), 0, 0)...), err: cms.ErrMalformed},
		"another type":                  {der: replaced(oid(1, 2, 840, 113549, 1, 7, 2), oid(1, 2, 840, 113549, 1, 7, 3)), err: cms.ErrMalformed},
		"content changed":               {der: der, content: text + " ", err: cms.ErrContent},
		"content empty":                 {der: der, content: "\x00", err: cms.ErrContent},
		"signature changed":             {der: last, err: cms.ErrSignature},
		"attribute changed":             {der: replaced(oid(1, 2, 840, 113549, 1, 9, 5), oid(1, 2, 840, 113549, 1, 9, 7)), err: cms.ErrSignature},
		"digest of another file":        {der: signsOther(t, signer), err: cms.ErrContent},
		"expired":                       {der: signs(t, signtest.New(t, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Hour) }), cms.Options{Now: func() time.Time { return time.Now().Add(-2 * time.Hour) }}), err: trust.ErrExpired},
		"another CA with the same name": {der: signs(t, signer.WithCertificate(impostor), cms.Options{}), err: trust.ErrUnknownIssuer},
		"another key's certificate":     {der: signs(t, signer.WithCertificate(another.Certificate()), cms.Options{}), err: cms.ErrSignature},
	} {
		t.Run(name, func(t *testing.T) {
			content := text
			if tt.content != "" {
				content = tt.content
			}
			signatures, err := verifier(t).Verify(t.Context(), tt.der, strings.NewReader(content))
			require.ErrorIs(t, err, tt.err)
			assert.Empty(t, signatures)
		})
	}
	_, err := (&cms.Verifier{}).Verify(t.Context(), der, strings.NewReader(text))
	require.ErrorIs(t, err, trust.ErrUnknownIssuer, "the zero Verifier trusts nobody")
	_, err = verifier(t).Verify(t.Context(), der, nil)
	require.ErrorIs(t, err, cms.ErrMalformed)
	var attached bytes.Buffer
	require.NoError(t, cms.SignAttached(t.Context(), &attached, signer, strings.NewReader(text), int64(len(text)), cms.Options{}))
	_, err = verifier(t).Verify(t.Context(), attached.Bytes(), strings.NewReader(text))
	require.ErrorIs(t, err, cms.ErrMalformed, "detached was expected")
	_, err = cms.Content(der)
	require.ErrorIs(t, err, cms.ErrMalformed)
}

func signsOther(t *testing.T, signer cms.Signer) []byte {
	der, err := cms.Sign(t.Context(), signer, strings.NewReader("another file"), cms.Options{})
	require.NoError(t, err)
	return der
}

// A change of any single byte is refused, or leaves what the verifier relies on as it is.
func TestNoChangedByteIsAccepted(t *testing.T) {
	signer := signtest.New(t, nil)
	der := signs(t, signer, cms.Options{})
	accepted := 0
	for i := range der {
		changed := bytes.Clone(der)
		changed[i] ^= 0x04
		signatures, err := verifier(t).Verify(t.Context(), changed, strings.NewReader(text))
		if err == nil {
			accepted++
			require.Equal(t, signer.Certificate().Raw, signatures[0].Certificate().Raw)
		}
	}
	// The version numbers and the like.
	assert.LessOrEqual(t, accepted, 4)
}
