package simulator

import (
	"bytes"
	"crypto/rand"
	"crypto/x509"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/mykeykit/mykeykit/apdu"
)

// Card is a simulated card: bytes in, bytes out.
type Card struct {
	traits traits
	atr    []byte
	random io.Reader
	noPSS  bool

	refusesFirst bool // the first command after power-up

	mu      sync.Mutex
	powered bool
	cold    bool // was powered on, and refuses the next command
	apps    []*application
	app     *application // the current application
	file    *file        // the current elementary file
	auth    *secret      // nil on cards without JPKI
	signing *secret

	caCertificate *x509.Certificate // that issued the authentication certificate; nil on cards without JPKI
}

// Option changes how [NewCard] makes a card.
type Option func(*settings)

type settings struct {
	keys         keySource
	certificates certificateSource
	now          func() time.Time
	random       io.Reader
	blocked      apdu.Status
	noPSS        bool
	refusesFirst bool
	size         int
}

// WithInsecureSeed makes the keys follow from seed, the same in every run, and
// with [WithClock] the certificates too. Whoever knows the seed has the private
// keys: for tests only.
func WithInsecureSeed(seed string) Option {
	return func(s *settings) { s.keys, s.certificates = seededKeys(seed), seededCertificates(seed) }
}

// WithClock sets the time from which the certificates' validity is counted.
// The default is time.Now.
func WithClock(now func() time.Time) Option { return func(s *settings) { s.now = now } }

// WithBlockedStatus sets what a blocked secret answers to a PIN or password:
// 6984, which was measured in another application of the card and is the
// default, or 6983, which some programs expect.
func WithBlockedStatus(s apdu.Status) Option { return func(c *settings) { c.blocked = s } }

// WithoutPSS makes a card that has no schemes with PSS: 04 and 05 in P1 of PERFORM
// SECURITY OPERATION are refused as unknown ones are. That there are such cards is
// assumed; one kind of test card has the schemes. [Announced2028] has none anyway.
func WithoutPSS() Option { return func(s *settings) { s.noPSS = true } }

// WithFirstCommandRefused makes a card that answers 6F00 to the first command after
// power-up, whatever it is, as was seen of test cards. It is not the default: most
// published programs begin with SELECT of an application and report no such answer.
func WithFirstCommandRefused() Option { return func(s *settings) { s.refusesFirst = true } }

// WithCertificateSize makes the authentication certificate this long, in bytes of
// DER, for measurements: real ones have 1500 to 1700. Without it, it has about 1580, or
// 1250 on [Announced2028]; NewCard fails if it is to be shorter.
func WithCertificateSize(bytes int) Option { return func(s *settings) { s.size = bytes } }

// WithRandom sets the source of GET CHALLENGE. The default is crypto/rand.
func WithRandom(r io.Reader) Option { return func(s *settings) { s.random = r } }

// NewCard makes a card. It returns an error for an unknown profile.
// It takes about as long as generating two keys of the card's kind.
func NewCard(profile Profile, options ...Option) (*Card, error) {
	traits, ok := traitsOf(profile)
	if !ok {
		return nil, fmt.Errorf("no simulated card called %q", string(profile))
	}
	s := settings{keys: randomKeys, certificates: newCertificates, now: time.Now, random: rand.Reader, blocked: apdu.StatusReferenceDataUnusable}
	for _, option := range options {
		option(&s)
	}
	c := &Card{traits: traits, atr: mustHex(traits.atr), random: s.random, noPSS: s.noPSS, refusesFirst: s.refusesFirst}
	c.apps = c.otherApplications(s)
	if traits.noJPKI {
		return c, nil
	}
	jpki, err := c.newJPKI(s)
	if err != nil {
		return nil, fmt.Errorf("simulated card: %w", err)
	}
	c.apps = append(c.apps, jpki)
	return c, nil
}

// ATR is the card's answer to reset.
func (c *Card) ATR() []byte { return bytes.Clone(c.atr) }

// CACertificate returns the CA certificate that the card's authentication
// certificate was issued under, or nil for a card without the JPKI application.
// A test that trusts simulated cards trusts this certificate.
func (c *Card) CACertificate() *x509.Certificate { return c.caCertificate }

// PowerOn starts the card, or starts it again (a cold reset): no application
// is selected and no secret is verified.
func (c *Card) PowerOn() { c.power(true) }

// PowerOff stops the card: it forgets what PowerOn makes it forget, and
// answers nothing.
func (c *Card) PowerOff() { c.power(false) }

func (c *Card) power(on bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.powered, c.cold = on, on && c.refusesFirst
	c.app, c.file = nil, nil
	for _, app := range c.apps {
		app.forget()
	}
}

// Reset is a warm reset. Verified secrets stay verified (observed on test
// cards; not in a public specification), and no application is current
// (assumed).
func (c *Card) Reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.app, c.file = nil, nil
}

// State is what a test may want to know of a card.
type State struct {
	Powered                         bool
	AuthTries, SignatureTries       int
	AuthVerified, SignatureVerified bool
}

// State returns the card's state as it is now.
func (c *Card) State() State {
	c.mu.Lock()
	defer c.mu.Unlock()
	state := State{Powered: c.powered}
	if c.auth != nil {
		state.AuthTries, state.AuthVerified = c.auth.left, c.auth.verified
		state.SignatureTries, state.SignatureVerified = c.signing.left, c.signing.verified
	}
	return state
}

// Exchange answers one command APDU. A card without power answers nothing.
func (c *Card) Exchange(command []byte) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.powered {
		return nil
	}
	response, err := c.answer(command).AppendBinary(nil)
	if err != nil { // no handler makes more than 65536 bytes
		response, _ = status(apdu.StatusNoDiagnosis).AppendBinary(nil)
	}
	return response
}

// Instructions of the card that package apdu has no use for.
const (
	insInternalAuthenticate = 0x88
	insSetPublicICKey       = 0xA2
	insSetSessionKey        = 0xAE
	insReadRecord           = 0xB2
)

func status(s apdu.Status) apdu.Response { return apdu.Response{Status: s} }

func data(b []byte) apdu.Response { return apdu.NewResponse(b, apdu.StatusOK) }

// answer finds who handles the command.
func (c *Card) answer(command []byte) apdu.Response {
	if c.cold {
		c.cold = false
		return status(apdu.StatusNoDiagnosis)
	}
	cmd, err := apdu.ParseCommand(command)
	if err != nil || cmd.Extended && !c.traits.extended {
		return status(apdu.StatusWrongLength)
	}
	switch {
	case cmd.CLA&0x80 == 0 && cmd.CLA&0x43 != 0: // a logical channel other than the first
		return status(apdu.StatusLogicalChannel)
	case cmd.CLA&0x80 == 0 && cmd.CLA&0x0C != 0: // secure messaging; assumed
		if cmd.INS == apdu.InsSelect {
			return status(apdu.StatusSecureMessaging)
		}
		return status(0x69FC)
	}
	switch uint16(cmd.CLA)<<8 | uint16(cmd.INS) {
	case 0x0000 | apdu.InsSelect:
		return c.selectFile(cmd)
	case 0x0000 | apdu.InsReadBinary:
		return c.readBinary(cmd)
	case 0x0000 | apdu.InsVerify:
		return c.verify(cmd)
	case 0x0000 | apdu.InsChangeReferenceData:
		return c.changeReferenceData(cmd)
	case 0x0000 | apdu.InsGetChallenge:
		return c.getChallenge(cmd)
	case 0x0000 | apdu.InsGetData:
		return c.getData(cmd)
	case 0x0000 | insReadRecord:
		return c.readRecord(cmd)
	case 0x0000 | insInternalAuthenticate:
		return c.internalAuthenticate(cmd)
	case 0x8000 | apdu.InsPerformSecurityOperation:
		return c.sign(cmd)
	case 0x8000 | insSetSessionKey:
		return c.setSessionKey()
	case 0x8000 | insSetPublicICKey:
		return status(apdu.StatusIncorrectP1P2) // whatever P1 and P2 are
	case 0x80FC: // an iPhone is told so that it may close its sheet
		if c.traits.lastCommand {
			return status(apdu.StatusOK)
		}
		return status(apdu.StatusWrongLength)
	}
	if cmd.CLA != 0x00 && cmd.CLA != 0x80 {
		return status(apdu.StatusClassNotSupported) // assumed
	}
	return status(apdu.StatusInstructionNotSupported)
}

// getChallenge gives 1 to 256 random bytes; with an extended length it refuses
// (observed; not in a public specification).
func (c *Card) getChallenge(cmd apdu.Command) apdu.Response {
	switch {
	case cmd.Extended:
		return status(apdu.StatusConditionsNotSatisfied)
	case cmd.P1 != 0 || cmd.P2 != 0:
		return status(apdu.StatusIncorrectP1P2)
	case len(cmd.Data()) > 0 || cmd.Ne == 0:
		return status(apdu.StatusWrongLength)
	}
	challenge := make([]byte, cmd.Ne)
	if _, err := io.ReadFull(c.random, challenge); err != nil {
		return status(apdu.StatusNoDiagnosis)
	}
	return data(challenge)
}

// application finds the first application whose name starts with aid or, asked
// for the next occurrence, the first one after the current.
func (c *Card) application(aid []byte, next bool) *application {
	apps := c.apps
	if next {
		apps = apps[slices.Index(apps, c.app)+1:]
	}
	for _, app := range apps {
		if bytes.HasPrefix(app.aid, aid) {
			return app
		}
	}
	return nil
}
