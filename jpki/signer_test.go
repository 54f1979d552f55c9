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
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/jpki/credential"
	"github.com/mykeykit/mykeykit/jpki/trust"
	"github.com/mykeykit/mykeykit/reader"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// holder sits at a desk whose card's key is a signer: connections are counted on
// the wire, and PINs as they are typed.
type holder struct {
	*desk
	types  string
	typing func(ctx context.Context) error // happens before
	typed  jpki.PIN                        // the last

	mu    sync.Mutex
	shown []jpki.Readiness // each time that the PIN was asked for
	wires []*tap
}

func newHolder(t testing.TB, p simulator.Profile, options ...simulator.Option) *holder {
	t.Helper()
	card, err := simulator.NewCard(p, append(options, simulator.WithInsecureSeed(seed))...)
	require.NoError(t, err)
	d := &desk{driver: simulator.New(), card: card}
	d.slot = d.driver.AddReader("Reader")
	require.NoError(t, d.slot.Insert(card))
	h := &holder{desk: d, types: simulator.PIN}
	t.Cleanup(func() {
		assert.Equal(t, h.entered(), h.pins(), "PINs sent, and entered")
		connections, transaction := h.slot.InUse()
		assert.Zero(t, connections, "connections left open")
		assert.False(t, transaction)
		assert.False(t, h.card.State().AuthVerified, "left verified")
	})
	return h
}

func (h *holder) signer(t testing.TB, options ...jpki.SignerOption) *jpki.Signer {
	t.Helper()
	s, err := jpki.NewSigner(context.Background(), h.connect, "Reader", h.ask, options...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

func (h *holder) connect(ctx context.Context, _ string) (jpki.Connection, error) {
	card, err := h.driver.Connect(ctx, "Reader")
	if err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	wire := &tap{Card: card}
	h.wires = append(h.wires, wire)
	return wire, nil
}

func (h *holder) ask(ctx context.Context, ready jpki.Readiness) (jpki.PIN, error) {
	h.mu.Lock()
	h.shown = append(h.shown, ready)
	h.mu.Unlock()
	if h.typing != nil {
		if err := h.typing(ctx); err != nil {
			return jpki.PIN{}, err
		}
	}
	var err error
	h.typed, err = jpki.ParsePIN([]byte(h.types))
	return h.typed, err
}

// entered is how many PINs were typed that should have been sent: all but those
// that are spared.
func (h *holder) entered() int { return len(h.shown) }

// spared says that the last n PINs were not typed, or must not have been sent.
func (h *holder) spared(n int) { h.shown = h.shown[:len(h.shown)-n] }

// sent are the commands, and pins the VERIFY commands with a PIN among them.
func (h *holder) sent() (commands []apdu.Command) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, wire := range h.wires {
		wire.mu.Lock()
		commands = append(commands, wire.sent...)
		wire.mu.Unlock()
	}
	return commands
}

func (h *holder) pins() (n int) {
	for _, c := range h.sent() {
		if c.Secret() {
			n++
		}
	}
	return n
}

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
		h := newHolder(t, profile)
		s := h.signer(t, jpki.AllowSHA1())
		assert.Equal(t, s.Certificate().PublicKey, s.Public())
		assert.Empty(t, h.shown, "the certificate needs no PIN")
		for n, hash := range []crypto.Hash{crypto.SHA1, crypto.SHA256, crypto.SHA384, crypto.SHA512} {
			digest := digestOf(hash)
			signature, err := s.Sign(rand.Reader, digest, hash)
			require.NoError(t, err)
			requireSignature(t, s, hash, digest, signature)
			assert.Equal(t, n+1, h.pins())
			assert.False(t, h.card.State().AuthVerified)
		}
		for _, salt := range []int{rsa.PSSSaltLengthEqualsHash, rsa.PSSSaltLengthAuto, 32} {
			digest := digestOf(crypto.SHA256)
			signature, err := s.Sign(rand.Reader, digest, &rsa.PSSOptions{SaltLength: salt, Hash: crypto.SHA256})
			require.NoError(t, err)
			require.NoError(t, rsa.VerifyPSS(s.Public().(*rsa.PublicKey), crypto.SHA256, digest, signature, pssOptions))
		}
		for _, shown := range h.shown {
			assert.Equal(t, 3, shown.Remaining)
		}
	}
}

// One signature on a card with extended lengths: who can be asked, and then
// everything in one transaction that begins with SELECT and leaves. Who issued the
// certificate was found out before.
func TestSignerSendsAsLittleAsItCan(t *testing.T) {
	h := newHolder(t, simulator.ContactExtended)
	s := h.signer(t, jpki.RequireChain(), jpki.WithPinned(h.card.CACertificate()))
	before := len(h.sent())
	_, err := s.Sign(nil, digestOf(crypto.SHA256), crypto.SHA256)
	require.NoError(t, err)
	var instructions []byte
	for _, c := range h.sent()[before:] {
		instructions = append(instructions, c.INS)
	}
	assert.Equal(t, []byte{0xA4, 0x20, 0xB0, 0xA4, 0x20, 0xB0, 0x20, 0x2A, 0xA4}, instructions)
	assert.Len(t, h.wires, 3)
}

// foreign are options of another package's, which say their hash and no more.
type foreign struct{ hash crypto.Hash }

func (f foreign) HashFunc() crypto.Hash { return f.hash }

// Options of any type are asked for their hash, as by package crypto/rsa.
func TestSignerOptionsAreAskedForTheirHash(t *testing.T) {
	h := newHolder(t, simulator.Contact)
	s := h.signer(t)
	for _, hash := range []crypto.Hash{crypto.SHA256, crypto.SHA384, crypto.SHA512} {
		for _, options := range []crypto.SignerOpts{foreign{hash}, &foreign{hash}, struct{ crypto.SignerOpts }{hash}, &ed25519.Options{Hash: hash}} {
			signature, err := s.Sign(rand.Reader, digestOf(hash), options)
			require.NoError(t, err, "%T", options)
			requireSignature(t, s, hash, digestOf(hash), signature)
		}
	}
}

func TestSignerRefusesBeforeAnythingIsSent(t *testing.T) {
	h := newHolder(t, simulator.Contact)
	s := h.signer(t)
	before := len(h.wires)
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
	assert.Len(t, h.wires, before)
	assert.Empty(t, h.shown)
}

// A card is asked for PSS once, and nothing is signed by that; one without it is
// told before anybody types a PIN.
func TestPSSIsAskedOfTheCard(t *testing.T) {
	ctx := context.Background()
	digest := digestOf(crypto.SHA256)
	t.Run("with", func(t *testing.T) {
		h := newHolder(t, simulator.Contact)
		s := h.signer(t)
		for range 2 {
			has, err := s.PSS(ctx)
			require.NoError(t, err)
			assert.True(t, has)
		}
		_, err := s.Sign(nil, digest, pssOptions)
		require.NoError(t, err)
		var asked, signed int
		for _, c := range h.sent() {
			if isSign(c) && len(c.Data()) == 1 {
				asked++
			} else if isSign(c) {
				signed++
			}
		}
		assert.Equal(t, []int{1, 1}, []int{asked, signed})
	})
	t.Run("without", func(t *testing.T) {
		h := newHolder(t, simulator.Contact, simulator.WithoutPSS())
		s := h.signer(t)
		_, err := s.Sign(nil, digest, pssOptions)
		require.ErrorIs(t, err, jpki.ErrNoPSS)
		require.ErrorIs(t, err, errors.ErrUnsupported)
		assert.Empty(t, h.shown)
		has, err := s.PSS(ctx)
		require.NoError(t, err)
		assert.False(t, has)
		signature, err := s.Sign(nil, digest, crypto.SHA256)
		require.NoError(t, err)
		requireSignature(t, s, crypto.SHA256, digest, signature)
	})
	t.Run("a card that asks for the PIN before it says", func(t *testing.T) {
		h := newHolder(t, simulator.Contact, simulator.WithoutPSS())
		s := h.signer(t)
		h.slot.Fail(simulator.Fault{INS: apdu.InsPerformSecurityOperation, Nth: 1, Do: simulator.AnswerStatus(apdu.StatusSecurityNotSatisfied)})
		_, err := s.Sign(nil, digest, pssOptions)
		require.ErrorIs(t, err, jpki.ErrNoPSS)
		assert.Len(t, h.shown, 1)
		_, err = s.Sign(nil, digest, pssOptions)
		require.ErrorIs(t, err, jpki.ErrNoPSS)
		assert.Len(t, h.shown, 1, "not asked again for nothing")
	})
	t.Run("without a card", func(t *testing.T) {
		h := newHolder(t, simulator.Contact)
		s := h.signer(t)
		h.slot.Remove()
		_, err := s.PSS(ctx)
		require.ErrorIs(t, err, reader.ErrNoCard)
		require.NoError(t, h.slot.Insert(h.card))
		has, err := s.PSS(ctx)
		require.NoError(t, err)
		assert.True(t, has)
	})
}

func TestSignerAndTheTriesLeft(t *testing.T) {
	digest := digestOf(crypto.SHA256)
	h := newHolder(t, simulator.Contact)
	h.types = "9999"
	s := h.signer(t)
	for _, left := range []int{2, 1} {
		_, err := s.Sign(nil, digest, crypto.SHA256)
		var wrong *credential.Error
		require.ErrorAs(t, err, &wrong)
		assert.Equal(t, credential.ErrWrong, wrong.Reason)
		assert.Equal(t, left, wrong.Remaining)
		assert.Equal(t, left, h.card.State().AuthTries)
		assert.Equal(t, left+1, h.shown[len(h.shown)-1].Remaining, "as it was when the person was asked")
	}
	_, err := s.Sign(nil, digest, crypto.SHA256)
	require.ErrorIs(t, err, credential.ErrLastAttempt)
	assert.Len(t, h.shown, 2, "nobody is asked in vain")

	allowing := h.signer(t, jpki.AllowLastAttempt())
	_, err = allowing.Sign(nil, digest, crypto.SHA256)
	require.ErrorIs(t, err, credential.ErrLocked)
	assert.Len(t, h.shown, 3)
	_, err = allowing.Sign(nil, digest, crypto.SHA256)
	require.ErrorIs(t, err, credential.ErrLocked)
	assert.Len(t, h.shown, 3)
}

var errNobody = errors.New("nobody there")

// Who can't or does not type a PIN signs nothing, and spends nothing.
func TestSignerWithoutAPIN(t *testing.T) {
	digest := digestOf(crypto.SHA256)
	t.Run("nobody to ask", func(t *testing.T) {
		h := newHolder(t, simulator.Contact)
		s, err := jpki.NewSigner(context.Background(), h.connect, "Reader", nil)
		require.NoError(t, err)
		before := len(h.wires)
		_, err = s.Sign(nil, digest, crypto.SHA256)
		require.ErrorIs(t, err, jpki.ErrPINRequired)
		assert.Len(t, h.wires, before)
	})
	t.Run("nobody answers", func(t *testing.T) {
		h := newHolder(t, simulator.Contact)
		s := h.signer(t)
		h.typing = func(context.Context) error { return errNobody }
		_, err := s.Sign(nil, digest, crypto.SHA256)
		require.ErrorIs(t, err, errNobody)
		h.spared(1)
	})
	t.Run("a used PIN", func(t *testing.T) {
		h := newHolder(t, simulator.Contact)
		used := pin(t, simulator.PIN)
		used.Wipe()
		s, err := jpki.NewSigner(context.Background(), h.connect, "Reader", func(context.Context, jpki.Readiness) (jpki.PIN, error) { return used, nil })
		require.NoError(t, err)
		_, err = s.Sign(nil, digest, crypto.SHA256)
		require.ErrorIs(t, err, credential.ErrUsed)
	})
	t.Run("given up meanwhile", func(t *testing.T) {
		h := newHolder(t, simulator.Contact)
		s := h.signer(t)
		ctx, cancel := context.WithCancel(context.Background())
		h.typing = func(context.Context) error { cancel(); return nil } // and types all the same
		_, err := s.SignContext(ctx, digest, crypto.SHA256)
		require.ErrorIs(t, err, context.Canceled)
		h.spared(1)
		_, err = jpki.Authenticate(context.Background(), h.desk.connect(t), h.typed)
		require.ErrorIs(t, err, credential.ErrUsed, "it is forgotten")
	})
	t.Run("closed meanwhile", func(t *testing.T) {
		h := newHolder(t, simulator.Contact)
		s := h.signer(t)
		asked := make(chan struct{})
		h.typing = func(ctx context.Context) error {
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
		h.spared(1)
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
	other, err := simulator.NewCard(simulator.Contact, simulator.WithInsecureSeed("another holder"))
	require.NoError(t, err)
	swap := func(h *holder, card *simulator.Card) {
		h.slot.Remove()
		require.NoError(t, h.slot.Insert(card))
	}
	h := newHolder(t, simulator.Contact)
	s := h.signer(t)

	swap(h, other)
	_, err = s.Sign(nil, digest, crypto.SHA256)
	require.ErrorIs(t, err, credential.ErrOtherCard)
	assert.Empty(t, h.shown, "nobody is asked")

	swap(h, h.card)
	h.typing = func(context.Context) error { swap(h, other); return nil }
	_, err = s.Sign(nil, digest, crypto.SHA256)
	require.ErrorIs(t, err, credential.ErrOtherCard)
	h.spared(1)

	swap(h, h.card)
	h.typing = func(context.Context) error { // taken out, and put in again
		swap(h, h.card)
		return nil
	}
	signature, err := s.Sign(nil, digest, crypto.SHA256)
	require.NoError(t, err)
	requireSignature(t, s, crypto.SHA256, digest, signature)

	h.typing = func(context.Context) error { h.slot.Remove(); return nil }
	_, err = s.Sign(nil, digest, crypto.SHA256)
	require.ErrorIs(t, err, reader.ErrNoCard)
	h.spared(1)
	h.typing = nil
	_, err = s.Sign(nil, digest, crypto.SHA256)
	require.ErrorIs(t, err, reader.ErrNoCard)
	require.NoError(t, h.slot.Insert(h.card))
	_, err = s.Sign(nil, digest, crypto.SHA256)
	require.NoError(t, err)

	h.typing = func(context.Context) error { // another program spends a try
		_, err := jpki.Authenticate(context.Background(), h.desk.connect(t), pin(t, "0000"))
		require.ErrorIs(t, err, credential.ErrWrong)
		return nil
	}
	_, err = s.Sign(nil, digest, crypto.SHA256)
	require.ErrorIs(t, err, credential.ErrAttemptsChanged)
	h.spared(1)
	assert.Equal(t, 3, other.State().AuthTries)
}

// What a card answers instead of the signature is never returned.
//
// Faults: F57.
func TestSignerVerifiesWhatTheCardAnswers(t *testing.T) {
	digest := digestOf(crypto.SHA256)
	earlier, err := rsa.SignPKCS1v15(nil, forger(), crypto.SHA256, digest)
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
			h := newHolder(t, simulator.Contact)
			s := h.signer(t)
			_, err := s.PSS(context.Background())
			require.NoError(t, err)
			h.slot.Fail(simulator.Fault{INS: apdu.InsPerformSecurityOperation, Do: action})
			signature, err := s.Sign(nil, digest, options)
			if name == "no such scheme" && options == pssOptions {
				require.ErrorIs(t, err, jpki.ErrNoPSS)
			} else {
				require.ErrorIs(t, err, jpki.ErrNoPossession, name)
			}
			assert.Nil(t, signature, name)
			assert.Equal(t, 1, h.pins())
		}
	}
}

// A PKCS #1 signature is no PSS signature of the same digest, and a signature of
// before is none of another digest.
func TestSignaturesAreNotExchanged(t *testing.T) {
	h := newHolder(t, simulator.Contact)
	s := h.signer(t)
	old, err := s.Sign(nil, digestOf(crypto.SHA256), crypto.SHA256)
	require.NoError(t, err)
	other := sha256.Sum256([]byte("something else"))
	_, err = s.PSS(context.Background())
	require.NoError(t, err)
	h.slot.Fail(simulator.Fault{INS: apdu.InsPerformSecurityOperation, Do: simulator.Answer(append(old, 0x90, 0x00))})
	_, err = s.Sign(nil, other[:], crypto.SHA256)
	require.ErrorIs(t, err, jpki.ErrNoPossession)
	_, err = s.Sign(nil, digestOf(crypto.SHA256), pssOptions)
	require.ErrorIs(t, err, jpki.ErrNoPossession)
}

// Goroutines that share a signer each get their own signature, for a PIN each.
func TestSignerIsShared(t *testing.T) {
	h := newHolder(t, simulator.Contact)
	s := h.signer(t)
	var asking, most atomic.Int32
	h.typing = func(context.Context) error {
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
	assert.Equal(t, 8, h.pins())
	assert.EqualValues(t, 1, most.Load(), "people are asked one after the other")
}

// Whoever waits for a signature of others gives up when its ctx ends.
func TestSignersWaitCanBeEnded(t *testing.T) {
	h := newHolder(t, simulator.Contact)
	s := h.signer(t)
	asked, typed := make(chan struct{}), make(chan struct{})
	h.typing = func(context.Context) error { close(asked); <-typed; return nil }
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
	h := newHolder(t, simulator.Android)
	s := h.signer(t)
	assert.Len(t, h.shown, 1)
	digest := digestOf(crypto.SHA256)
	signature, err := s.Sign(nil, digest, crypto.SHA256)
	require.NoError(t, err)
	requireSignature(t, s, crypto.SHA256, digest, signature)

	other, err := simulator.NewCard(simulator.Android, simulator.WithInsecureSeed("another holder"))
	require.NoError(t, err)
	h.slot.Remove()
	require.NoError(t, h.slot.Insert(other))
	_, err = s.Sign(nil, digest, crypto.SHA256)
	require.ErrorIs(t, err, credential.ErrOtherCard)
	assert.False(t, other.State().AuthVerified)
	for _, c := range h.wires[len(h.wires)-1].sent {
		assert.False(t, isSign(c))
	}

	h.typing = func(context.Context) error { return errNobody }
	_, err = jpki.NewSigner(context.Background(), h.connect, "Reader", h.ask)
	require.ErrorIs(t, err, errNobody)
	h.spared(1)
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
		h := newHolder(t, tt.profile)
		s, err := jpki.NewSigner(ctx, h.connect, "Reader", h.ask, tt.options...)
		require.ErrorIs(t, err, tt.err, name)
		assert.Equal(t, tt.err != nil, s == nil, name)
		assert.Empty(t, h.shown, name)
	}
}

// The key of a card to come is no RSA key.
func TestSignersKey(t *testing.T) {
	h := newHolder(t, simulator.Contact)
	d := &desk{tap: &tap{}}
	ec, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	require.NoError(t, err)
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().AddDate(1, 0, 0), KeyUsage: x509.KeyUsageDigitalSignature,
	}, &x509.Certificate{}, ec.Public(), ec)
	require.NoError(t, err)
	serve(d, der)
	_, err = jpki.NewSigner(context.Background(), func(ctx context.Context, _ string) (jpki.Connection, error) {
		card, err := h.driver.Connect(ctx, "Reader")
		return &tap{Card: card, after: d.tap.after}, err
	}, "Reader", h.ask)
	require.ErrorIs(t, err, trust.ErrUnsupportedKey)
	require.ErrorIs(t, err, errors.ErrUnsupported)
}

// x509 takes a Signer for what it is.
func TestSignerMakesACertificateRequest(t *testing.T) {
	h := newHolder(t, simulator.Contact)
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, h.signer(t))
	require.NoError(t, err)
	request, err := x509.ParseCertificateRequest(der)
	require.NoError(t, err)
	require.NoError(t, request.CheckSignature())
}
