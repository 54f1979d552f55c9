package jpki_test

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/apdu"
	"github.com/mykeykit/mykeykit/internal/cardtest"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/reader"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

func digestOf(hash crypto.Hash) []byte {
	h := hash.New()
	h.Write([]byte("something to sign"))
	return h.Sum(nil)
}

func requireSignature(t testing.TB, s *jpki.Signer, hash crypto.Hash, digest, signature []byte) {
	t.Helper()
	require.NoError(t, rsa.VerifyPKCS1v15(s.Public().(*rsa.PublicKey), hash, digest, signature))
}

var pssOptions = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256}

// Each signature asks for one PIN, sends it once, verifies with the standard library, and
// logs the card out.
func TestSigner(t *testing.T) {
	for _, profile := range []simulator.Profile{simulator.Contact, simulator.ContactExtended, simulator.Contactless} {
		h := cardtest.NewHolder(t, profile)
		s := h.Signer(t, jpki.AllowSHA1())
		assert.Equal(t, s.Certificate().PublicKey, s.Public())
		assert.Zero(t, h.Asked(), "the certificate needs no PIN")
		for n, hash := range []crypto.Hash{crypto.SHA1, crypto.SHA256, crypto.SHA384, crypto.SHA512} {
			digest := digestOf(hash)
			signature, err := s.Sign(rand.Reader, digest, hash)
			require.NoError(t, err)
			requireSignature(t, s, hash, digest, signature)
			assert.Equal(t, n+1, h.Secrets())
			assert.False(t, h.Card.State().AuthVerified)
		}
		for _, salt := range []int{rsa.PSSSaltLengthEqualsHash, rsa.PSSSaltLengthAuto, 32} {
			digest := digestOf(crypto.SHA256)
			signature, err := s.Sign(rand.Reader, digest, &rsa.PSSOptions{SaltLength: salt, Hash: crypto.SHA256})
			require.NoError(t, err)
			require.NoError(t, rsa.VerifyPSS(s.Public().(*rsa.PublicKey), crypto.SHA256, digest, signature, pssOptions))
		}
		for _, shown := range h.Shown() {
			assert.Equal(t, 3, shown.Remaining)
		}
	}
}

// One signature on a card with extended lengths: first what the holder is shown, then
// everything in one transaction from SELECT to the log-out. The issuer was checked before.
func TestSignerSendsTheFewestCommands(t *testing.T) {
	h := cardtest.NewHolder(t, simulator.ContactExtended)
	s := h.Signer(t, jpki.RequireChain(), jpki.WithPinned(h.Card.CACertificate()))
	before := len(h.Sent())
	_, err := s.Sign(nil, digestOf(crypto.SHA256), crypto.SHA256)
	require.NoError(t, err)
	var instructions []byte
	for _, c := range h.Sent()[before:] {
		instructions = append(instructions, c.INS)
	}
	assert.Equal(t, []byte{0xA4, 0x20, 0xB0, 0xA4, 0x20, 0xB0, 0x20, 0x2A, 0xA4}, instructions)
	assert.Len(t, h.Connections(), 3)
}

// foreign are options of another package's, which say their hash and no more.
type foreign struct{ hash crypto.Hash }

func (f foreign) HashFunc() crypto.Hash { return f.hash }

// Options of any type are accepted if their HashFunc is, as in package crypto/rsa.
func TestSignerOptionsAreAskedForTheirHash(t *testing.T) {
	h := cardtest.NewHolder(t, simulator.Contact)
	s := h.Signer(t)
	for _, hash := range []crypto.Hash{crypto.SHA256, crypto.SHA384, crypto.SHA512} {
		for _, options := range []crypto.SignerOpts{foreign{hash}, &foreign{hash}, struct{ crypto.SignerOpts }{hash}, &ed25519.Options{Hash: hash}} {
			signature, err := s.Sign(rand.Reader, digestOf(hash), options)
			require.NoError(t, err, "%T", options)
			requireSignature(t, s, hash, digestOf(hash), signature)
		}
	}
}

func TestSignerRefusesBeforeAnythingIsSent(t *testing.T) {
	h := cardtest.NewHolder(t, simulator.Contact)
	s := h.Signer(t)
	before := len(h.Connections())
	for name, tt := range map[string]struct {
		digest  []byte
		options crypto.SignerOpts
		err     error
	}{
		"no options":              {digestOf(crypto.SHA256), nil, jpki.ErrUnsupportedSignature},
		"no hash":                 {digestOf(crypto.SHA256), crypto.Hash(0), jpki.ErrUnsupportedSignature},
		"MD5 and SHA-1":           {make([]byte, 36), crypto.MD5SHA1, jpki.ErrUnsupportedSignature},
		"SHA-1, not allowed":      {digestOf(crypto.SHA1), crypto.SHA1, jpki.ErrUnsupportedSignature},
		"SHA-224":                 {digestOf(crypto.SHA224), crypto.SHA224, jpki.ErrUnsupportedSignature},
		"a hash that is none":     {digestOf(crypto.SHA256), crypto.Hash(999), jpki.ErrUnsupportedSignature},
		"others' of no hash":      {digestOf(crypto.SHA256), foreign{}, jpki.ErrUnsupportedSignature},
		"others' of SHA-1":        {digestOf(crypto.SHA1), foreign{crypto.SHA1}, jpki.ErrUnsupportedSignature},
		"others' of SHA-224":      {digestOf(crypto.SHA224), foreign{crypto.SHA224}, jpki.ErrUnsupportedSignature},
		"others' of what is none": {digestOf(crypto.SHA256), foreign{999}, jpki.ErrUnsupportedSignature},
		"others', a byte more":    {append(digestOf(crypto.SHA256), 0), foreign{crypto.SHA256}, jpki.ErrDigestLength},
		"a message, unhashed":     {[]byte("something to sign"), &ed25519.Options{}, jpki.ErrUnsupportedSignature},
		"no PSS options":          {digestOf(crypto.SHA256), (*rsa.PSSOptions)(nil), jpki.ErrUnsupportedSignature},
		"PSS of no hash":          {digestOf(crypto.SHA256), &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}, jpki.ErrUnsupportedSignature},
		"PSS of SHA-512":          {digestOf(crypto.SHA512), &rsa.PSSOptions{Hash: crypto.SHA512}, jpki.ErrUnsupportedSignature},
		"PSS with another salt":   {digestOf(crypto.SHA256), &rsa.PSSOptions{SaltLength: 20, Hash: crypto.SHA256}, jpki.ErrUnsupportedSignature},
		"nothing":                 {nil, crypto.SHA256, jpki.ErrDigestLength},
		"a byte less":             {digestOf(crypto.SHA256)[1:], crypto.SHA256, jpki.ErrDigestLength},
		"a byte more":             {append(digestOf(crypto.SHA256), 0), crypto.SHA256, jpki.ErrDigestLength},
		"another hash's":          {digestOf(crypto.SHA256), crypto.SHA512, jpki.ErrDigestLength},
		"PSS of another's":        {digestOf(crypto.SHA512), pssOptions, jpki.ErrDigestLength},
		"a padded block":          {make([]byte, 256), crypto.SHA256, jpki.ErrDigestLength},
		"a message, not hashed":   {[]byte("something to sign"), crypto.SHA256, jpki.ErrDigestLength},
		"a DigestInfo of itself":  {make([]byte, 51), crypto.SHA256, jpki.ErrDigestLength},
	} {
		signature, err := s.Sign(rand.Reader, tt.digest, tt.options)
		require.ErrorIs(t, err, tt.err, name)
		assert.Equal(t, tt.err == jpki.ErrUnsupportedSignature, errors.Is(err, errors.ErrUnsupported), name)
		assert.Nil(t, signature, name)
	}
	assert.Len(t, h.Connections(), before)
	assert.Zero(t, h.Asked())
}

// The card is probed for PSS once, without a signature. A card without PSS is rejected
// before the holder is asked for the PIN.
func TestSignerProbesPSS(t *testing.T) {
	ctx := context.Background()
	digest := digestOf(crypto.SHA256)
	t.Run("with", func(t *testing.T) {
		h := cardtest.NewHolder(t, simulator.Contact)
		s := h.Signer(t)
		for range 2 {
			has, err := s.PSS(ctx)
			require.NoError(t, err)
			assert.True(t, has)
		}
		_, err := s.Sign(nil, digest, pssOptions)
		require.NoError(t, err)
		var asked, signed int
		for _, c := range h.Sent() {
			if isSign(c) && len(c.Data()) == 1 {
				asked++
			} else if isSign(c) {
				signed++
			}
		}
		assert.Equal(t, []int{1, 1}, []int{asked, signed})
	})
	t.Run("without", func(t *testing.T) {
		h := cardtest.NewHolder(t, simulator.Contact, simulator.WithoutPSS())
		s := h.Signer(t)
		_, err := s.Sign(nil, digest, pssOptions)
		require.ErrorIs(t, err, jpki.ErrNoPSS)
		require.ErrorIs(t, err, errors.ErrUnsupported)
		assert.Zero(t, h.Asked())
		has, err := s.PSS(ctx)
		require.NoError(t, err)
		assert.False(t, has)
		signature, err := s.Sign(nil, digest, crypto.SHA256)
		require.NoError(t, err)
		requireSignature(t, s, crypto.SHA256, digest, signature)
	})
	t.Run("a card that asks for the PIN before it says", func(t *testing.T) {
		h := cardtest.NewHolder(t, simulator.Contact, simulator.WithoutPSS())
		s := h.Signer(t)
		h.Slot.AddFault(simulator.Fault{INS: apdu.InsPerformSecurityOperation, Nth: 1, Do: simulator.AnswerStatus(apdu.StatusSecurityNotSatisfied)})
		_, err := s.Sign(nil, digest, pssOptions)
		require.ErrorIs(t, err, jpki.ErrNoPSS)
		assert.Equal(t, 1, h.Asked())
		_, err = s.Sign(nil, digest, pssOptions)
		require.ErrorIs(t, err, jpki.ErrNoPSS)
		assert.Equal(t, 1, h.Asked(), "not asked again for nothing")
	})
	t.Run("without a card", func(t *testing.T) {
		h := cardtest.NewHolder(t, simulator.Contact)
		s := h.Signer(t)
		h.Slot.Remove()
		_, err := s.PSS(ctx)
		require.ErrorIs(t, err, reader.ErrNoCard)
		require.NoError(t, h.Slot.Insert(h.Card))
		has, err := s.PSS(ctx)
		require.NoError(t, err)
		assert.True(t, has)
	})
}

// The card's answer is returned only if it is the signature.
//
// Faults: F57.
func TestSignerVerifiesWhatTheCardAnswers(t *testing.T) {
	digest := digestOf(crypto.SHA256)
	earlier, err := rsa.SignPKCS1v15(nil, cardtest.AttackerKey(), crypto.SHA256, digest)
	require.NoError(t, err)
	for name, action := range map[string]simulator.Action{
		"nothing":          simulator.AnswerStatus(apdu.StatusOK),
		"255 bytes":        simulator.ChangeLength(-1),
		"257 bytes":        simulator.ChangeLength(1),
		"another key's":    simulator.Answer(append(slices.Clone(earlier), 0x90, 0x00)),
		"zeros":            simulator.Answer(append(make([]byte, 256), 0x90, 0x00)),
		"no PIN, it says":  simulator.AnswerStatus(apdu.StatusSecurityNotSatisfied),
		"no such scheme":   simulator.AnswerStatus(apdu.StatusIncorrectP1P2),
		"no file":          simulator.AnswerStatus(apdu.StatusFileNotFound),
		"a signature of 1": simulator.Answer([]byte{1, 0x90, 0x00}),
	} {
		for _, options := range []crypto.SignerOpts{crypto.SHA256, pssOptions} {
			h := cardtest.NewHolder(t, simulator.Contact)
			s := h.Signer(t)
			_, err := s.PSS(context.Background())
			require.NoError(t, err)
			h.Slot.AddFault(simulator.Fault{INS: apdu.InsPerformSecurityOperation, Do: action})
			signature, err := s.Sign(nil, digest, options)
			if name == "no such scheme" && options == pssOptions {
				require.ErrorIs(t, err, jpki.ErrNoPSS)
			} else {
				require.ErrorIs(t, err, jpki.ErrNoPossession, name)
			}
			assert.Nil(t, signature, name)
			assert.Equal(t, 1, h.Secrets())
		}
	}
}

// A PKCS #1 signature is rejected in place of a PSS signature, and an earlier signature in
// place of another digest's.
func TestSignaturesOfOtherDigestsAreRejected(t *testing.T) {
	h := cardtest.NewHolder(t, simulator.Contact)
	s := h.Signer(t)
	old, err := s.Sign(nil, digestOf(crypto.SHA256), crypto.SHA256)
	require.NoError(t, err)
	other := sha256.Sum256([]byte("something else"))
	_, err = s.PSS(context.Background())
	require.NoError(t, err)
	h.Slot.AddFault(simulator.Fault{INS: apdu.InsPerformSecurityOperation, Do: simulator.Answer(append(old, 0x90, 0x00))})
	_, err = s.Sign(nil, other[:], crypto.SHA256)
	require.ErrorIs(t, err, jpki.ErrNoPossession)
	_, err = s.Sign(nil, digestOf(crypto.SHA256), pssOptions)
	require.ErrorIs(t, err, jpki.ErrNoPossession)
}
