package cardtls_test

import (
	"crypto/tls"
	"crypto/x509"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/cardtest"
	"github.com/mykeykit/mykeykit/jpki/cardtls"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// A server may support only signature schemes that some cards lack.
func TestSchemesOfTheServer(t *testing.T) {
	for name, tt := range map[string]struct {
		server []tls.SignatureScheme
		with   tls.SignatureScheme // 0: nothing
		pss    bool
	}{
		"PKCS #1 before PSS, of what every card can": {[]tls.SignatureScheme{tls.PSSWithSHA256, tls.PKCS1WithSHA512}, tls.PKCS1WithSHA512, true},
		"PSS alone":                    {[]tls.SignatureScheme{tls.PSSWithSHA384, tls.PSSWithSHA256}, tls.PSSWithSHA256, true},
		"PSS alone, of a card without": {[]tls.SignatureScheme{tls.PSSWithSHA256}, 0, false},
		"PSS of another hash":          {[]tls.SignatureScheme{tls.PSSWithSHA512}, 0, true},
		"SHA-1":                        {[]tls.SignatureScheme{tls.PKCS1WithSHA1}, 0, true},
		"elliptic curves":              {[]tls.SignatureScheme{tls.ECDSAWithP256AndSHA256, tls.Ed25519}, 0, true},
		"nothing known":                {[]tls.SignatureScheme{0xFFFF}, 0, true},
		"nothing":                      {nil, 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			var options []simulator.Option
			if !tt.pss {
				options = append(options, simulator.WithoutPSS())
			}
			h := cardtest.NewHolder(t, simulator.Contact, options...)
			config, err := cardtls.Config(t.Context(), base(), h.Signer(t))
			require.NoError(t, err)
			info := &tls.CertificateRequestInfo{Version: tls.VersionTLS12, SignatureSchemes: tt.server}
			got, err := config.GetClientCertificate(info)
			if tt.with == 0 {
				require.ErrorIs(t, err, cardtls.ErrNotAccepted)
				return
			}
			require.NoError(t, err)
			assert.Contains(t, got.SupportedSignatureAlgorithms, tt.with)
			assert.Zero(t, h.Entered())
		})
	}
}

// The card's certificate is for clients only. Package crypto/tls verifies client
// certificates for that usage; a server that verifies the certificate itself has to name
// the usage.
func TestServersThatVerifyTheCertificateThemselves(t *testing.T) {
	for name, tt := range map[string]struct {
		usages   []x509.ExtKeyUsage
		accepted bool
	}{
		"for clients":               {[]x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}, true},
		"for any use":               {[]x509.ExtKeyUsage{x509.ExtKeyUsageAny}, true},
		"forgotten, so for servers": {nil, false},
		"for servers":               {[]x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, false},
		"for mail":                  {[]x509.ExtKeyUsage{x509.ExtKeyUsageEmailProtection}, false},
	} {
		for _, v := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			t.Run(name+", "+tls.VersionName(v), func(t *testing.T) {
				h := cardtest.NewHolder(t, simulator.Contact)
				config, err := cardtls.Config(t.Context(), base(), h.Signer(t))
				require.NoError(t, err)
				var verified error
				_, _, err = dial(t.Context(), config, serve(t, h.Card.CACertificate(), func(c *tls.Config) {
					version(v)(c)
					cas := c.ClientCAs
					c.ClientAuth = tls.RequireAnyClientCert
					c.VerifyConnection = func(state tls.ConnectionState) error {
						_, verified = state.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: cas, KeyUsages: tt.usages})
						return verified
					}
				}))
				if tt.accepted {
					require.NoError(t, err)
					return
				}
				require.Error(t, err)
				var invalid x509.CertificateInvalidError
				require.ErrorAs(t, verified, &invalid)
				assert.Equal(t, x509.IncompatibleUsage, invalid.Reason)
			})
		}
	}
}

// If a server accepts a certificate of other CAs but does not require one, the client sends
// none, where that is allowed, and the holder is not asked for the PIN. If it names the
// card's CA, or no CA, it gets the card's certificate.
//
// Faults: F82.
func TestServersThatTakeACertificateIfGiven(t *testing.T) {
	const anonymous, byCard, refused = "anonymous", "by card", "refused"
	none := x509.NewCertPool()
	for name, tt := range map[string]struct {
		allow  bool
		change func(*tls.Config)
		want   string
	}{
		"of other CAs, allowed":                 {true, nil, anonymous},
		"of other CAs, by default":              {false, nil, refused},
		"of other CAs, required":                {true, func(c *tls.Config) { c.ClientAuth = tls.RequireAndVerifyClientCert }, refused},
		"of the card's CA, allowed":             {true, func(c *tls.Config) { c.ClientCAs = nil }, byCard},
		"of the card's CA, by default":          {false, func(c *tls.Config) { c.ClientCAs = nil }, byCard},
		"of any CA":                             {true, func(c *tls.Config) { c.ClientAuth, c.ClientCAs = tls.RequestClientCert, none }, byCard},
		"none asked for":                        {true, func(c *tls.Config) { c.ClientAuth = tls.NoClientCert }, anonymous},
		"of other CAs, any certificate allowed": {true, func(c *tls.Config) { c.ClientAuth = tls.RequestClientCert }, anonymous},
	} {
		for _, v := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			t.Run(name+", "+tls.VersionName(v), func(t *testing.T) {
				h := cardtest.NewHolder(t, simulator.Contact)
				signer := h.Signer(t)
				var options []cardtls.Option
				if tt.allow {
					options = append(options, cardtls.AllowNoCertificate())
				}
				config, err := cardtls.Config(t.Context(), base(), signer, options...)
				require.NoError(t, err)
				address := serve(t, server().Leaf, func(c *tls.Config) {
					version(v)(c)
					c.ClientAuth = tls.VerifyClientCertIfGiven
					if tt.change != nil {
						tt.change(c)
					}
					if c.ClientCAs == nil {
						c.ClientCAs = pool(h.Card.CACertificate())
					}
				})
				said, _, err := dial(t.Context(), config, address)
				switch tt.want {
				case refused:
					require.Error(t, err)
					if !tt.allow {
						require.ErrorIs(t, err, cardtls.ErrNotAccepted)
					}
				case anonymous:
					require.NoError(t, err)
					assert.Equal(t, anonymous, said)
				default:
					require.NoError(t, err)
					assert.Equal(t, signer.Certificate().SerialNumber.String(), said)
				}
				asked := 0
				if tt.want == byCard {
					asked = 1
				}
				assert.Equal(t, []int{asked, asked}, []int{h.Entered(), signatures(h)})
			})
		}
	}
}
