package jpki_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"math/big"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/apdu"
	"github.com/mykeykit/mykeykit/internal/cardtest"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/jpki/credential"
	"github.com/mykeykit/mykeykit/jpki/trust"
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

// Each signature asks for one PIN, sends one, verifies by the standard library, and
// leaves the card.
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

// One signature on a card with extended lengths: who can be asked, and then
// everything in one transaction that begins with SELECT and leaves. Who issued the
// certificate was found out before.
func TestSignerSendsAsLittleAsItCan(t *testing.T) {
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

// Options of any type are asked for their hash, as by package crypto/rsa.
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

// A card is asked for PSS once, and nothing is signed by that; one without it is
// told before anybody types a PIN.
func TestPSSIsAskedOfTheCard(t *testing.T) {
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
		h.Slot.Fail(simulator.Fault{INS: apdu.InsPerformSecurityOperation, Nth: 1, Do: simulator.AnswerStatus(apdu.StatusSecurityNotSatisfied)})
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

func TestSignerAndTheTriesLeft(t *testing.T) {
	digest := digestOf(crypto.SHA256)
	h := cardtest.NewHolder(t, simulator.Contact)
	h.Types = "9999"
	s := h.Signer(t)
	for _, left := range []int{2, 1} {
		_, err := s.Sign(nil, digest, crypto.SHA256)
		var wrong *credential.Error
		require.ErrorAs(t, err, &wrong)
		assert.Equal(t, credential.ErrWrong, wrong.Reason)
		assert.Equal(t, left, wrong.Remaining)
		assert.Equal(t, left, h.Card.State().AuthTries)
		assert.Equal(t, left+1, h.Shown()[h.Asked()-1].Remaining, "as it was when the person was asked")
	}
	_, err := s.Sign(nil, digest, crypto.SHA256)
	require.ErrorIs(t, err, credential.ErrLastAttempt)
	assert.Equal(t, 2, h.Asked(), "nobody is asked in vain")

	allowing := h.Signer(t, jpki.AllowLastAttempt())
	_, err = allowing.Sign(nil, digest, crypto.SHA256)
	require.ErrorIs(t, err, credential.ErrLocked)
	assert.Equal(t, 3, h.Asked())
	_, err = allowing.Sign(nil, digest, crypto.SHA256)
	require.ErrorIs(t, err, credential.ErrLocked)
	assert.Equal(t, 3, h.Asked())
}

var errNobody = errors.New("nobody there")

// Who can't or does not type a PIN signs nothing, and spends nothing.
func TestSignerWithoutAPIN(t *testing.T) {
	digest := digestOf(crypto.SHA256)
	t.Run("nobody to ask", func(t *testing.T) {
		h := cardtest.NewHolder(t, simulator.Contact)
		s, err := jpki.NewSigner(context.Background(), h.Connect, "Reader", nil)
		require.NoError(t, err)
		before := len(h.Connections())
		_, err = s.Sign(nil, digest, crypto.SHA256)
		require.ErrorIs(t, err, jpki.ErrPINRequired)
		assert.Len(t, h.Connections(), before)
	})
	t.Run("nobody answers", func(t *testing.T) {
		h := cardtest.NewHolder(t, simulator.Contact)
		s := h.Signer(t)
		h.Typing = func(context.Context) error { return errNobody }
		_, err := s.Sign(nil, digest, crypto.SHA256)
		require.ErrorIs(t, err, errNobody)
	})
	t.Run("a used PIN", func(t *testing.T) {
		h := cardtest.NewHolder(t, simulator.Contact)
		used := pin(t, simulator.PIN)
		used.Wipe()
		s, err := jpki.NewSigner(context.Background(), h.Connect, "Reader", func(context.Context, jpki.Readiness) (jpki.PIN, error) { return used, nil })
		require.NoError(t, err)
		_, err = s.Sign(nil, digest, crypto.SHA256)
		require.ErrorIs(t, err, credential.ErrUsed)
	})
	t.Run("given up meanwhile", func(t *testing.T) {
		h := cardtest.NewHolder(t, simulator.Contact)
		ctx, cancel := context.WithCancel(context.Background())
		typed := pin(t, simulator.PIN)
		s, err := jpki.NewSigner(ctx, h.Connect, "Reader", func(context.Context, jpki.Readiness) (jpki.PIN, error) {
			cancel()
			return typed, nil // all the same
		})
		require.NoError(t, err)
		_, err = s.SignContext(ctx, digest, crypto.SHA256)
		require.ErrorIs(t, err, context.Canceled)
		_, err = jpki.Authenticate(context.Background(), h.OtherProgram(t), typed)
		require.ErrorIs(t, err, credential.ErrUsed, "it is forgotten")
	})
	t.Run("closed meanwhile", func(t *testing.T) {
		h := cardtest.NewHolder(t, simulator.Contact)
		s := h.Signer(t)
		asked := make(chan struct{})
		h.Typing = func(ctx context.Context) error {
			close(asked)
			<-ctx.Done()
			return ctx.Err()
		}
		go func() {
			<-asked
			assert.NoError(t, s.Close())
		}()
		_, err := s.Sign(nil, digest, crypto.SHA256)
		require.ErrorIs(t, err, jpki.ErrSignerClosed)
		_, err = s.Sign(nil, digest, crypto.SHA256)
		require.ErrorIs(t, err, jpki.ErrSignerClosed)
		_, err = s.PSS(context.Background())
		require.ErrorIs(t, err, jpki.ErrSignerClosed)
	})
}

// The PIN of one card is never sent to another, whenever that is put in; and the
// same card works again.
//
// Faults: F25.
func TestSignerIsOfOneCard(t *testing.T) {
	digest := digestOf(crypto.SHA256)
	other := cardtest.AnotherCard(t, simulator.Contact)
	h := cardtest.NewHolder(t, simulator.Contact)
	s := h.Signer(t)

	h.Insert(t, other)
	_, err := s.Sign(nil, digest, crypto.SHA256)
	require.ErrorIs(t, err, credential.ErrOtherCard)
	assert.Zero(t, h.Asked(), "nobody is asked")

	h.Insert(t, h.Card)
	h.Typing = func(context.Context) error { h.Insert(t, other); return nil }
	_, err = s.Sign(nil, digest, crypto.SHA256)
	require.ErrorIs(t, err, credential.ErrOtherCard)
	h.Unsent(1)

	h.Insert(t, h.Card)
	h.Typing = func(context.Context) error { // taken out, and put in again
		h.Insert(t, h.Card)
		return nil
	}
	signature, err := s.Sign(nil, digest, crypto.SHA256)
	require.NoError(t, err)
	requireSignature(t, s, crypto.SHA256, digest, signature)

	h.Typing = func(context.Context) error { h.Slot.Remove(); return nil }
	_, err = s.Sign(nil, digest, crypto.SHA256)
	require.ErrorIs(t, err, reader.ErrNoCard)
	h.Unsent(1)
	h.Typing = nil
	_, err = s.Sign(nil, digest, crypto.SHA256)
	require.ErrorIs(t, err, reader.ErrNoCard)
	require.NoError(t, h.Slot.Insert(h.Card))
	_, err = s.Sign(nil, digest, crypto.SHA256)
	require.NoError(t, err)

	h.Typing = func(context.Context) error { // another program spends a try
		_, err := jpki.Authenticate(context.Background(), h.OtherProgram(t), pin(t, "0000"))
		require.ErrorIs(t, err, credential.ErrWrong)
		return nil
	}
	_, err = s.Sign(nil, digest, crypto.SHA256)
	require.ErrorIs(t, err, credential.ErrAttemptsChanged)
	h.Unsent(1)
	assert.Equal(t, 3, other.State().AuthTries)
}

// What a card answers instead of the signature is never returned.
//
// Faults: F57.
func TestSignerVerifiesWhatTheCardAnswers(t *testing.T) {
	digest := digestOf(crypto.SHA256)
	earlier, err := rsa.SignPKCS1v15(nil, cardtest.AttackerKey(), crypto.SHA256, digest)
	require.NoError(t, err)
	for name, action := range map[string]simulator.Action{
		"nothing":          simulator.AnswerStatus(apdu.StatusOK),
		"255 bytes":        simulator.Lengthen(-1),
		"257 bytes":        simulator.Lengthen(1),
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
			h.Slot.Fail(simulator.Fault{INS: apdu.InsPerformSecurityOperation, Do: action})
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

// A PKCS #1 signature is no PSS signature of the same digest, and a signature of
// before is none of another digest.
func TestSignaturesAreNotExchanged(t *testing.T) {
	h := cardtest.NewHolder(t, simulator.Contact)
	s := h.Signer(t)
	old, err := s.Sign(nil, digestOf(crypto.SHA256), crypto.SHA256)
	require.NoError(t, err)
	other := sha256.Sum256([]byte("something else"))
	_, err = s.PSS(context.Background())
	require.NoError(t, err)
	h.Slot.Fail(simulator.Fault{INS: apdu.InsPerformSecurityOperation, Do: simulator.Answer(append(old, 0x90, 0x00))})
	_, err = s.Sign(nil, other[:], crypto.SHA256)
	require.ErrorIs(t, err, jpki.ErrNoPossession)
	_, err = s.Sign(nil, digestOf(crypto.SHA256), pssOptions)
	require.ErrorIs(t, err, jpki.ErrNoPossession)
}

// Goroutines that share a signer each get their own signature, for a PIN each.
func TestSignerIsShared(t *testing.T) {
	h := cardtest.NewHolder(t, simulator.Contact)
	s := h.Signer(t)
	var asking, most atomic.Int32
	h.Typing = func(context.Context) error {
		most.Store(max(most.Load(), asking.Add(1)))
		defer asking.Add(-1)
		return nil
	}
	var wg sync.WaitGroup
	for n := range 8 {
		wg.Go(func() {
			digest := sha256.Sum256([]byte{byte(n)})
			signature, err := s.Sign(nil, digest[:], crypto.SHA256)
			assert.NoError(t, err)
			requireSignature(t, s, crypto.SHA256, digest[:], signature)
		})
	}
	wg.Wait()
	assert.Equal(t, 8, h.Secrets())
	assert.EqualValues(t, 1, most.Load(), "people are asked one after the other")
}

// Whoever waits for a signature of others gives up when its ctx ends.
func TestSignersWaitCanBeEnded(t *testing.T) {
	h := cardtest.NewHolder(t, simulator.Contact)
	s := h.Signer(t)
	asked, typed := make(chan struct{}), make(chan struct{})
	h.Typing = func(context.Context) error { close(asked); <-typed; return nil }
	done := make(chan error)
	go func() {
		_, err := s.Sign(nil, digestOf(crypto.SHA256), crypto.SHA256)
		done <- err
	}()
	<-asked
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	_, err := s.SignContext(ctx, digestOf(crypto.SHA256), crypto.SHA256)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	close(typed)
	require.NoError(t, <-done)
}

// A phone shows its certificate only after the PIN, so one is asked for to make
// the signer; another phone is seen after its PIN only, and signs nothing.
func TestSignerOfAPhone(t *testing.T) {
	h := cardtest.NewHolder(t, simulator.Android)
	s := h.Signer(t)
	assert.Equal(t, 1, h.Asked())
	digest := digestOf(crypto.SHA256)
	signature, err := s.Sign(nil, digest, crypto.SHA256)
	require.NoError(t, err)
	requireSignature(t, s, crypto.SHA256, digest, signature)

	other := cardtest.AnotherCard(t, simulator.Android)
	h.Slot.Remove()
	require.NoError(t, h.Slot.Insert(other))
	_, err = s.Sign(nil, digest, crypto.SHA256)
	require.ErrorIs(t, err, credential.ErrOtherCard)
	assert.False(t, other.State().AuthVerified)
	requireNothingSigned(t, h)

	h.Typing = func(context.Context) error { return errNobody }
	_, err = jpki.NewSigner(context.Background(), h.Connect, "Reader", h.AskPIN)
	require.ErrorIs(t, err, errNobody)
}

// What can't be a signer's certificate, told before anybody is asked for a PIN.
func TestSignersCertificate(t *testing.T) {
	ctx := context.Background()
	for name, tt := range map[string]struct {
		profile simulator.Profile
		options []jpki.SignerOption
		err     error
	}{
		"expired":           {simulator.Expired, nil, trust.ErrExpired},
		"expired, allowed":  {simulator.Expired, []jpki.SignerOption{jpki.AllowExpired()}, nil},
		"none":              {simulator.NoCertificate, nil, jpki.ErrNoCertificate},
		"another card":      {simulator.NotMyNumber, nil, jpki.ErrNoApplication},
		"locked":            {simulator.Locked, nil, nil},
		"of unknown issuer": {simulator.Contact, []jpki.SignerOption{jpki.RequireChain()}, trust.ErrUnknownIssuer},
	} {
		h := cardtest.NewHolder(t, tt.profile)
		s, err := jpki.NewSigner(ctx, h.Connect, "Reader", h.AskPIN, tt.options...)
		require.ErrorIs(t, err, tt.err, name)
		assert.Equal(t, tt.err != nil, s == nil, name)
		assert.Zero(t, h.Asked(), name)
	}
}

// The key of a card to come is no RSA key.
func TestSignersKey(t *testing.T) {
	h := cardtest.NewHolder(t, simulator.Contact)
	ec, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	require.NoError(t, err)
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().AddDate(1, 0, 0), KeyUsage: x509.KeyUsageDigitalSignature,
	}, &x509.Certificate{}, ec.Public(), ec)
	require.NoError(t, err)
	serve(h.Desk, der)
	_, err = jpki.NewSigner(context.Background(), h.Connect, "Reader", h.AskPIN)
	require.ErrorIs(t, err, trust.ErrUnsupportedKey)
	require.ErrorIs(t, err, errors.ErrUnsupported)
}

// x509 takes a Signer for what it is.
func TestSignerMakesACertificateRequest(t *testing.T) {
	h := cardtest.NewHolder(t, simulator.Contact)
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, h.Signer(t))
	require.NoError(t, err)
	request, err := x509.ParseCertificateRequest(der)
	require.NoError(t, err)
	require.NoError(t, request.CheckSignature())
}
