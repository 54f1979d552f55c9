package simulator

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"slices"

	"github.com/mykeykit/mykeykit/apdu"
	"github.com/mykeykit/mykeykit/internal/ecdsasig"
)

// scheme is a signature scheme of PERFORM SECURITY OPERATION.
type scheme struct {
	p1      byte
	longest int               // maximum length of the input, in bytes; 0: no limit
	digests []int             // lengths that the input may have; nil: any
	hashes  bool              // the card hashes the input with SHA-256
	options crypto.SignerOpts // for the key's Sign
}

// rsaSchemes are the schemes of RSA keys. Assumed: one source measured those other than
// 00 on test cards.
var rsaSchemes = []scheme{
	{p1: 0x00, longest: rsaBits/8 - 11, options: crypto.Hash(0)},               // PKCS #1 v1.5 padding of the input
	{p1: 0x01, hashes: true, options: crypto.Hash(0)},                          // PKCS #1 v1.5 padding of the hash
	{p1: 0x02, digests: []int{sha256.Size}, options: crypto.SHA256},            // the input is a hash; the card adds the DigestInfo
	{p1: 0x03, longest: apdu.MaxShortNc, hashes: true, options: crypto.SHA256}, // the card hashes, and adds the DigestInfo
	{p1: 0x04, digests: []int{sha256.Size}, options: pss},
	{p1: 0x05, hashes: true, options: pss},
}

// hashedDigestInfo is the scheme of INTERNAL AUTHENTICATE.
var hashedDigestInfo = rsaSchemes[3]

// pss: the length of the salt is assumed.
var pss = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256}

// scheme returns the scheme that P1 chooses; ok is false if the card does not have it.
func (c *Card) scheme(p1 byte) (s scheme, ok bool) {
	for _, s := range c.traits.generation.schemes {
		if s.p1 == p1 {
			return s, !c.noPSS || s.options != pss
		}
	}
	return scheme{}, false
}

// sign handles PERFORM SECURITY OPERATION in the form of the My Number Card: P1 chooses
// the scheme and P2 the key.
func (c *Card) sign(cmd apdu.Command) apdu.Response {
	scheme, ok := c.scheme(cmd.P1)
	if !ok {
		return status(apdu.StatusIncorrectP1P2)
	}
	f, sw := c.resolve(cmd.P2)
	if cmd.P2 == 0 && c.app != nil && c.app.defaultKey != nil {
		f, sw = c.app.defaultKey, apdu.StatusOK
	}
	switch {
	case sw != apdu.StatusOK:
		return status(sw)
	case f.key == nil:
		return status(apdu.StatusWrongFileType)
	case !f.accessible():
		return status(apdu.StatusSecurityNotSatisfied)
	case len(cmd.Data()) == 0 || cmd.Ne == 0:
		return status(apdu.StatusWrongLength) // assumed
	}
	key, err := f.key()
	if err != nil {
		return status(apdu.StatusNoDiagnosis)
	}
	return scheme.sign(key, cmd)
}

// sign returns the response to a command whose data it signs.
func (s scheme) sign(key crypto.Signer, cmd apdu.Command) apdu.Response {
	input := cmd.Data()
	switch {
	case s.longest > 0 && len(input) > s.longest:
		return status(apdu.StatusWrongLength)
	case s.digests != nil && !slices.Contains(s.digests, len(input)):
		return status(apdu.StatusConditionsNotSatisfied)
	}
	if s.hashes {
		hash := sha256.Sum256(input)
		input = hash[:]
	}
	signature, err := key.Sign(rand.Reader, input, s.options)
	if public, ok := key.Public().(*ecdsa.PublicKey); ok && err == nil {
		signature, err = ecdsasig.Concatenated(public, signature)
	}
	switch {
	case err != nil:
		return status(apdu.StatusNoDiagnosis)
	case len(signature) > cmd.Ne:
		return status(apdu.StatusWrongLength) // assumed
	}
	return data(signature)
}
