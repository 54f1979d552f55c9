package simulator

import (
	"crypto"
	"slices"
	"sync"
)

// Files of the visual application (券面事項確認AP), as on test cards.
const (
	efVisualAge         = 0x0001
	efVisualFace        = 0x0002
	efVisualBasic       = 0x0003
	efVisualCertificate = 0x0004
	efVisualNumber      = 0x0005
	efVisualBirth       = 0x0011
	efVisualB           = 0x0012
	efVisualA           = 0x0013
	efVisualKey         = 0x001A // the card's own key, which needs no secret
)

// visualApplication returns the visual application. Its files are made when they are first read.
func (c *Card) visualApplication(s settings) *application {
	p := s.persona
	entry := func(value string) *secret {
		return &secret{value: []byte(value), left: maxVerificationAttempts, maximum: maxVerificationAttempts, blocked: s.blocked}
	}
	birth, a, b := entry(p.BirthAsPrinted), entry(p.NumberA()), entry(p.NumberB())
	signing, own := s.lazyKey(c.traits.holder+"/visual"), s.lazyKey(c.traits.holder+"/visual-own")
	signed := func(make func(key crypto.Signer, own []byte) ([]byte, error)) func() ([]byte, error) {
		return withKey(signing, func(key crypto.Signer) ([]byte, error) {
			card, err := own()
			if err != nil {
				return nil, err
			}
			return make(key, publicKey(card.Public()))
		})
	}
	ownKey := &file{key: own}
	return &application{aid: aidVisual, sessionKey: statusNoSessionKey, defaultKey: ownKey, files: map[uint16]*file{
		efVisualAge: {guards: []*secret{birth}, content: signed(func(key crypto.Signer, own []byte) ([]byte, error) {
			return signedPair(key, 0xFF10, element(0xDF11, []byte(p.Birth)), element(0xDF12, own), 0xDF13)
		})},
		efVisualFace: {guards: []*secret{a, b}, content: signed(func(key crypto.Signer, own []byte) ([]byte, error) { return visualFace(key, own, p) })},
		efVisualBasic: {content: fixed(element(0xFF30, slices.Concat(element(0xDF31, mustHex("06030E01")), element(0xDF32, keyID("9000024")),
			element(0xDF33, []byte{0}), element(0xDF34, []byte("00000")), element(0xDF35, physical(keyID("9000025"), 272)))))},
		efVisualCertificate: {content: withKey(signing, func(key crypto.Signer) ([]byte, error) { return c.cvCertificate(visualAuthority, key.Public()) })},
		efVisualNumber: {guards: []*secret{a}, content: signed(func(key crypto.Signer, own []byte) ([]byte, error) {
			return signedPair(key, 0xFF40, element(0xDF41, p.MyNumberPicture), element(0xDF42, own), 0xDF43)
		})},
		efVisualBirth: {secret: birth},
		efVisualB:     {secret: b},
		efVisualA:     {secret: a},
		efVisualKey:   ownKey,
	}}
}

// signedPair returns a record with two elements and their signature.
func signedPair(key crypto.Signer, tag uint16, first, second []byte, signatureTag uint16) ([]byte, error) {
	signature, err := signSHA256(key, slices.Concat(first, second))
	return element(tag, slices.Concat(first, second, element(signatureTag, signature))), err
}

// visualFace returns the record with the data and the pictures. The expiry and the security code are
// not signed.
func visualFace(key crypto.Signer, own []byte, p Persona) ([]byte, error) {
	birth, sex, public := element(0xDF22, []byte(p.Birth)), element(0xDF23, []byte{p.Sex}), element(0xDF24, own)
	name, address, photo := element(0xDF25, p.NamePicture), element(0xDF26, p.AddressPicture), element(0xDF27, p.Photo)
	signature, err := signThree(key, slices.Concat(birth, sex, public), slices.Concat(name, address), photo)
	return withOffsets(0xFF20, 0xDF21, birth, sex, public, name, address, photo, element(0xDF28, signature),
		element(0xDF29, []byte(p.Expiry)), element(0xDF2A, p.SecurityCodePicture)), err
}

// lazyKey returns the key with a name, which is made when it is first needed.
func (s settings) lazyKey(name string) func() (crypto.Signer, error) {
	return sync.OnceValues(func() (crypto.Signer, error) { return s.keys(rsa2048, name) })
}

// withKey returns the content of a file that make makes with a key when the file is first read.
func withKey(key func() (crypto.Signer, error), make func(crypto.Signer) ([]byte, error)) func() ([]byte, error) {
	return sync.OnceValues(func() ([]byte, error) {
		k, err := key()
		if err != nil {
			return nil, err
		}
		return make(k)
	})
}
