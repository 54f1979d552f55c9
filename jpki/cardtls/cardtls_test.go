package cardtls_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/apdu"
	"github.com/mykeykit/mykeykit/internal/cardtest"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/jpki/cardtls"
	"github.com/mykeykit/mykeykit/jpki/credential"
	"github.com/mykeykit/mykeykit/reader"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// signatures are those that the card was asked for, without probes of what it can sign.
func signatures(h *cardtest.Holder) int {
	return h.Count(func(c apdu.Command) bool {
		return c.INS == apdu.InsPerformSecurityOperation && len(c.Data()) > 1
	})
}

// server is a certificate of a server's own.
var server = sync.OnceValue(func() tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"server.example"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true,
	}, &x509.Certificate{}, key.Public(), key)
	if err != nil {
		panic(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
})

func pool(certificates ...*x509.Certificate) *x509.CertPool {
	p := x509.NewCertPool()
	for _, c := range certificates {
		p.AddCert(c)
	}
	return p
}

// base is what a client knows of the server.
func base() *tls.Config {
	return &tls.Config{RootCAs: pool(server().Leaf), ServerName: "server.example"}
}

// serve answers with the serial number of each client's certificate, which has to
// be of a card's CA.
func serve(t testing.TB, ca *x509.Certificate, change func(*tls.Config)) (address string) {
	t.Helper()
	config := &tls.Config{
		Certificates: []tls.Certificate{server()}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool(ca),
	}
	if change != nil {
		change(config)
	}
	listener, err := tls.Listen("tcp", "127.0.0.1:0", config)
	require.NoError(t, err)
	var clients sync.WaitGroup
	clients.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			clients.Go(func() {
				defer conn.Close()
				if conn.(*tls.Conn).Handshake() != nil {
					return
				}
				said := "anonymous"
				if shown := conn.(*tls.Conn).ConnectionState().PeerCertificates; len(shown) > 0 {
					said = shown[0].SerialNumber.String()
				}
				_, _ = io.WriteString(conn, said)
			})
		}
	})
	t.Cleanup(func() {
		listener.Close()
		clients.Wait()
	})
	return listener.Addr().String()
}

// dial connects, and returns what the server says of the client.
func dial(ctx context.Context, config *tls.Config, address string) (said string, state tls.ConnectionState, err error) {
	conn, err := (&cardtls.Dialer{Config: config}).DialContext(ctx, "tcp", address)
	if err != nil {
		return "", state, err
	}
	defer conn.Close()
	b, err := io.ReadAll(conn)
	return string(b), conn.(*tls.Conn).ConnectionState(), err
}

func version(v uint16) func(*tls.Config) {
	return func(c *tls.Config) { c.MinVersion, c.MaxVersion = v, v }
}

func TestHandshake(t *testing.T) {
	for _, tt := range []struct {
		name string
		card []simulator.Option
		with uint16 // the server's version, 0: all
		want uint16
	}{
		{"TLS 1.2", nil, tls.VersionTLS12, tls.VersionTLS12},
		{"TLS 1.3", nil, tls.VersionTLS13, tls.VersionTLS13},
		{"the newer of both", nil, 0, tls.VersionTLS13},
		{"what a card without PSS can", []simulator.Option{simulator.WithoutPSS()}, 0, tls.VersionTLS12},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := cardtest.NewHolder(t, simulator.Contact, tt.card...)
			signer := h.Signer(t)
			config, err := cardtls.Config(t.Context(), base(), signer)
			require.NoError(t, err)
			assert.Zero(t, h.Entered())
			var change func(*tls.Config)
			if tt.with != 0 {
				change = version(tt.with)
			}
			said, state, err := dial(t.Context(), config, serve(t, h.Card.CACertificate(), change))
			require.NoError(t, err)
			assert.Equal(t, signer.Certificate().SerialNumber.String(), said)
			assert.Equal(t, tt.want, state.Version)
			assert.Equal(t, []int{1, 1}, []int{h.Entered(), signatures(h)})
		})
	}
}

// A handshake that can't succeed fails before the holder is asked for the PIN.
func TestHandshakesThatCannotSucceed(t *testing.T) {
	ctx := t.Context()
	h := cardtest.NewHolder(t, simulator.Contact, simulator.WithoutPSS())
	signer := h.Signer(t)

	newest := base()
	newest.MinVersion = tls.VersionTLS13
	_, err := cardtls.Config(ctx, newest, signer)
	require.ErrorIs(t, err, jpki.ErrNoPSS)
	require.ErrorIs(t, err, errors.ErrUnsupported)

	config, err := cardtls.Config(ctx, base(), signer)
	require.NoError(t, err)
	_, _, err = dial(ctx, config, serve(t, h.Card.CACertificate(), version(tls.VersionTLS13)))
	require.ErrorContains(t, err, "protocol version")

	_, _, err = dial(ctx, config, serve(t, server().Leaf, nil))
	require.ErrorIs(t, err, cardtls.ErrNotAccepted)

	untrusted := base()
	untrusted.RootCAs = x509.NewCertPool()
	config, err = cardtls.Config(ctx, untrusted, signer)
	require.NoError(t, err)
	_, _, err = dial(ctx, config, serve(t, h.Card.CACertificate(), nil))
	var unknown x509.UnknownAuthorityError
	require.ErrorAs(t, err, &unknown)

	old := base()
	old.MinVersion, old.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	config, err = cardtls.Config(ctx, old, signer)
	require.NoError(t, err)
	_, _, err = dial(ctx, config, serve(t, h.Card.CACertificate(), nil))
	require.Error(t, err)

	h.Slot.Remove()
	other := cardtest.NewHolder(t, simulator.Contact).Signer(t)
	require.NoError(t, other.Close())
	_, err = cardtls.Config(ctx, nil, other)
	require.ErrorIs(t, err, jpki.ErrSignerClosed)
	assert.Zero(t, h.Entered())
}

// Errors of the card and its holder are returned unchanged, in every version of TLS.
func TestHandshakeFailures(t *testing.T) {
	nobody := errors.New("nobody there")
	other := cardtest.AnotherCard(t, simulator.Contact)
	for name, tt := range map[string]struct {
		before func(*cardtest.Holder)
		err    error
		asked  int
		left   int
	}{
		"a wrong PIN":  {func(h *cardtest.Holder) { h.Types = "9999" }, credential.ErrWrong, 1, 2},
		"nobody types": {func(h *cardtest.Holder) { h.Typing = func(context.Context) error { return nobody } }, nobody, 0, 3},
		"no card":      {func(h *cardtest.Holder) { h.Slot.Remove() }, reader.ErrNoCard, 0, 3},
		"another card": {func(h *cardtest.Holder) { h.Insert(t, other) }, credential.ErrOtherCard, 0, 3},
		"a card that hesitates": {func(h *cardtest.Holder) {
			h.Slot.AddFault(simulator.Fault{Nth: 1, Do: simulator.AnswerStatus(apdu.StatusNoDiagnosis)})
		}, nil, 1, 3},
		"no signature": {func(h *cardtest.Holder) { h.Slot.AddFault(simulator.Fault{INS: 0x2A, Do: simulator.ChangeLength(-1)}) }, jpki.ErrNoPossession, 1, 3},
		"another's sign": {func(h *cardtest.Holder) {
			h.Slot.AddFault(simulator.Fault{INS: 0x2A, Do: simulator.Answer(append(make([]byte, 256), 0x90, 0))})
		}, jpki.ErrNoPossession, 1, 3},
	} {
		for _, v := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			t.Run(name+", "+tls.VersionName(v), func(t *testing.T) {
				h := cardtest.NewHolder(t, simulator.Contact)
				config, err := cardtls.Config(t.Context(), base(), h.Signer(t))
				require.NoError(t, err)
				tt.before(h)
				_, _, err = dial(t.Context(), config, serve(t, h.Card.CACertificate(), version(v)))
				require.ErrorIs(t, err, tt.err)
				if tt.err == credential.ErrWrong {
					var wrong *credential.Error
					require.ErrorAs(t, err, &wrong)
					assert.Equal(t, 2, wrong.Remaining)
				}
				assert.Equal(t, tt.asked, h.Entered())
				assert.Equal(t, tt.left, h.Card.State().AuthAttempts)
			})
		}
	}
}

// When the context of a handshake ends, the holder is not asked for the PIN any more.
func TestTheContextEndsWhileAsking(t *testing.T) {
	for _, v := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		h := cardtest.NewHolder(t, simulator.Contact)
		config, err := cardtls.Config(t.Context(), base(), h.Signer(t))
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		h.Typing = func(ctx context.Context) error {
			cancel()
			<-ctx.Done()
			return ctx.Err()
		}
		_, _, err = dial(ctx, config, serve(t, h.Card.CACertificate(), version(v)))
		require.ErrorIs(t, err, context.Canceled)
		assert.Zero(t, h.Entered())
	}
}

// Concurrent handshakes use the card one after the other, with a PIN for each.
func TestHandshakesAtTheSameTime(t *testing.T) {
	h := cardtest.NewHolder(t, simulator.Contact)
	config, err := cardtls.Config(t.Context(), base(), h.Signer(t))
	require.NoError(t, err)
	address := serve(t, h.Card.CACertificate(), nil)
	var clients sync.WaitGroup
	for range 2 {
		clients.Go(func() {
			said, _, err := dial(t.Context(), config, address)
			assert.NoError(t, err)
			assert.NotEmpty(t, said)
		})
	}
	clients.Wait()
	assert.Equal(t, 2, h.Entered())
}

// A resumed session needs neither the card nor a PIN.
func TestResumedSessionsNeedNoPIN(t *testing.T) {
	h := cardtest.NewHolder(t, simulator.Contact)
	remembering := base()
	remembering.ClientSessionCache = tls.NewLRUClientSessionCache(0)
	config, err := cardtls.Config(t.Context(), remembering, h.Signer(t))
	require.NoError(t, err)
	address := serve(t, h.Card.CACertificate(), nil)
	for n := range 3 {
		_, state, err := dial(t.Context(), config, address)
		require.NoError(t, err)
		assert.Equal(t, n > 0, state.DidResume)
	}
	assert.Equal(t, 1, h.Entered())
}
