package simulator

import (
	"bytes"
	"crypto/subtle"

	"github.com/mykeykit/mykeykit/apdu"
)

// secret is a PIN or password and the attempts left for it.
type secret struct {
	value    []byte
	left     int
	maximum  int
	verified bool
	blocked  apdu.Status // answer if no attempt is left
}

// maxSecretLength is from JICSAP's specification of IC cards. Assumed: the card answers
// 6700 to a longer secret, which uses up no attempt, and takes a shorter one for a wrong
// one.
const maxSecretLength = 16

// compare compares the secret with value, updates the retry counter, and returns the
// response to VERIFY.
func (s *secret) compare(value []byte) apdu.Response {
	if s.left == 0 {
		return status(s.blocked) // assumed; see WithLockedStatus
	}
	if subtle.ConstantTimeCompare(s.value, value) == 1 {
		s.left, s.verified = s.maximum, true
		return status(apdu.StatusOK)
	}
	s.left--
	s.verified = false // assumed: a wrong secret ends the verified state
	return s.counter()
}

// counter returns the response with the attempts left.
func (s *secret) counter() apdu.Response {
	return status(apdu.StatusVerificationFailed | apdu.Status(s.left&0x0F))
}

// secretFile returns the secret that P2 of a command names.
func (c *Card) secretFile(cmd apdu.Command) (*secret, apdu.Status) {
	f, sw := c.resolve(cmd.P2)
	switch {
	case sw != apdu.StatusOK:
		return nil, sw
	case f.secret == nil:
		return nil, apdu.StatusWrongFileType
	}
	return f.secret, apdu.StatusOK
}

// verify handles VERIFY. Without data it returns the attempts left, also after a
// successful VERIFY.
func (c *Card) verify(cmd apdu.Command) apdu.Response {
	if cmd.P1 != 0 {
		return status(apdu.StatusIncorrectP1P2)
	}
	s, sw := c.secretFile(cmd)
	switch {
	case sw != apdu.StatusOK:
		return status(sw)
	case cmd.Ne > 0 || len(cmd.Data()) > maxSecretLength:
		return status(apdu.StatusWrongLength)
	case len(cmd.Data()) == 0:
		return s.counter()
	}
	return s.compare(cmd.Data())
}

// changeReferenceData handles CHANGE REFERENCE DATA with P1=01: the data are the new
// secret, and the old one must be verified. Assumed: both programs that implement it mark
// it as untested.
func (c *Card) changeReferenceData(cmd apdu.Command) apdu.Response {
	if cmd.P1 != 0x01 {
		return status(apdu.StatusIncorrectP1P2)
	}
	s, sw := c.secretFile(cmd)
	switch {
	case sw != apdu.StatusOK:
		return status(sw)
	case len(cmd.Data()) == 0 || len(cmd.Data()) > maxSecretLength || cmd.Ne > 0:
		return status(apdu.StatusWrongLength)
	case !s.verified:
		return status(apdu.StatusSecurityNotSatisfied)
	}
	s.value = bytes.Clone(cmd.Data())
	return status(apdu.StatusOK)
}
