// Package cvc reads card-verifiable certificates (CV certificates, ISO/IEC 7816-8) and finds out who
// issued them. The text and the visual application of a My Number Card have one each, with the
// key that signed their data. Packages text and face use this package.
//
// An authority is a certification authority (CA) for CV certificates. It is known by its identifier
// and its public key. No authority is built in, because J-LIS does not publish their keys. A caller
// gets them from J-LIS, or from whoever is allowed to pass them on, and lists them in a [Policy]:
//
//	policy := cvc.Policy{Authorities: []cvc.Authority{{ID: "5000033", Key: key}}, Required: true}
//
// The format was observed; it is not in a public specification. Nothing in a CV certificate of
// this format says how long it is valid, or whether it was revoked. Everything in this package is
// safe for concurrent use.
package cvc

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/big"

	"github.com/mykeykit/mykeykit/apdu/tlv"
	"github.com/mykeykit/mykeykit/internal/record"
	"github.com/mykeykit/mykeykit/jpki/trust"
)

var (
	// ErrMalformed reports something other than one CV certificate of a My Number Card.
	ErrMalformed = errors.New("malformed CV certificate")
	// ErrUnknownAuthority reports that no listed authority has the issuer's identifier, or that
	// Policy.Required is set and a simulator's authority issued the certificate.
	ErrUnknownAuthority = errors.New("unknown authority")
	// ErrSignature reports a certificate that names a known authority and was not signed with
	// its key.
	ErrSignature = errors.New("CV certificate was not signed by the authority that it names")
)

// Authority is a certification authority for CV certificates.
type Authority struct {
	// ID is the beginning of the key's identifier in the certificates, at least 7 characters:
	// "5000023" for the visual and "5000033" for the text application of cards in use, and
	// "6000023" and "6000033" for test cards.
	ID  string
	Key *rsa.PublicKey
}

// minID is the minimum length of an [Authority.ID].
const minID = 7

// Policy says which authorities are trusted. The zero Policy trusts none.
type Policy struct {
	Authorities          []Authority
	SimulatorAuthorities []Authority // of simulated cards, for tests: anybody may have their keys
	Required             bool        // reject unknown authorities and the simulator's
}

// Certificate is a CV certificate.
type Certificate struct {
	Issuer, Subject string // identifiers of keys, 16 bytes
	Key             *rsa.PublicKey

	body, signature []byte
}

// Tags of a CV certificate.
const (
	tagCertificate = 0x7F21
	tagBody        = 0x5F4E
	tagSignature   = 0x5F37
	tagExponent    = 0x90
	tagModulus     = 0x91
)

// idLength is the length of a key's identifier.
const idLength = 16

// Parse reads the file with a CV certificate. It does not verify the signature. It returns
// [ErrMalformed], or an error that matches [trust.ErrUnsupportedKey].
func Parse(file []byte) (*Certificate, error) {
	r, err := record.Parse(file, tagCertificate)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	body, signature := r.Value(tagBody), r.Value(tagSignature)
	if len(body) < 2*idLength || len(signature) == 0 {
		return nil, ErrMalformed
	}
	c := &Certificate{Issuer: string(body[:idLength]), Subject: string(body[idLength : 2*idLength]), body: body, signature: signature}
	c.Key, err = ParseKey(body[2*idLength:])
	return c, err
}

// ParseKey reads a public key in the card's format: the exponent under tag 90 and the modulus under
// tag 91. It returns the errors of [Parse].
func ParseKey(b []byte) (*rsa.PublicKey, error) {
	var exponent, modulus []byte
	for e, err := range tlv.All(b) {
		switch {
		case err != nil:
			return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
		case e.Tag == tagExponent && exponent == nil:
			exponent = e.Value()
		case e.Tag == tagModulus && modulus == nil:
			modulus = e.Value()
		default:
			return nil, fmt.Errorf("%w: unexpected %v in a key", ErrMalformed, e.Tag)
		}
	}
	if len(exponent) == 0 || len(exponent) > 4 {
		return nil, fmt.Errorf("%w: an exponent of %d bytes", ErrMalformed, len(exponent))
	}
	key := &rsa.PublicKey{N: new(big.Int).SetBytes(modulus), E: int(new(big.Int).SetBytes(exponent).Int64())}
	return key, trust.CheckPublicKey(key)
}

// Issuer finds out which authority signed a certificate. The issuer is [trust.IssuerCaller],
// [trust.IssuerSimulator] or, unless an authority is required, [trust.IssuerUnknown].
//
// It returns [ErrSignature] if the certificate names a listed authority whose key did not sign it,
// and [ErrUnknownAuthority] if the policy requires a known authority and the certificate names
// none, or the simulator's.
func (p *Policy) Issuer(c *Certificate) (trust.Issuer, error) {
	named := false
	for _, given := range []struct {
		issuer      trust.Issuer
		authorities []Authority
	}{{trust.IssuerCaller, p.Authorities}, {trust.IssuerSimulator, p.SimulatorAuthorities}} {
		for _, a := range given.authorities {
			if a.Key == nil || len(a.ID) < minID || !bytes.HasPrefix([]byte(c.Issuer), []byte(a.ID)) {
				continue
			}
			named = true
			if trust.CheckPublicKey(a.Key) != nil || CheckSignature(a.Key, c.body, c.signature) != nil {
				continue
			}
			if given.issuer == trust.IssuerSimulator && p.Required {
				return trust.IssuerUnknown, fmt.Errorf("%w: the simulator's", ErrUnknownAuthority)
			}
			return given.issuer, nil
		}
	}
	switch {
	case named:
		return trust.IssuerUnknown, ErrSignature
	case p.Required:
		return trust.IssuerUnknown, ErrUnknownAuthority
	}
	return trust.IssuerUnknown, nil
}

// CheckSignature returns an error unless signature is key's signature of message: RSA with PKCS #1
// v1.5 and SHA-256.
func CheckSignature(key *rsa.PublicKey, message, signature []byte) error {
	sum := sha256.Sum256(message)
	return rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], signature)
}
