package simulator

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/binary"
	"slices"
)

// element returns a TLV element with a length field of the minimal width.
func element(tag uint16, value []byte) []byte { return elementOf(tag, value, 0) }

// elementOf is like element with a length field of at least width bytes, as some files of the card
// have it.
func elementOf(tag uint16, value []byte, width int) []byte {
	b := binary.BigEndian.AppendUint16(nil, tag)
	if tag>>8 == 0 {
		b = b[1:]
	}
	switch n := len(value); {
	case n < 0x80 && width <= 1:
		b = append(b, byte(n))
	case n <= 0xFF && width <= 2:
		b = append(b, 0x81, byte(n))
	default:
		b = append(b, 0x82, byte(n>>8), byte(n))
	}
	return append(b, value...)
}

// physical returns the content of a file of a size: what it contains, and filler.
func physical(content []byte, size int) []byte {
	return append(slices.Clone(content), bytes.Repeat([]byte{filler}, max(size-len(content), 0))...)
}

// publicKey returns an RSA key as the card has it in its records: the exponent and the modulus.
func publicKey(key crypto.PublicKey) []byte {
	public := key.(*rsa.PublicKey) // the card has no other keys in records
	return slices.Concat(element(0x90, []byte{0x01, 0x00, 0x01}), element(0x91, public.N.FillBytes(make([]byte, rsaBits/8))))
}

// signSHA256 signs a message with PKCS #1 v1.5 and SHA-256.
func signSHA256(key crypto.Signer, message []byte) ([]byte, error) {
	sum := sha256.Sum256(message)
	return key.Sign(nil, sum[:], crypto.SHA256)
}

// threeDigests begins the DigestInfo of the visual application's signature, which has three SHA-256
// digests in place of one.
var threeDigests = mustHex("3071300D060960864801650304020105000460")

// signThree signs the digests of three messages at once.
func signThree(key crypto.Signer, messages ...[]byte) ([]byte, error) {
	info := slices.Clone(threeDigests)
	for _, m := range messages {
		sum := sha256.Sum256(m)
		info = append(info, sum[:]...)
	}
	return key.Sign(nil, info, crypto.Hash(0))
}

// withOffsets returns a record whose first element is a table of where the others begin in the file,
// in 2 bytes each.
func withOffsets(tag, offsets uint16, elements ...[]byte) []byte {
	table := make([]byte, 2*len(elements))
	value := slices.Concat(append([][]byte{element(offsets, table)}, elements...)...)
	at := len(element(tag, value)) - len(value) + len(element(offsets, table))
	for i, e := range elements {
		binary.BigEndian.PutUint16(table[2*i:], uint16(at))
		at += len(e)
	}
	return element(tag, slices.Concat(append([][]byte{element(offsets, table)}, elements...)...))
}

// Authority is a key that signs the CV certificates of a simulated card's text or visual application.
// Anybody may have its private key, so it proves nothing.
type Authority struct {
	ID  string // the beginning of the key's identifier in the certificates
	Key *rsa.PublicKey
}

// The simulator's authorities. The identifiers are invented: those of J-LIS begin with 5 or 6.
const (
	visualAuthority = "9000023"
	textAuthority   = "9000033"
	rootAuthority   = "9000020" // of the chain that GET DATA returns
	lowerAuthority  = "1000000"
	cardKeyID       = "0000001"
)

// Authorities returns the authorities of the card's text and visual applications. A test that has to
// trust the card lists them in a cvc.Policy. It returns none for a card without these applications.
func (c *Card) Authorities() ([]Authority, error) {
	var list []Authority
	for _, id := range []string{visualAuthority, textAuthority} {
		if c.application(aidVisual, false) == nil {
			break
		}
		key, err := c.authority(id)
		if err != nil {
			return nil, err
		}
		list = append(list, Authority{id, key.Public().(*rsa.PublicKey)})
	}
	return list, nil
}

// authorities returns the keys of the authorities, which are made when they are first needed.
func (s settings) authorities() func(id string) (crypto.Signer, error) {
	keys := map[string]func() (crypto.Signer, error){}
	for _, id := range []string{visualAuthority, textAuthority, rootAuthority, lowerAuthority} {
		keys[id] = s.lazyKey("authority/" + id)
	}
	return func(id string) (crypto.Signer, error) { return keys[id]() }
}

// keyID returns the identifier of a key, 16 bytes, in the form that the card has it.
func keyID(name string) []byte { return append([]byte(name), mustHex("08053030310000 0000")...)[:16] }

// cvCertificate returns a CV certificate of a key.
func (c *Card) cvCertificate(authority string, subject crypto.PublicKey) ([]byte, error) {
	content, err := c.signedCertificate(authority, "1000001", subject)
	return element(0x7F21, content), err
}

// signedCertificate returns the content of a CV certificate: the body and the signature.
func (c *Card) signedCertificate(authority, name string, subject crypto.PublicKey) ([]byte, error) {
	key, err := c.authority(authority)
	if err != nil {
		return nil, err
	}
	body := slices.Concat(keyID(authority), keyID(name), publicKey(subject))
	signature, err := signSHA256(key, body)
	return slices.Concat(element(0x5F4E, body), element(0x5F37, signature)), err
}
