package jpki

import (
	"crypto/rand"
	"io"
	"time"

	"github.com/mykeykit/mykeykit/apdu"
)

// Option changes how the functions of this package work; each says which
// options mean something to it.
type Option func(*config)

type config struct {
	channel      []apdu.Option
	allowLastTry bool
	shown        *Readiness // what a person was told; nil: nobody was told
	allowExpired bool
	trust        *trust // nil: who issued the certificate is not asked
	now          func() time.Time
	random       io.Reader
	idle         time.Duration // for which a signer keeps the card verified
	limit        time.Duration // for which it does so at most
	report       func(error)   // told of a card that may still be unlocked
	sha1         bool          // a signer signs SHA-1
}

// WithChannel passes options on to the apdu.Channel. Unless told otherwise a
// channel uses extended lengths where the card's ATR declares them.
func WithChannel(options ...apdu.Option) Option {
	return func(c *config) { c.channel = append(c.channel, options...) }
}

// AllowLastTry lets the last try be spent. A wrong PIN then locks the card.
func AllowLastTry() Option { return func(c *config) { c.allowLastTry = true } }

// ForCard says what [Application.Ready] found before a person typed the PIN, which
// is for that card. If it is another card now, or if another program has used
// it so that it says another number of tries, the PIN is not sent:
// [ErrOtherCard], [ErrTriesChanged]. Cards that show no certificate before the
// PIN, as phones, are told apart by their tries only.
func ForCard(shown Readiness) Option { return func(c *config) { c.shown = &shown } }

// AllowExpired accepts a certificate that has expired.
func AllowExpired() Option { return func(c *config) { c.allowExpired = true } }

// WithClock sets the time by which a certificate's validity is judged. The
// default is time.Now.
func WithClock(now func() time.Time) Option { return func(c *config) { c.now = now } }

// WithRandom sets the source of challenges. The default is crypto/rand.
func WithRandom(r io.Reader) Option { return func(c *config) { c.random = r } }

// DefaultKeepLimit is how long one PIN is enough for, however often the key is
// used: see [KeepAtMost].
const DefaultKeepLimit = 10 * time.Minute

// KeepVerified has a [Signer] ask for one PIN for all signatures of which each
// follows the last within idle. The PIN is not kept: the card stays verified, in a
// transaction of the Signer's, so that no other program can use it meanwhile; it is
// left when idle has passed, when [KeepAtMost] ends it, after any failure, and by
// [Signer.Close]. The default, 0, is a PIN for each signature.
//
// Windows ends a transaction in which nothing happens for 5 seconds, and with it
// what is kept: the next signature asks for the PIN.
func KeepVerified(idle time.Duration) Option { return func(c *config) { c.idle = idle } }

// KeepAtMost limits how long [KeepVerified] keeps the card verified after a PIN, even
// while signatures follow each other. The default is [DefaultKeepLimit]. With 0 or
// less, each signature needs a PIN.
func KeepAtMost(limit time.Duration) Option { return func(c *config) { c.limit = limit } }

// ReportStillVerified has a [Signer] with [KeepVerified] call report with the error, which
// matches [ErrStillVerified], if the card can't be logged out when the time has passed:
// there is no signature then whose error it could be. It is called on a goroutine of
// the Signer's.
func ReportStillVerified(report func(error)) Option { return func(c *config) { c.report = report } }

// AllowSHA1 has a [Signer] sign SHA-1 too, whose collisions can be made: only for a
// protocol that knows nothing better.
func AllowSHA1() Option { return func(c *config) { c.sha1 = true } }

func newConfig(options []Option) config {
	c := config{now: time.Now, random: rand.Reader, limit: DefaultKeepLimit}
	for _, option := range options {
		option(&c)
	}
	return c
}
