package cms

import (
	"bytes"
	"context"
	"crypto"
	_ "crypto/sha256" // the digests of algorithms
	_ "crypto/sha512"
	"crypto/x509"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"
	"time"

	"golang.org/x/crypto/cryptobyte"
	tag "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/mykeykit/mykeykit/internal/ctxio"
	"github.com/mykeykit/mykeykit/jpki/trust"
)

// ErrChanged reports data that changed while it was being signed.
var ErrChanged = errors.New("data changed while it was being signed")

// Signer is a key with its certificate, such as a *jpki.Signer.
type Signer interface {
	Public() crypto.PublicKey
	Certificate() *x509.Certificate
	SignContext(ctx context.Context, digest []byte, options crypto.SignerOpts) (signature []byte, err error)
}

// Options say how to sign. The zero value is usable.
type Options struct {
	Hash crypto.Hash // SHA-256, SHA-384 or SHA-512; 0 is SHA-256
	// CACertificates are included besides the signer's certificate.
	CACertificates []*x509.Certificate
	// Timestamp returns the time stamp of a signature, a token of RFC 3161. If it is nil, there is none.
	// See [TimestampFrom].
	Timestamp func(ctx context.Context, signature []byte) (token []byte, err error)
	Now       func() time.Time // nil is time.Now
	// AllowAuthenticationKey allows signing with the card's key for user authentication, which is
	// not meant for documents.
	AllowAuthenticationKey bool
}

// NewHash returns the hash for the digest that [SignDigest] takes. It returns nil for an unsupported one.
func (o Options) NewHash() hash.Hash {
	if a, err := o.algorithm(); err == nil {
		return a.hash.New()
	}
	return nil
}

func (o Options) algorithm() (algorithm, error) {
	if o.Hash == 0 {
		return algorithmOf(crypto.SHA256)
	}
	return algorithmOf(o.Hash)
}

// Check returns the error with which signing would refuse the certificate or the options. It returns
// [ErrAlgorithm], a [*trust.ValidityError] or, if the certificate is not for signatures,
// [trust.ErrWrongKind].
func (o Options) Check(certificate *x509.Certificate) error {
	if _, err := o.algorithm(); err != nil {
		return err
	}
	check := trust.CheckSignatureCertificate
	if o.AllowAuthenticationKey && trust.CheckAuthenticationCertificate(certificate) == nil {
		check = trust.CheckAuthenticationCertificate
	}
	if err := check(certificate); err != nil {
		return err
	}
	return trust.CheckValidity(certificate, o.now(), false)
}

func (o Options) now() time.Time {
	if o.Now != nil {
		return o.Now()
	}
	return time.Now()
}

// Sign returns a detached signature of content, in DER. It reads content to its end and keeps none of it.
//
// It returns the errors of [Options.Check], of content, of the signer and of Options.Timestamp.
func Sign(ctx context.Context, signer Signer, content io.Reader, o Options) ([]byte, error) {
	if err := o.Check(signer.Certificate()); err != nil {
		return nil, err
	}
	h := o.NewHash()
	if _, err := io.Copy(h, ctxio.Reader(ctx, content)); err != nil {
		return nil, err
	}
	return SignDigest(ctx, signer, h.Sum(nil), o)
}

// SignDigest is [Sign] for content whose digest was computed with [Options.NewHash].
func SignDigest(ctx context.Context, signer Signer, digest []byte, o Options) ([]byte, error) {
	message, err := sign(ctx, signer, digest, o)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	message.header(&b, -1) // a bytes.Buffer does not fail
	message.footer(&b)
	return b.Bytes(), nil
}

// SignAttached writes a CMS message in DER that contains content and its signature. It reads
// content twice, first before the signer is asked, and returns [ErrChanged] if the second reading
// differs from the first. After an error, w may have received a part of the output. It also returns
// the errors of [Sign].
func SignAttached(ctx context.Context, w io.Writer, signer Signer, content io.ReaderAt, size int64, o Options) error {
	if err := o.Check(signer.Certificate()); err != nil {
		return err
	}
	first := o.NewHash()
	if n, err := io.Copy(first, ctxio.Reader(ctx, io.NewSectionReader(content, 0, size))); err != nil || n != size {
		return errors.Join(err, shorter(n, size))
	}
	message, err := sign(ctx, signer, first.Sum(nil), o)
	if err != nil {
		return err
	}
	if err := message.header(w, size); err != nil {
		return err
	}
	second := o.NewHash()
	n, err := io.Copy(io.MultiWriter(w, second), ctxio.Reader(ctx, io.NewSectionReader(content, 0, size)))
	switch {
	case err != nil || n != size:
		return errors.Join(err, shorter(n, size))
	case !bytes.Equal(first.Sum(nil), second.Sum(nil)):
		return ErrChanged
	}
	return message.footer(w)
}

func shorter(n, size int64) error {
	if n != size {
		return fmt.Errorf("%w: %d bytes in place of %d", ErrChanged, n, size)
	}
	return nil
}

// signedMessage is SignedData without its content.
type signedMessage struct {
	digestAlgorithms []byte // SET
	certificates     []byte // [0]
	signerInfos      []byte // SET
}

// sign has the signer sign a digest of the content.
func sign(ctx context.Context, signer Signer, digest []byte, o Options) (*signedMessage, error) {
	certificate := signer.Certificate()
	if err := o.Check(certificate); err != nil {
		return nil, err
	}
	a, err := o.algorithm()
	if err != nil {
		return nil, err
	}
	if len(digest) != a.hash.Size() {
		return nil, fmt.Errorf("%w: a digest of %d bytes", ErrAlgorithm, len(digest))
	}
	attributes, err := signedAttributes(certificate, digest, o.now())
	if err != nil {
		return nil, err
	}
	signature, err := signer.SignContext(ctx, sum(a.hash, encoded(tag.SET, attributes)), a.hash)
	if err != nil {
		return nil, err
	}
	var token []byte
	if o.Timestamp != nil {
		if token, err = o.Timestamp(ctx, signature); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrTimestamp, err)
		}
	}
	return newMessage(a, signer, attributes, signature, token, o.CACertificates)
}

// newMessage encodes what is around the signature.
func newMessage(a algorithm, signer Signer, attributes, signature, token []byte, cas []*x509.Certificate) (*signedMessage, error) {
	var certificates []byte
	for i, c := range append([]*x509.Certificate{signer.Certificate()}, cas...) {
		if i > 0 && c.Equal(signer.Certificate()) {
			continue
		}
		certificates = append(certificates, c.Raw...)
	}
	var info cryptobyte.Builder
	info.AddASN1(tag.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1Int64(1) // RFC 5652 §5.3: issuer and serial number
		addIssuerAndSerial(b, signer.Certificate())
		a.addDigestAlgorithm(b)
		b.AddBytes(encoded(tag.Tag(0).ContextSpecific().Constructed(), attributes))
		a.addSignatureAlgorithm(b, signer.Public())
		b.AddASN1OctetString(signature)
		if token != nil {
			b.AddASN1(tag.Tag(1).ContextSpecific().Constructed(), func(b *cryptobyte.Builder) {
				addAttribute(b, oidTimestampToken, func(b *cryptobyte.Builder) { b.AddBytes(token) })
			})
		}
	})
	signerInfo, err := info.Bytes()
	if err != nil {
		return nil, err
	}
	var digest cryptobyte.Builder
	a.addDigestAlgorithm(&digest)
	digestAlgorithm, err := digest.Bytes()
	if err != nil {
		return nil, err
	}
	return &signedMessage{
		encoded(tag.SET, digestAlgorithm),
		encoded(tag.Tag(0).ContextSpecific().Constructed(), certificates),
		encoded(tag.SET, signerInfo),
	}, nil
}

// signedAttributes encodes the elements of the set in their DER order (X.690 §11.6).
func signedAttributes(certificate *x509.Certificate, digest []byte, now time.Time) ([]byte, error) {
	adders := []func(*cryptobyte.Builder){
		func(b *cryptobyte.Builder) {
			addAttribute(b, oidContentType, func(b *cryptobyte.Builder) { b.AddASN1ObjectIdentifier(oidData) })
		},
		func(b *cryptobyte.Builder) {
			addAttribute(b, oidMessageDigest, func(b *cryptobyte.Builder) { b.AddASN1OctetString(digest) })
		},
		func(b *cryptobyte.Builder) {
			addAttribute(b, oidSigningTime, func(b *cryptobyte.Builder) { b.AddASN1UTCTime(now.UTC()) })
		},
		func(b *cryptobyte.Builder) {
			addAttribute(b, oidSigningCertificateV2, func(b *cryptobyte.Builder) { addSigningCertificate(b, certificate) })
		},
	}
	var elements [][]byte
	for _, add := range adders {
		var b cryptobyte.Builder
		add(&b)
		element, err := b.Bytes()
		if err != nil {
			return nil, err
		}
		elements = append(elements, element)
	}
	slices.SortFunc(elements, bytes.Compare)
	return bytes.Join(elements, nil), nil
}

func addAttribute(b *cryptobyte.Builder, id []int, value func(*cryptobyte.Builder)) {
	b.AddASN1(tag.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1ObjectIdentifier(id)
		b.AddASN1(tag.SET, value)
	})
}

// addSigningCertificate adds a SigningCertificateV2 with the certificate's SHA-256, which is the default
// and therefore not named (RFC 5035 §3).
func addSigningCertificate(b *cryptobyte.Builder, certificate *x509.Certificate) {
	b.AddASN1(tag.SEQUENCE, func(b *cryptobyte.Builder) { // SigningCertificateV2
		b.AddASN1(tag.SEQUENCE, func(b *cryptobyte.Builder) { // certs
			b.AddASN1(tag.SEQUENCE, func(b *cryptobyte.Builder) { // ESSCertIDv2
				b.AddASN1OctetString(sum(crypto.SHA256, certificate.Raw))
				b.AddASN1(tag.SEQUENCE, func(b *cryptobyte.Builder) { // IssuerSerial
					b.AddASN1(tag.SEQUENCE, func(b *cryptobyte.Builder) { // GeneralNames
						b.AddASN1(tag.Tag(4).ContextSpecific().Constructed(), func(b *cryptobyte.Builder) {
							b.AddBytes(certificate.RawIssuer)
						})
					})
					b.AddASN1BigInt(certificate.SerialNumber)
				})
			})
		})
	})
}

func addIssuerAndSerial(b *cryptobyte.Builder, certificate *x509.Certificate) {
	b.AddASN1(tag.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddBytes(certificate.RawIssuer)
		b.AddASN1BigInt(certificate.SerialNumber)
	})
}
