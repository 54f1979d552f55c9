package jpki

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"errors"
	"fmt"
	"math/big"
	"slices"

	"golang.org/x/crypto/cryptobyte"
	tag "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/mykeykit/mykeykit/apdu"
	"github.com/mykeykit/mykeykit/internal/generation"
	"github.com/mykeykit/mykeykit/jpki/proof"
	"github.com/mykeykit/mykeykit/jpki/trust"
)

var (
	// ErrUnsupportedSignature reports a kind of signature that a [Signer] does not make.
	// Nothing was sent. It wraps [errors.ErrUnsupported].
	ErrUnsupportedSignature = fmt.Errorf("signature: %w", errors.ErrUnsupported)
	// ErrNoPSS reports that this card can't sign with PSS. It wraps
	// [errors.ErrUnsupported].
	ErrNoPSS = fmt.Errorf("this card does not support PSS: %w", errors.ErrUnsupported)
	// ErrDigestLength reports a digest that is not as long as its hash. Nothing was sent.
	ErrDigestLength = errors.New("digest length does not match the hash")
)

// digestInfo is the DER of a DigestInfo before the hash: RFC 8017 §9.2, note 1. It is nil for a
// hash that is not signed.
func digestInfo(hash crypto.Hash) []byte {
	switch hash {
	case crypto.SHA1:
		return []byte{0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2B, 0x0E, 0x03, 0x02, 0x1A, 0x05, 0x00, 0x04, 0x14}
	case crypto.SHA256:
		return []byte{0x30, 0x31, 0x30, 0x0D, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20}
	case crypto.SHA384:
		return []byte{0x30, 0x41, 0x30, 0x0D, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02, 0x05, 0x00, 0x04, 0x30}
	case crypto.SHA512:
		return []byte{0x30, 0x51, 0x30, 0x0D, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03, 0x05, 0x00, 0x04, 0x40}
	}
	return nil
}

// toSign is what a card is to sign.
type toSign struct {
	algorithm generation.Algorithm
	input     []byte
	size      int // bytes of the card's answer
	verify    func(answer []byte) error
	// encode returns a verified answer as package crypto encodes such signatures.
	encode func(answer []byte) ([]byte, error)
}

// newToSign returns what a caller of a [Signer] asked for. The padding is always made here
// or by the card: whoever can choose what is padded can have anything signed.
func newToSign(key crypto.PublicKey, digest []byte, options crypto.SignerOpts, allowSHA1 bool) (toSign, error) {
	pssOptions, salted := options.(*rsa.PSSOptions)
	var hash crypto.Hash
	if options != nil && (!salted || pssOptions != nil) {
		hash = options.HashFunc()
	}
	switch {
	case hash == 0:
		return toSign{}, fmt.Errorf("%w: the options name no hash", ErrUnsupportedSignature)
	case digestInfo(hash) == nil:
		return toSign{}, fmt.Errorf("%w: %v", ErrUnsupportedSignature, hash)
	case hash == crypto.SHA1 && !allowSHA1:
		return toSign{}, fmt.Errorf("%w: SHA-1 is not allowed", ErrUnsupportedSignature)
	}
	switch key := key.(type) {
	case *rsa.PublicKey:
		return rsaToSign(key, hash, digest, pssOptions)
	case *ecdsa.PublicKey:
		switch {
		case salted:
			return toSign{}, fmt.Errorf("%w: PSS with an ECDSA key", ErrUnsupportedSignature)
		case hash == crypto.SHA1:
			return toSign{}, fmt.Errorf("%w: SHA-1 with an ECDSA key", ErrUnsupportedSignature)
		case len(digest) != hash.Size():
			return toSign{}, fmt.Errorf("%w: %d bytes of %v", ErrDigestLength, len(digest), hash)
		}
		return ecdsaToSign(key, digest), nil
	}
	return toSign{}, trust.ErrUnsupportedKey
}

func rsaToSign(key *rsa.PublicKey, hash crypto.Hash, digest []byte, salted *rsa.PSSOptions) (toSign, error) {
	switch {
	case salted != nil && hash != crypto.SHA256:
		return toSign{}, fmt.Errorf("%w: %v with PSS", ErrUnsupportedSignature, hash)
	case len(digest) != hash.Size():
		return toSign{}, fmt.Errorf("%w: %d bytes of %v", ErrDigestLength, len(digest), hash)
	case salted == nil:
		return pkcs1(key, hash, digest), nil
	}
	switch salted.SaltLength {
	case rsa.PSSSaltLengthEqualsHash, rsa.PSSSaltLengthAuto, crypto.SHA256.Size():
		return pss(key, digest), nil
	}
	return toSign{}, fmt.Errorf("%w: a salt of %d bytes", ErrUnsupportedSignature, salted.SaltLength)
}

// challengeToSign is a challenge, to be signed with the one algorithm that every card with
// such a key has.
func challengeToSign(key crypto.PublicKey, challenge proof.Challenge) (toSign, proof.Algorithm, error) {
	algorithm, hash, err := proof.AlgorithmOf(key)
	if err != nil {
		return toSign{}, "", err
	}
	h := hash.New()
	h.Write(challenge.Message())
	what, err := newToSign(key, h.Sum(nil), hash, false)
	return what, algorithm, err
}

// pkcs1 is a hash to be signed with PKCS #1 v1.5.
func pkcs1(key *rsa.PublicKey, hash crypto.Hash, digest []byte) toSign {
	return toSign{generation.PKCS1, slices.Concat(digestInfo(hash), digest), key.Size(), func(answer []byte) error {
		return rsa.VerifyPKCS1v15(key, hash, digest, answer)
	}, unchanged}
}

// pss is a SHA-256 to be signed with PSS, and a salt of its length: assumed of the card,
// and verified of its answer.
func pss(key *rsa.PublicKey, digest []byte) toSign {
	return toSign{generation.PSS, digest, key.Size(), func(answer []byte) error {
		return rsa.VerifyPSS(key, crypto.SHA256, digest, answer, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
	}, unchanged}
}

func unchanged(answer []byte) ([]byte, error) { return answer, nil }

// ecdsaToSign is a hash to be signed with ECDSA. The card answers r and s, which package
// crypto/ecdsa has in a DER sequence.
func ecdsaToSign(key *ecdsa.PublicKey, digest []byte) toSign {
	half := (key.Curve.Params().N.BitLen() + 7) / 8
	split := func(answer []byte) (r, s *big.Int) {
		return new(big.Int).SetBytes(answer[:half]), new(big.Int).SetBytes(answer[half:])
	}
	return toSign{generation.ECDSA, digest, 2 * half, func(answer []byte) error {
		if len(answer) != 2*half {
			return fmt.Errorf("signature of %d bytes", len(answer))
		}
		if r, s := split(answer); !ecdsa.Verify(key, digest, r, s) {
			return errors.New("signature does not verify")
		}
		return nil
	}, func(answer []byte) ([]byte, error) {
		r, s := split(answer)
		var b cryptobyte.Builder
		b.AddASN1(tag.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1BigInt(r)
			b.AddASN1BigInt(s)
		})
		return b.Bytes()
	}}
}

// sign has the card sign with a key, verifies the signature with the certificate's key, and
// returns the card's answer. The key's secret must be verified.
//
// It returns [ErrNoPossession] if the card's answer is not that signature, [ErrPINRequired],
// [ErrNoPSS], [ErrUnsupportedSignature], or the transport's error.
func (a *Application) sign(ctx context.Context, key *cardKey, what toSign) ([]byte, error) {
	scheme, ok := key.Scheme(what.algorithm)
	if !ok {
		return nil, fmt.Errorf("%w: not on this card", ErrUnsupportedSignature)
	}
	answer, err := a.session.Sign(ctx, key.File, scheme, what.input, what.size)
	var status apdu.Status
	switch {
	case errors.Is(err, apdu.StatusSecurityNotSatisfied) && !a.session.Unlocked(key.Credential):
		return nil, fmt.Errorf("%w: %w", ErrPINRequired, err)
	case errors.As(err, &status) && what.algorithm == generation.PSS && isUnknownScheme(status):
		return nil, fmt.Errorf("%w: %w", ErrNoPSS, err)
	case errors.As(err, &status), errors.Is(err, apdu.ErrExcessResponse):
		return nil, fmt.Errorf("%w: %w", ErrNoPossession, err)
	case err != nil:
		return nil, err // no answer proves nothing, either way
	}
	if err := what.verify(answer); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoPossession, err)
	}
	return answer, nil
}

// probePSS asks the card for PSS over a hash that is too short, so that nothing is ever
// signed: a card that has PSS answers that the PIN is missing or, if another program left
// it unlocked, what is wrong with the hash.
func (a *Application) probePSS(ctx context.Context, key *cardKey) (bool, error) {
	scheme, ok := key.Scheme(generation.PSS)
	if !ok {
		return false, nil
	}
	_, err := a.session.Sign(ctx, key.File, scheme, []byte{0}, apdu.MaxShortNe)
	var status apdu.Status
	switch {
	case errors.Is(err, apdu.StatusSecurityNotSatisfied), errors.Is(err, apdu.StatusConditionsNotSatisfied), errors.Is(err, apdu.StatusWrongLength):
		return true, nil
	case err == nil, errors.As(err, &status):
		return false, nil
	}
	return false, err
}

func isUnknownScheme(s apdu.Status) bool {
	switch s {
	case apdu.StatusIncorrectP1P2, apdu.StatusFunctionNotSupported, apdu.StatusInstructionNotSupported:
		return true
	}
	return false
}
