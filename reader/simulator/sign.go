package simulator

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"

	"github.com/mykeykit/mykeykit/apdu"
)

// sign handles PERFORM SECURITY OPERATION as this card has it: P1 chooses the
// scheme and P2 the key. The schemes other than 00 were measured by one
// source on test cards: assumed.
func (c *Card) sign(cmd apdu.Command) apdu.Response {
	if cmd.P1 > 0x05 || c.noPSS && cmd.P1 >= 0x04 {
		return status(apdu.StatusIncorrectP1P2)
	}
	f, sw := c.refer(cmd.P2)
	switch {
	case sw != apdu.StatusOK:
		return status(sw)
	case f.key == nil:
		return status(apdu.StatusWrongFileType)
	case !f.open():
		return status(apdu.StatusSecurityNotSatisfied)
	case len(cmd.Data()) == 0 || cmd.Ne == 0:
		return status(apdu.StatusWrongLength) // assumed
	}
	key, err := f.key()
	if err != nil {
		return status(apdu.StatusNoDiagnosis)
	}
	return signWith(key, cmd)
}

const schemeHashedDigestInfo = 0x03

func signWith(key *rsa.PrivateKey, cmd apdu.Command) apdu.Response {
	input := cmd.Data()
	size := key.Size()
	var signature []byte
	var err error
	switch cmd.P1 {
	case 0x00: // whatever it is, with PKCS #1 v1.5 padding
		if len(input) > size-11 {
			return status(apdu.StatusWrongLength)
		}
		signature, err = rsa.SignPKCS1v15(nil, key, 0, input)
	case 0x01: // hashed by the card, the hash alone
		hash := sha256.Sum256(input)
		signature, err = rsa.SignPKCS1v15(nil, key, 0, hash[:])
	case 0x02: // a hash, wrapped into a DigestInfo by the card
		if len(input) != sha256.Size {
			return status(apdu.StatusConditionsNotSatisfied)
		}
		signature, err = rsa.SignPKCS1v15(nil, key, crypto.SHA256, input)
	case schemeHashedDigestInfo: // hashed and wrapped by the card
		if len(input) > apdu.MaxShortNc {
			return status(apdu.StatusWrongLength)
		}
		hash := sha256.Sum256(input)
		signature, err = rsa.SignPKCS1v15(nil, key, crypto.SHA256, hash[:])
	case 0x04: // a hash, with PSS
		if len(input) != sha256.Size {
			return status(apdu.StatusConditionsNotSatisfied)
		}
		signature, err = signPSS(key, input)
	case 0x05: // hashed by the card, with PSS
		hash := sha256.Sum256(input)
		signature, err = signPSS(key, hash[:])
	}
	switch {
	case err != nil:
		return status(apdu.StatusNoDiagnosis)
	case len(signature) > cmd.Ne:
		return status(apdu.StatusWrongLength) // assumed
	}
	return data(signature)
}

// signPSS uses a salt as long as the hash: assumed.
func signPSS(key *rsa.PrivateKey, hash []byte) ([]byte, error) {
	options := &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256}
	return rsa.SignPSS(rand.Reader, key, crypto.SHA256, hash, options)
}
