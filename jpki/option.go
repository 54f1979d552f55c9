package jpki

import (
	"crypto/rand"
	"crypto/x509"
	"io"
	"slices"
	"time"

	"github.com/mykeykit/mykeykit/apdu"
	"github.com/mykeykit/mykeykit/jpki/trust"
)

// Option is accepted by every function of this package that takes options.
type Option interface {
	CardOption
	SignerOption
}

// CardOption is accepted by every function that takes options, except [NewSigner] and
// [NewSignatureSigner].
type CardOption interface{ applyToCard(*config) }

// SignerOption is accepted by [NewSigner] and [NewSignatureSigner].
type SignerOption interface{ applyToSigner(*config) }

type (
	option       func(*config)
	cardOption   func(*config)
	signerOption func(*config)
)

func (o option) applyToCard(c *config)         { o(c) }
func (o option) applyToSigner(c *config)       { o(c) }
func (o cardOption) applyToCard(c *config)     { o(c) }
func (o signerOption) applyToSigner(c *config) { o(c) }

type config struct {
	channel          []apdu.Option
	shortLengths     bool // the reader broke the connection at a probe for extended lengths
	allowLastAttempt bool
	shown            *Readiness // what the holder was shown; nil: nothing
	allowExpired     bool
	trust            *trust.Policy // nil: the issuer is not checked
	withCA           bool          // read the card's CA certificate, for evidence
	now              func() time.Time
	random           io.Reader
	signer           signerConfig
}

type signerConfig struct {
	idle   time.Duration // for which the card stays unlocked after a signature
	limit  time.Duration // for which it stays unlocked at most
	report func(error)   // called if the card may still be unlocked
	sha1   bool
}

func newConfig(options []CardOption) config {
	c := defaults()
	for _, o := range options {
		o.applyToCard(&c)
	}
	return c
}

func newSignerConfig(options []SignerOption) config {
	c := defaults()
	for _, o := range options {
		o.applyToSigner(&c)
	}
	return c
}

func defaults() config {
	return config{now: time.Now, random: rand.Reader, signer: signerConfig{limit: DefaultKeepLimit}}
}

// WithChannel adds options for the apdu.Channel. They override [apdu.WithATR], which is set with
// the card's ATR. For a reader that breaks the connection at a probe for extended lengths, pass
// [apdu.WithShortLengths].
func WithChannel(options ...apdu.Option) Option {
	return option(func(c *config) { c.channel = append(c.channel, options...) })
}

// AllowLastAttempt allows using the last attempt. A wrong entry then locks the PIN or
// password.
func AllowLastAttempt() Option { return option(func(c *config) { c.allowLastAttempt = true }) }

// AllowExpired accepts a certificate that has expired.
func AllowExpired() Option { return option(func(c *config) { c.allowExpired = true }) }

// WithClock sets the clock for validity periods. The default is time.Now.
func WithClock(now func() time.Time) Option { return option(func(c *config) { c.now = now }) }

// WithChain finds out who issued the authentication certificate: J-LIS, whose CA certificates are
// known by their fingerprints (see [trust.JLIS]), or one of cas. The result is
// [proof.Holder.Issuer]. An unknown issuer is not an error. If the CA certificate is expired or not
// yet valid, the error is [trust.ErrIssuerExpired].
//
// A CA certificate's own restrictions are honored: see [trust.CheckCACertificate]. If it
// lists certificate policies without anyPolicy, the card's certificate must have
// one of them.
//
// If none of cas issued the certificate, and J-LIS may have issued it, the CA certificate on the
// card is read too. On cards whose certificate can be read without the PIN, this happens before the
// PIN is sent. Revocation is not checked for either certificate.
func WithChain(cas ...*x509.Certificate) Option {
	return option(func(c *config) {
		p := c.policy()
		p.CAs = append(p.CAs, cas...)
	})
}

// RequireChain is like [WithChain] but rejects an unknown issuer and the simulator's CA with
// [trust.ErrUnknownIssuer]. If the certificate can be read without the PIN, they are
// rejected before the PIN is sent.
func RequireChain(cas ...*x509.Certificate) Option {
	return option(func(c *config) {
		p := c.policy()
		p.CAs, p.Required = append(p.CAs, cas...), true
	})
}

// TrustSimulator accepts the CA of simulated cards as [trust.IssuerSimulator], for tests.
// Anybody may have its key.
func TrustSimulator(ca *x509.Certificate) Option {
	return option(func(c *config) {
		p := c.policy()
		p.SimulatorCAs = append(p.SimulatorCAs, ca)
	})
}

// channelOptions are those for the apdu.Channel.
func (c config) channelOptions() []apdu.Option {
	if c.shortLengths {
		return append(slices.Clip(c.channel), apdu.WithShortLengths())
	}
	return c.channel
}

func (c *config) policy() *trust.Policy {
	if c.trust == nil {
		c.trust = &trust.Policy{Anchors: trust.JLIS()}
	}
	return c.trust
}

// ForCard binds a PIN to the card that [Application.Ready] found before the holder typed it. If a
// different card is in the reader, or the attempts left have changed, the PIN is not sent, and the
// error is [credential.ErrOtherCard] or [credential.ErrAttemptsChanged]. Phones, whose certificate
// can't be read before the PIN is verified, are told apart by the attempts left only.
func ForCard(shown Readiness) CardOption { return cardOption(func(c *config) { c.bind(shown) }) }

func (c *config) bind(shown Readiness) {
	c.shown, c.shortLengths = &shown, c.shortLengths || shown.shortLengths
}

// WithRandom sets the source of the random bytes in the challenges of [Authenticate] and
// [AuthenticateWith]. The default is crypto/rand.
func WithRandom(r io.Reader) CardOption { return cardOption(func(c *config) { c.random = r }) }

// DefaultKeepLimit is the default of [KeepUnlockedAtMost].
const DefaultKeepLimit = 10 * time.Minute

// KeepUnlocked has a [Signer] ask for the PIN once for a series of signatures in which
// each follows the previous one within idle. The PIN is not kept: the card stays unlocked,
// in a transaction of the Signer, so that no other program can use it. The
// card is logged out when idle has passed, when [KeepUnlockedAtMost] ends the series, after any
// failure, and by [Signer.Close]. The default, 0, asks for the PIN for each signature.
//
// Windows resets the card if a transaction is idle for 5 seconds, which ends the
// transaction: the next signature then asks for the PIN.
func KeepUnlocked(idle time.Duration) SignerOption {
	return signerOption(func(c *config) { c.signer.idle = idle })
}

// KeepUnlockedAtMost limits how long [KeepUnlocked] keeps the card unlocked after the PIN has been
// entered, even while signatures follow each other. The default is [DefaultKeepLimit]. With 0 or
// less, each signature needs a PIN.
func KeepUnlockedAtMost(limit time.Duration) SignerOption {
	return signerOption(func(c *config) { c.signer.limit = limit })
}

// ReportStillUnlocked sets a function for an error that no call can return: if a [Signer] with
// [KeepUnlocked] can't log the card out at the end of a series, while no call is in progress,
// it calls report with an error that matches [ErrStillUnlocked]. report is called on a
// goroutine of the Signer.
func ReportStillUnlocked(report func(error)) SignerOption {
	return signerOption(func(c *config) { c.signer.report = report })
}

// AllowSHA1 lets a [Signer] sign SHA-1 digests too. SHA-1 is not collision resistant. It is for
// protocols that offer nothing better.
func AllowSHA1() SignerOption { return signerOption(func(c *config) { c.signer.sha1 = true }) }
