package simulator

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"slices"

	"github.com/mykeykit/mykeykit/apdu"
)

// Files of the text application (券面事項入力補助AP), as on test cards.
const (
	efTextNumber      = 0x0001
	efTextAttributes  = 0x0002
	efTextIntegrity   = 0x0003
	efTextCertificate = 0x0004
	efTextBasic       = 0x0005
	efTextSessionKey  = 0x0006
	efTextSigningKey  = 0x0007
	efTextBlank       = 0x0008
	efTextPIN         = 0x0011
	efTextUnusable    = 0x0012 // a locked secret, purpose unknown
	efTextKey         = 0x0013
	efTextA           = 0x0014
	efTextB           = 0x0015
)

// Attempts that the secrets of the text and the visual application allow. That of verification
// number A in the text application and of the date of birth are assumed.
const (
	maxTextAttempts         = 3
	maxVerificationAttempts = 10
)

// textApplication returns the text application. Its files are made when they are first read.
func (c *Card) textApplication(s settings) *application {
	p := s.persona
	pin := &secret{value: []byte(PIN), left: maxTextAttempts, maximum: maxTextAttempts, blocked: s.blocked}
	a := &secret{value: []byte(p.NumberA()), left: maxVerificationAttempts, maximum: maxVerificationAttempts, blocked: s.blocked}
	b := &secret{value: []byte(p.NumberB()), left: maxVerificationAttempts, maximum: maxVerificationAttempts, blocked: s.blocked}
	unusable := &secret{blocked: apdu.StatusReferenceDataUnusable}
	signing, internal, session := s.lazyKey(c.traits.holder+"/text"), s.lazyKey(c.traits.holder+"/text-internal"), s.lazyKey(c.traits.holder+"/text-session")

	number := physical(element(0xFF10, []byte(p.MyNumber)), len(p.MyNumber)+5)
	attributes := withOffsets(0xFF20, 0xDF21,
		element(0xDF22, []byte(p.Name)), element(0xDF23, []byte(p.Address)), element(0xDF24, []byte(p.Birth)), element(0xDF25, []byte{p.Sex}))
	return &application{aid: aidText, sessionKey: apdu.StatusSecurityNotSatisfied, files: map[uint16]*file{ // the answer to SET SESSION KEY is assumed
		efTextNumber:      {content: fixed(number), guards: []*secret{pin, a}},
		efTextAttributes:  {content: fixed(attributes), guards: []*secret{pin, b}},
		efTextIntegrity:   {guards: []*secret{pin, a, b}, content: withKey(signing, func(key crypto.Signer) ([]byte, error) { return textIntegrity(key, number, attributes) })},
		efTextCertificate: {content: withKey(signing, func(key crypto.Signer) ([]byte, error) { return c.cvCertificate(textAuthority, key.Public()) })},
		efTextBasic:       {content: fixed(textBasic())},
		efTextSessionKey:  {guards: []*secret{pin, a, b}, content: withKey(session, func(key crypto.Signer) ([]byte, error) { return element(0xA1, publicKey(key.Public())), nil })},
		efTextSigningKey: {guards: []*secret{pin, a, b}, content: withKey(signing, func(key crypto.Signer) ([]byte, error) {
			own, err := internal()
			if err != nil {
				return nil, err
			}
			public := element(0xDF51, publicKey(own.Public()))
			signature, err := signSHA256(key, public)
			return physical(element(0xFF50, slices.Concat(public, element(0xDF52, signature))), 536), err
		})},
		efTextBlank:    {content: fixed(bytes.Repeat([]byte{filler}, 16))},
		efTextPIN:      {secret: pin},
		efTextUnusable: {secret: unusable},
		efTextKey:      {guards: []*secret{pin, a, b}, key: internal}, // assumed: it needs a secret
		efTextA:        {secret: a},
		efTextB:        {secret: b},
	}}
}

// textIntegrity returns the record with the digests of the number's file, filler included, and of
// the attributes after their table of offsets.
func textIntegrity(key crypto.Signer, number, attributes []byte) ([]byte, error) {
	const table = 3 + 4*2 // offsets
	ofNumber, ofAttributes := sha256.Sum256(number), sha256.Sum256(attributes[recordHeader(attributes)+table:])
	digests := slices.Concat(element(0xDF31, ofNumber[:]), element(0xDF32, ofAttributes[:]))
	signature, err := signSHA256(key, digests)
	return element(0xFF30, slices.Concat(digests, element(0xDF33, signature))), err
}

// recordHeader returns the length of the header of a record with a tag of two bytes.
func recordHeader(record []byte) int {
	if record[2] < 0x80 {
		return 3
	}
	return 3 + int(record[2]&0x7F)
}

// textBasic returns EF 0005, whose lengths are not minimal. The content of DF43 is not known.
func textBasic() []byte {
	value := slices.Concat(element(0xDF41, mustHex("01030E01")), element(0xDF42, keyID(textAuthority)), elementOf(0xDF43, make([]byte, 128), 3))
	return elementOf(0xFF40, value, 3)
}
