package jpki_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/apdu"
	"github.com/mykeykit/mykeykit/internal/cardtest"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/jpki/trust"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// shows is a card that has one content in all its files.
type shows struct {
	content []byte
	sent    int
}

func (c *shows) Transmit(_ context.Context, command []byte) ([]byte, error) {
	c.sent++
	parsed, err := apdu.ParseCommand(command)
	if err != nil {
		return nil, err
	}
	if !isRead(parsed) {
		return []byte{0x90, 0x00}, nil
	}
	offset := int(parsed.P1)<<8 | int(parsed.P2)
	if parsed.P1&0x80 != 0 {
		offset = int(parsed.P2)
	}
	if offset >= len(c.content) {
		return []byte{0x6B, 0x00}, nil
	}
	return append(bytes.Clone(c.content[offset:min(len(c.content), offset+parsed.Ne)]), 0x90, 0x00), nil
}

// A certificate that was read is of the right kind and is what the file contains. Its
// validity and its identifier can be computed, whatever is in it.
//
// Faults: F49, F50, F51, F52, F53, F55, F56.
func FuzzAuthCertificate(f *testing.F) {
	desk := cardtest.Open(f, simulator.Contact)
	genuine, err := open(f, desk).AuthCertificate(context.Background())
	require.NoError(f, err)
	ca, err := open(f, desk).AuthCACertificate(context.Background())
	require.NoError(f, err)
	f.Add(genuine.Raw)
	f.Add(ca.Raw)
	f.Add(signatureCertificate(f))
	f.Add(forged(f, func(c *x509.Certificate) { c.NotAfter = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC) }))
	f.Add(forged(f, func(c *x509.Certificate) { c.Subject.CommonName = "\x1b[2J\x00" }))
	f.Add(withSPKI(f, rsaKey(f, odd(512), odd(2))))
	f.Add([]byte{0x30, 0x84, 0xFF, 0xFF, 0xFF, 0xFF})
	f.Add(nested(3000))
	f.Add(append(bytes.Clone(genuine.Raw), 0xFF, 0xFF))

	f.Fuzz(func(t *testing.T, content []byte) {
		card := &shows{content: content}
		a, err := jpki.Open(context.Background(), card)
		require.NoError(t, err)
		certificate, err := a.AuthCertificate(context.Background())
		require.LessOrEqual(t, card.sent, 2+2*(32<<10)/256+8)
		if err != nil {
			require.Nil(t, certificate)
			require.True(t, errors.Is(err, jpki.ErrNoCertificate) || errors.Is(err, trust.ErrMalformed) || errors.Is(err, trust.ErrWrongKind), "%v", err)
			onlyASCII(t, err.Error())
			return
		}
		require.LessOrEqual(t, len(certificate.Raw), 32<<10)
		require.True(t, bytes.HasPrefix(content, certificate.Raw))
		require.False(t, certificate.IsCA)
		require.Zero(t, certificate.KeyUsage&(x509.KeyUsageCertSign|x509.KeyUsageContentCommitment))

		start, end := certificate.NotBefore, certificate.NotAfter
		for _, now := range []time.Time{{}, start.Add(-1), start, start.AddDate(1, 0, 0), end.AddDate(0, -1, 0), end, end.Add(time.Second), recordedAt} {
			switch validity := trust.ValidityAt(certificate, now); {
			case now.Truncate(time.Second).Before(start):
				require.Equal(t, trust.NotYetValid, validity)
			case now.Truncate(time.Second).After(end):
				require.Equal(t, trust.Expired, validity)
			default:
				require.Contains(t, []trust.Validity{trust.Valid, trust.Expiring}, validity)
			}
		}
		onlyASCII(t, (&trust.ValidityError{Reason: trust.ErrExpired, NotBefore: start, NotAfter: end}).Error())
	})
}

// The only answer that proves possession is the signature with 9000.
//
// Faults: F57, F58, F60.
func FuzzPossession(f *testing.F) {
	var genuine []byte
	d := cardtest.Open(f, simulator.ContactExtended)
	proveWith := func(t testing.TB, answer []byte) error {
		d.Forget()
		d.After = func(_ int, c apdu.Command, response []byte) ([]byte, error) {
			switch {
			case !isSign(c):
				return response, nil
			case answer == nil:
				genuine = bytes.Clone(response)
				return response, nil
			}
			return bytes.Clone(answer), nil
		}
		return jpki.Do(context.Background(), d.Connection, func(a *jpki.Application) error {
			certificate, err := a.AuthCertificate(context.Background())
			require.NoError(t, err)
			require.NoError(t, a.VerifyAuthPIN(context.Background(), pin(t, simulator.PIN)))
			return prove(context.Background(), a, certificate)
		})
	}
	require.NoError(f, proveWith(f, nil))
	f.Add(genuine)
	f.Add(genuine[1:])
	f.Add(append([]byte{0}, genuine...))
	f.Add(genuine[:256])
	f.Add([]byte{0x90, 0x00})
	f.Add([]byte{0x61, 0x00})
	f.Fuzz(func(t *testing.T, answer []byte) {
		if answer == nil {
			answer = []byte{}
		}
		err := proveWith(t, answer)
		require.Equal(t, bytes.Equal(answer, genuine), err == nil, "%v", err)
		if err != nil {
			onlyASCII(t, strings.ReplaceAll(err.Error(), "\n", " "))
		}
	})
}
