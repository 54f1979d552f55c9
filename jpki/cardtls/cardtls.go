// Package cardtls authenticates TLS clients with a card's key. It connects a
// jpki.Signer with package crypto/tls.
//
// # Where to start
//
// [Config] makes a tls.Config with the card's certificate. A [Dialer] connects with that
// config; its DialContext method can be http.Transport's DialTLSContext. The handshake asks the holder for the PIN
// and has the card sign. TLS 1.3 needs PSS for RSA keys; cards without PSS are limited to
// TLS 1.2.
//
// # Handshakes and time
//
// Servers usually limit a handshake to a few seconds. http.Transport does so too
// (TLSHandshakeTimeout), but not if DialTLSContext is set. A program can ask for the PIN before it dials and have its
// jpki.AskPIN return it, so that the server does not wait for the holder. With
// tls.Config.ClientSessionCache the next connection needs no card if the server resumes
// the session.
//
// # Servers with optional client certificates
//
// Some servers ask for a certificate and also serve clients without one:
// tls.VerifyClientCertIfGiven in Go, "ssl_verify_client optional" in nginx. With
// [AllowNoCertificate] the handshake continues without the card if the CA of the card's
// certificate is not in the server's list. A server that wants the card's
// certificate must name that CA, or send an empty list.
//
// # The server's side
//
// A server that lets package crypto/tls verify client certificates needs the CA
// certificates for user authentication of J-LIS, the agency that issues the
// card's certificates, in tls.Config.ClientCAs, and
// tls.RequireAndVerifyClientCert. A server that verifies them itself, for example
// behind a proxy, must set x509.VerifyOptions.KeyUsages to
// x509.ExtKeyUsageClientAuth: the card's certificate allows client authentication
// only, and the default is server authentication. The example named Server shows
// both. The certificate names an OCSP server that only certified verifiers may
// query; this package does not query it.
//
// # Privacy
//
// The certificate contains no name, but its serial number and subject identify its holder. TLS
// 1.2 sends it in the clear; set MinVersion to tls.VersionTLS13 to prevent that. With either
// version, a server that authenticates the card receives the certificate. Japanese law says who
// may store it and who may ask whether it is revoked.
//
// # Errors and concurrency
//
// A handshake returns the error with which the card failed to sign, for example a *credential.Error, or
// [ErrNotAccepted] before it asks for the PIN. Package crypto/tls keeps only the text of some errors; [Dialer]
// returns the errors themselves, so that errors.As works. A config and a Dialer are safe for concurrent use; the card
// signs for one handshake at a time.
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

// AllowNoCertificate lets a handshake continue without a certificate instead of failing
// with [ErrNotAccepted]. The PIN is not asked for and the card is not used. A server that
// requires a certificate closes the connection then; with TLS 1.3 the client learns that
// only when it first reads.
func AllowNoCertificate() Option { return func(o *options) { o.allowNone = true } }

// Config returns a copy of base, which may be nil, that authenticates with the signer's
// certificate. The client sends the card's certificate only, since servers have the
// CA's. The card is probed for PSS, at most once per signer.
//
// It returns jpki.ErrNoPSS if base requires TLS 1.3 and the card has an RSA key without
// PSS, or an error of the Signer's PSS method. The context of tls.Conn's HandshakeContext
// bounds the handshake, including the time for the PIN.
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
	config.MinVersion = max(config.MinVersion, tls.VersionTLS12)     // earlier versions sign MD5
	if _, isRSA := signer.Public().(*rsa.PublicKey); isRSA && !pss { // TLS 1.3 allows only PSS for RSA keys
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

// schemes returns the signature schemes of a key, as lists to try one after another: the
// schemes that every card has come before those that only some cards have.
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

// key is a signer for one handshake. Its context also bounds asking for the PIN.
type key struct {
	signer *jpki.Signer
	ctx    context.Context
}

func (k key) Public() crypto.PublicKey { return k.signer.Public() }

func (k key) Sign(_ io.Reader, digest []byte, options crypto.SignerOpts) ([]byte, error) {
	signature, err := k.signer.SignContext(k.ctx, digest, options)
	return signature, remember(k.ctx, err)
}
