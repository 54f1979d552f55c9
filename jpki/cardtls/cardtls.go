// Package cardtls authenticates TLS clients with a card's key: it fits a
// jpki.Signer into package crypto/tls.
//
// # Where to start
//
// [Config] makes a tls.Config with the card's certificate, and [Dialer] connects
// with it, as http.Transport's DialTLSContext too. In the middle of the handshake
// the person is asked for the PIN, and the card signs. What the versions of TLS
// need is seen to: TLS 1.3 wants signatures with PSS, which not every card may
// have, so others go up to TLS 1.2.
//
// # A person in the middle of a handshake
//
// Servers give a handshake some seconds, and so does http.DefaultTransport
// (TLSHandshakeTimeout). A program that asks for the PIN before it dials, and whose
// jpki.AskPIN returns what was typed, keeps neither waiting; one with
// tls.Config.ClientSessionCache has the server recognise the next connection
// without the card.
//
// # Servers that take a certificate if given
//
// A server may ask for a certificate and serve clients without one too:
// tls.VerifyClientCertIfGiven in Go, "ssl_verify_client optional" in nginx. With
// [AllowNoCertificate] a handshake goes on without the card where the server's list of
// CAs lacks the one that issued its certificate. A server that wants the card's
// certificate has to name that CA, or send an empty list.
//
// # The server
//
// A server that has package crypto/tls verify its clients' certificates needs the CA
// certificates of J-LIS for user authentication in tls.Config.ClientCAs, and
// tls.RequireAndVerifyClientCert. A server that verifies them itself, behind a proxy
// for example, has to set x509.VerifyOptions.KeyUsages to x509.ExtKeyUsageClientAuth:
// a card's certificate is for client authentication alone, and the default is server
// authentication. The example named Server shows both. The card's certificate names
// an OCSP server that only certified verifiers may ask; nothing here asks it.
//
// # What others see
//
// The certificate holds no name, but its serial number and subject are its
// holder's alone. With TLS 1.2 it crosses the network in clear: where that must
// not be, set MinVersion to tls.VersionTLS13. The server learns it in any case, and
// in Japan the law says who may keep it and who may ask whether it is revoked.
//
// # Errors, concurrency
//
// A handshake fails with what made the card's signature fail, as *credential.Error, and
// with [ErrNotAccepted] before anybody is asked. Package crypto/tls keeps only the
// text of some of these; [Dialer] returns them whole. A Config or Dialer is for
// many goroutines, whose handshakes wait for each other where they need the card.
package cardtls

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/tls"
	"fmt"
	"io"

	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/jpki/trust"
)

// ErrNotAccepted reports that the server accepts no certificate of the card's CA, or no
// signature that the card can make. The holder was not asked for a PIN.
var ErrNotAccepted = trust.ErrNotAccepted

// Option changes how [Config] authenticates.
type Option func(*options)

type options struct{ allowNone bool }

// AllowNoCertificate has a handshake go on without a certificate where it would fail
// with [ErrNotAccepted]: nobody is asked for a PIN, and the card is not used. Whether
// the server then accepts the connection is the server's choice: one that requires a
// certificate ends it, with TLS 1.3 only when the client first reads.
func AllowNoCertificate() Option { return func(o *options) { o.allowNone = true } }

// Config returns a copy of base, which may be nil, that authenticates with the
// signer's certificate: the one alone, for servers have its authority's. The card is
// asked whether it can sign with PSS, once in the signer's life.
//
// It fails with jpki.ErrNoPSS where base wants TLS 1.3 and the card can't, and as
// jpki.Signer's PSS does. The config's handshakes end with the context of
// tls.Conn's HandshakeContext.
func Config(ctx context.Context, base *tls.Config, signer *jpki.Signer, more ...Option) (*tls.Config, error) {
	var o options
	for _, option := range more {
		option(&o)
	}
	pss, err := signer.PSS(ctx)
	if err != nil {
		return nil, err
	}
	config := &tls.Config{}
	if base != nil {
		config = base.Clone()
	}
	config.MinVersion = max(config.MinVersion, tls.VersionTLS12)     // before, MD5 was signed
	if _, isRSA := signer.Public().(*rsa.PublicKey); isRSA && !pss { // TLS 1.3 has PSS alone for RSA keys
		if config.MinVersion > tls.VersionTLS12 {
			return nil, fmt.Errorf("TLS 1.3: %w", jpki.ErrNoPSS)
		}
		if config.MaxVersion == 0 || config.MaxVersion > tls.VersionTLS12 {
			config.MaxVersion = tls.VersionTLS12
		}
	}
	config.Certificates = nil
	config.GetClientCertificate = func(info *tls.CertificateRequestInfo) (*tls.Certificate, error) {
		ctx := info.Context()
		if ctx == nil {
			ctx = context.Background() // not from a handshake
		}
		certificate := &tls.Certificate{
			Certificate: [][]byte{signer.Certificate().Raw},
			Leaf:        signer.Certificate(),
			PrivateKey:  key{signer, ctx},
		}
		var err error
		for _, certificate.SupportedSignatureAlgorithms = range schemes(signer.Public(), pss) {
			if err = info.SupportsCertificate(certificate); err == nil {
				return certificate, nil
			}
		}
		if o.allowNone {
			return &tls.Certificate{}, nil // which crypto/tls sends as none
		}
		return nil, remember(ctx, fmt.Errorf("%w: %w", ErrNotAccepted, err))
	}
	return config, nil
}

// schemes returns lists of what the card signs with, in the order in which they are tried
// against what the server and the version of TLS accept: what every card has comes before
// what was seen on some. With PSS the card has all of an RSA key's schemes.
func schemes(public crypto.PublicKey, pss bool) [][]tls.SignatureScheme {
	switch key := public.(type) {
	case *ecdsa.PublicKey:
		if key.Curve == elliptic.P384() {
			return [][]tls.SignatureScheme{{tls.ECDSAWithP384AndSHA384}}
		}
		return [][]tls.SignatureScheme{{tls.ECDSAWithP256AndSHA256}}
	default:
		lists := [][]tls.SignatureScheme{{tls.PKCS1WithSHA256, tls.PKCS1WithSHA384, tls.PKCS1WithSHA512}}
		if pss {
			lists = append(lists, []tls.SignatureScheme{tls.PSSWithSHA256})
		}
		return lists
	}
}

// key is a signer for one handshake, whose context ends asking for the PIN.
type key struct {
	signer *jpki.Signer
	ctx    context.Context
}

func (k key) Public() crypto.PublicKey { return k.signer.Public() }

func (k key) Sign(_ io.Reader, digest []byte, options crypto.SignerOpts) ([]byte, error) {
	signature, err := k.signer.SignContext(k.ctx, digest, options)
	return signature, remember(k.ctx, err)
}
