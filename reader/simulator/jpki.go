package simulator

import (
	"bytes"
	"crypto/rsa"
	"encoding/binary"
	"slices"
	"sync"

	"github.com/mykeykit/mykeykit/apdu"
)

// The JPKI application and its elementary files.
var aidJPKI = mustHex("D392F000260100000001")

const (
	efSignatureCertificate      = 0x0001
	efSignatureCA               = 0x0002
	efTokenInformation          = 0x0006
	efAvailability              = 0x0008
	efProtected                 = 0x0009
	efAuthCertificate           = 0x000A
	efAuthCA                    = 0x000B
	efUnknown10                 = 0x0010 // purpose unknown
	efTerminalCA                = 0x0016
	efAuthKey                   = 0x0017
	efAuthPIN                   = 0x0018
	efSignatureKey              = 0x001A
	efSignaturePassword         = 0x001B
	efInternal                  = 0x001E
	certificateFileSize         = 2048 // assumed; the rest of a file is filler
	filler                 byte = 0xFF
)

// newJPKI makes the application with its keys and certificates. What belongs
// to signatures is made when it is first used, for it takes time and few ask.
func (c *Card) newJPKI(s settings) (*application, error) {
	c.auth = &secret{value: []byte(PIN), left: c.traits.authTries, maximum: maxAuthTries, blocked: s.blocked}
	c.signing = &secret{value: []byte(Password), left: maxSignatureTries, maximum: maxSignatureTries, blocked: s.blocked}
	now := s.now()
	validity := period{start: now.AddDate(-1, -6, 0), end: c.traits.ends(now)}

	authority, err := s.keys("authority/authentication")
	if err != nil {
		return nil, err
	}
	key, err := s.keys(c.traits.holder + "/authentication")
	if err != nil {
		return nil, err
	}
	ca, err := newAuthority(authentication, authority, s.certificates, now)
	if err != nil {
		return nil, err
	}
	c.authority = ca.certificate
	certificate, err := s.certificates(c.traits.holder, validity.terms(s.size), func() ([]byte, error) {
		return ca.issueOfSize(s.size, key, holder{subject: authenticationSubject(c.traits.holder)}, validity)
	})
	if err != nil {
		return nil, err
	}
	if c.traits.noCertificate {
		certificate = nil // assumed: the file is there and blank
	}

	signature := sync.OnceValues(func() (signatureSide, error) {
		return newSignatureSide(s, c.traits.holder, validity, now)
	})
	files := map[uint16]*file{
		efTokenInformation:  {content: fixed(tokenInformation(c.traits.label))},
		efAvailability:      {content: fixed(c.availability())},
		efProtected:         {content: fixed(nil), guard: &secret{}}, // neither PIN nor password opens it
		efUnknown10:         {},
		efTerminalCA:        {},
		efAuthCertificate:   {content: fixed(padded(certificate))},
		efAuthCA:            {content: fixed(padded(ca.der))},
		efAuthKey:           {key: func() (*rsa.PrivateKey, error) { return key, nil }, guard: c.auth},
		efAuthPIN:           {secret: c.auth},
		efSignaturePassword: {secret: c.signing},
		efInternal:          {}, // assumed: it can't be read
	}
	if c.traits.certificatePIN {
		files[efAuthCertificate].guard = c.auth
	}
	if !c.traits.noSignature {
		files[efSignatureCertificate] = &file{guard: c.signing, content: func() ([]byte, error) {
			side, err := signature()
			return padded(side.certificate), err
		}}
		files[efSignatureCA] = &file{content: func() ([]byte, error) {
			side, err := signature()
			return padded(side.ca), err
		}}
		files[efSignatureKey] = &file{guard: c.signing, key: func() (*rsa.PrivateKey, error) {
			side, err := signature()
			return side.key, err
		}}
	}
	return &application{aid: aidJPKI, files: files, sessionKey: apdu.StatusSecurityNotSatisfied}, nil
}

func fixed(b []byte) func() ([]byte, error) { return func() ([]byte, error) { return b, nil } }

func padded(der []byte) []byte {
	n := max(certificateFileSize, len(der)+1)
	return append(slices.Clone(der), bytes.Repeat([]byte{filler}, n-len(der))...)
}

// availability is three bytes: the signature certificate, the authentication
// certificate, and one that is always zero. 8F is there and 00 is not; from
// one source, so assumed.
func (c *Card) availability() []byte {
	b := []byte{0x8F, 0x8F, 0x00}
	if c.traits.noSignature {
		b[0] = 0
	}
	if c.traits.noCertificate {
		b[1] = 0
	}
	return b
}

// tokenInformation is a PKCS #11 CK_TOKEN_INFO of 160 bytes, with numbers of 32
// bits, big-endian. The values but the label are those of one test card:
// assumed.
func tokenInformation(label string) []byte {
	text := func(s string, n int) []byte { // padded with spaces
		return append([]byte(s), bytes.Repeat([]byte{' '}, n-len(s))...)
	}
	b := slices.Concat(
		text(label, 32),
		text("00000000000000000000000000000001", 32),
		text("SIMULATOR", 16),
		text("0000000000000000", 16),
	)
	const unavailable = 0xFFFFFFFF
	for _, n := range []uint32{
		0x0000040D, // flags
		1, 0, 1, 0, // sessions: most, open, most for writing, open for writing
		16, 6, // longest and shortest PIN
		unavailable, unavailable, unavailable, unavailable, // memory
	} {
		b = binary.BigEndian.AppendUint32(b, n)
	}
	return slices.Concat(b, []byte("03"), []byte("01"), []byte("9999999999999999"))
}
