package simulator

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/mykeykit/mykeykit/apdu"
)

// Card is a simulated card. It answers command APDUs with response APDUs.
type Card struct {
	traits traits
	atr    []byte
	random io.Reader
	noPSS  bool

	rejectsFirst bool // the first command after power-up

	mu      sync.Mutex
	powered bool
	cold    bool // was powered on, and rejects the next command
	apps    []*application
	app     *application // the current application
	file    *file        // the current elementary file
	auth    *secret      // nil on cards without JPKI
	signing *secret

	authority func(id string) (crypto.Signer, error) // signs CV certificates; nil on cards without them

	caCertificate *x509.Certificate          // of the issuer of the authentication certificate; nil on cards without JPKI
	signature     func() (credential, error) // nil on cards without one
}

// Option changes the card that [NewCard] creates.
type Option func(*settings)

type settings struct {
	keys         keySource
	certificates certificateSource
	now          func() time.Time
	random       io.Reader
	blocked      apdu.Status
	noPSS        bool
	rejectsFirst bool
	size         int
	persona      Persona
}

// WithInsecureSeed derives the keys from seed, so that they are the same in every run.
// With [WithClock] the certificates are the same too. Anyone who knows the seed can
// derive the private keys. Use it in tests only.
func WithInsecureSeed(seed string) Option {
	return func(s *settings) { s.keys, s.certificates = seededKeys(seed), seededCertificates(seed) }
}

// WithClock sets the clock that determines the validity of the certificates. The
// default is time.Now.
func WithClock(now func() time.Time) Option { return func(s *settings) { s.now = now } }

// WithLockedStatus sets the card's answer to a PIN or password that is locked. The default
// is 6984, which another application of the card was observed to answer. Some programs
// expect 6983.
func WithLockedStatus(s apdu.Status) Option { return func(c *settings) { c.blocked = s } }

// WithoutPSS removes the signature schemes with PSS: the card rejects 04 and 05 in P1 of PERFORM
// SECURITY OPERATION like any unknown scheme. Such cards are assumed to exist; one kind of test
// card has PSS. The option has no effect on [Announced2028], which has no RSA keys.
func WithoutPSS() Option { return func(s *settings) { s.noPSS = true } }

// WithFirstCommandRejected makes the card answer 6F00 to the first command after
// power-up, whatever it is. Test cards were observed to do so. It is not the default:
// most published programs start with SELECT of an application and report no such answer.
func WithFirstCommandRejected() Option { return func(s *settings) { s.rejectsFirst = true } }

// WithCertificateSize sets the length of the authentication certificate, in bytes of DER,
// for measurements. Real certificates are 1500 to 1700 bytes long. The default is about
// 1580, or 1250 on [Announced2028]. NewCard returns an error for a shorter length.
func WithCertificateSize(bytes int) Option { return func(s *settings) { s.size = bytes } }

// WithRandom sets the source of the challenges that GET CHALLENGE returns. The default
// is crypto/rand.
func WithRandom(r io.Reader) Option { return func(s *settings) { s.random = r } }

// NewCard returns a new card without power. It returns an error for an unknown profile
// and for a certificate size that is too small. Without [WithInsecureSeed], NewCard
// generates two keys.
func NewCard(profile Profile, options ...Option) (*Card, error) {
	traits, ok := traitsOf(profile)
	if !ok {
		return nil, fmt.Errorf("unknown profile of a simulated card: %q", string(profile))
	}
	s := settings{keys: randomKeys, certificates: newCertificates, now: time.Now, random: rand.Reader, blocked: apdu.StatusReferenceDataUnusable, persona: DefaultPersona()}
	for _, option := range options {
		option(&s)
	}
	if err := s.persona.check(); err != nil {
		return nil, err
	}
	c := &Card{traits: traits, atr: mustHex(traits.atr), random: s.random, noPSS: s.noPSS, rejectsFirst: s.rejectsFirst}
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

// ATR returns the card's answer to reset.
func (c *Card) ATR() []byte { return bytes.Clone(c.atr) }

// CACertificate returns the certificate of the CA that issued the card's authentication
// certificate, or nil for a card without the JPKI application. A test that has to trust
// the card uses it as trust anchor.
func (c *Card) CACertificate() *x509.Certificate { return c.caCertificate }

// SignatureCACertificate is like [Card.CACertificate], for the signature certificate. The card
// creates that certificate at its first use, which may be this call.
func (c *Card) SignatureCACertificate() (*x509.Certificate, error) {
	if c.signature == nil {
		return nil, nil
	}
	signature, err := c.signature()
	return signature.issuer, err
}

// PowerOn powers the card on. If it has power already, PowerOn is a cold reset.
// Afterwards no application is selected and the card is logged out.
func (c *Card) PowerOn() { c.power(true) }

// PowerOff cuts the card's power, which logs it out. Until PowerOn it answers nothing.
func (c *Card) PowerOff() { c.power(false) }

func (c *Card) power(on bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.powered, c.cold = on, on && c.rejectsFirst
	c.app, c.file = nil, nil
	for _, app := range c.apps {
		app.logOut()
	}
}

// Reset performs a warm reset. Verified secrets stay verified (observed on test cards;
// not in a public specification), and no application is selected (assumed).
func (c *Card) Reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.app, c.file = nil, nil
}

// State is the state of a card that a test may want to check.
type State struct {
	Powered bool
	// AuthAttempts and SignatureAttempts are the attempts left for the PIN and the password.
	AuthAttempts, SignatureAttempts int
	// AuthVerified and SignatureVerified report whether the PIN and the password are
	// verified. The card is unlocked if one of them is.
	AuthVerified, SignatureVerified bool
	// Unlocked reports whether any secret of any application is verified.
	Unlocked bool
}

// State returns the current state of the card.
func (c *Card) State() State {
	c.mu.Lock()
	defer c.mu.Unlock()
	state := State{Powered: c.powered}
	for _, app := range c.apps {
		state.Unlocked = state.Unlocked || app.unlocked()
	}
	if c.auth != nil {
		state.AuthAttempts, state.AuthVerified = c.auth.left, c.auth.verified
		state.SignatureAttempts, state.SignatureVerified = c.signing.left, c.signing.verified
	}
	return state
}

// Exchange executes one command APDU and returns the response APDU. A card without power
// returns nil.
func (c *Card) Exchange(command []byte) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.powered {
		return nil
	}
	response, err := c.answer(command).AppendBinary(nil)
	if err != nil { // can't happen: no handler returns more than 65536 bytes
		response, _ = status(apdu.StatusNoDiagnosis).AppendBinary(nil)
	}
	return response
}

// Instructions of the card that package apdu does not define.
const (
	insInternalAuthenticate = 0x88
	insSetPublicICKey       = 0xA2
	insSetSessionKey        = 0xAE
	insReadRecord           = 0xB2
)

func status(s apdu.Status) apdu.Response { return apdu.Response{Status: s} }

func data(b []byte) apdu.Response { return apdu.NewResponse(b, apdu.StatusOK) }

// answer dispatches the command to its handler. The handlers are in these files:
//
//	SELECT, READ BINARY                                   file.go
//	VERIFY, CHANGE REFERENCE DATA                         secret.go
//	PERFORM SECURITY OPERATION                            sign.go
//	GET CHALLENGE                                         card.go
//	GET DATA, INTERNAL AUTHENTICATE, SET SESSION KEY,
//	READ RECORD (which other applications have)           others.go
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
		return status(apdu.StatusLogicalChannelNotSupported)
	case cmd.CLA&0x80 == 0 && cmd.CLA&0x0C != 0: // secure messaging; assumed
		if cmd.INS == apdu.InsSelect {
			return status(apdu.StatusSecureMessagingNotSupported)
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
	case 0x80FC: // tells an iPhone that this was the last command
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

// getChallenge returns 1 to 256 random bytes. It rejects extended lengths (observed; not
// in a public specification).
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

// application returns the first application whose name starts with aid. If next is set,
// it searches after the current application.
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
