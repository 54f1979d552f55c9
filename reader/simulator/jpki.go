package simulator

import (
	"bytes"
	"crypto"
	"encoding/binary"
	"slices"
	"sync"

	"github.com/mykeykit/mykeykit/apdu"
)

const (
	certificateFileSize      = 2048 // assumed; the rest of a file is filler
	filler              byte = 0xFF
)

// newJPKI makes the application with its keys and certificates. What belongs
// to signatures is made when it is first used, for it takes time and few ask.
func (c *Card) newJPKI(s settings) (*application, error) {
	g, now := c.traits.generation, s.now()
	valid := period{start: g.validity(now).start, end: c.traits.ends(now)}
	issue := issuance{settings: s, generation: g, holder: c.traits.holder, valid: valid, now: now}

	auth, err := issue.credential(authentication, s.size)
	if err != nil {
		return nil, err
	}
	c.caCertificate = auth.issuer
	if c.traits.noCertificate {
		auth.certificate = padded(nil) // assumed: the file is there and blank
	}
	c.auth = &secret{value: []byte(PIN), left: c.traits.authAttempts, maximum: g.authentication.attempts, blocked: s.blocked}
	c.signing = &secret{value: []byte(Password), left: g.signature.attempts, maximum: g.signature.attempts, blocked: s.blocked}

	files := map[uint16]*file{g.tokenInformation: {content: fixed(tokenInformation(c.traits.label))}}
	if g.availability != 0 {
		files[g.availability] = &file{content: fixed(c.availability())}
	}
	for _, id := range g.protected {
		files[id] = &file{content: fixed(nil), guard: &secret{}}
	}
	for _, id := range g.unreadable {
		files[id] = &file{}
	}
	addCredential(files, g.authentication, c.auth, func() (credential, error) { return auth, nil })
	if c.traits.certificatePIN {
		files[g.authentication.certificate].guard = c.auth
	}
	if c.traits.noSignature {
		files[g.signature.secret] = &file{secret: c.signing}
	} else {
		addCredential(files, g.signature, c.signing, sync.OnceValues(func() (credential, error) { return issue.credential(digitalSignature, 0) }))
		files[g.signature.certificate].guard = c.signing
	}
	return &application{aid: mustHex(g.aid), files: files, sessionKey: apdu.StatusSecurityNotSatisfied}, nil
}

// addCredential adds the four files of a credential. The secret guards the key.
func addCredential(files map[uint16]*file, in credentialFiles, s *secret, of func() (credential, error)) {
	files[in.certificate] = &file{content: func() ([]byte, error) {
		made, err := of()
		return made.certificate, err
	}}
	files[in.ca] = &file{content: func() ([]byte, error) {
		made, err := of()
		return made.ca, err
	}}
	files[in.key] = &file{guard: s, key: func() (crypto.Signer, error) {
		made, err := of()
		return made.key, err
	}}
	files[in.secret] = &file{secret: s}
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
