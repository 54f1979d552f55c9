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
	certificateFileSize      = 2048 // assumed; filler follows the certificate
	filler              byte = 0xFF
)

// newJPKI returns the JPKI application. The signature credential is created when it is
// first used, because few tests use it and it takes time.
func (c *Card) newJPKI(s settings) (*application, error) {
	g, now := c.traits.generation, s.now()
	valid := period{start: g.validity(now).start, end: c.traits.notAfter(now)}
	issue := issuance{settings: s, generation: g, holder: c.traits.holder, valid: valid, now: now}

	auth, err := issue.credential(authentication, s.size)
	if err != nil {
		return nil, err
	}
	c.caCertificate = auth.issuer
	if c.traits.noCertificate {
		auth.certificate = padded(nil) // assumed: the file exists and is blank
	}
	c.auth = &secret{value: []byte(PIN), left: c.traits.authAttempts, maximum: g.authentication.attempts, blocked: s.blocked}
	c.signing = &secret{value: []byte(Password), left: g.signature.attempts, maximum: g.signature.attempts, blocked: s.blocked}

	files := map[uint16]*file{g.tokenInformation: {content: fixed(tokenInformation(c.traits.label))}}
	if g.availability != 0 {
		files[g.availability] = &file{content: fixed(c.availability())}
	}
	for _, id := range g.protected {
		files[id] = &file{content: fixed(nil), guards: []*secret{{}}}
	}
	for _, id := range g.unreadable {
		files[id] = &file{}
	}
	addCredential(files, g.authentication, c.auth, func() (credential, error) { return auth, nil })
	if c.traits.certificatePIN {
		files[g.authentication.certificate].guards = []*secret{c.auth}
	}
	if c.traits.noSignature {
		files[g.signature.secret] = &file{secret: c.signing}
	} else {
		c.signature = sync.OnceValues(func() (credential, error) { return issue.credential(digitalSignature, 0) })
		addCredential(files, g.signature, c.signing, c.signature)
		files[g.signature.certificate].guards = []*secret{c.signing}
	}
	return &application{aid: mustHex(g.aid), files: files, sessionKey: apdu.StatusSecurityNotSatisfied}, nil
}

// addCredential adds the four files of a credential. The secret guards the key.
func addCredential(files map[uint16]*file, ids credentialFiles, s *secret, load func() (credential, error)) {
	files[ids.certificate] = &file{content: func() ([]byte, error) {
		c, err := load()
		return c.certificate, err
	}}
	files[ids.ca] = &file{content: func() ([]byte, error) {
		c, err := load()
		return c.ca, err
	}}
	files[ids.key] = &file{guards: []*secret{s}, key: func() (crypto.Signer, error) {
		c, err := load()
		return c.key, err
	}}
	files[ids.secret] = &file{secret: s}
}

func fixed(b []byte) func() ([]byte, error) { return func() ([]byte, error) { return b, nil } }

// padded returns the content of a certificate file: der and filler.
func padded(der []byte) []byte {
	n := max(certificateFileSize, len(der)+1)
	return append(slices.Clone(der), bytes.Repeat([]byte{filler}, n-len(der))...)
}

// availability returns the file that says which certificates the card has: a byte for the
// signature certificate, one for the authentication certificate, and a zero byte. 8F
// means present and 00 absent. Assumed: one source.
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

// tokenInformation returns a PKCS #11 CK_TOKEN_INFO of 160 bytes, with 32-bit big-endian
// numbers. Assumed: all values but the label are those of one test card.
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
		1, 0, 1, 0, // sessions: maximum, open, maximum read-write, open read-write
		16, 6, // maximum and minimum PIN length
		unavailable, unavailable, unavailable, unavailable, // memory
	} {
		b = binary.BigEndian.AppendUint32(b, n)
	}
	return slices.Concat(b, []byte("03"), []byte("01"), []byte("9999999999999999"))
}
