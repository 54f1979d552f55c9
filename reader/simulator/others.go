package simulator

import (
	"bytes"
	"crypto"
	"slices"

	"github.com/mykeykit/mykeykit/apdu"
)

// This file has the card's applications other than JPKI, and the handlers of commands that
// are mainly for them: GET DATA, INTERNAL AUTHENTICATE, SET SESSION KEY and READ RECORD.

// Names (AIDs) of the card's other applications.
var (
	aidISD    = mustHex("A0000001510000")       // GlobalPlatform issuer security domain
	aidText   = mustHex("D3921000310001010408") // 券面事項入力補助
	aidVisual = mustHex("D3921000310001010402") // 券面事項確認
	aidJuki   = mustHex("D3921000310001010401") // 住基
	aidCommon = mustHex("D3921000310001010100") // 共通
)

// Files of the common and the resident-register application, as far as they are known.
const (
	efCommonCard      = 0x0001 // records
	efCommonReference = 0x0002
	efCommonKey       = 0x0019 // signs challenges without a PIN
	efCommonPIN       = 0x001C
	efJukiReference   = 0x0002
	efJukiPIN         = 0x001C
)

// otherApplications returns the card's applications other than JPKI.
func (c *Card) otherApplications(s settings) []*application {
	if c.traits.noJPKI {
		return []*application{{aid: aidISD}}
	}
	c.authority = s.authorities()
	isd := &application{aid: aidISD, objects: c.cardObjects(s)}
	if !c.traits.generation.others || c.traits.onlyJPKI {
		return []*application{isd}
	}
	pin := func() *file {
		return &file{secret: &secret{value: []byte(PIN), left: maxTextAttempts, maximum: maxTextAttempts, blocked: s.blocked}}
	}
	return []*application{
		isd,
		c.textApplication(s),
		c.visualApplication(s),
		{aid: aidJuki, sessionKey: apdu.StatusSecurityNotSatisfied, files: map[uint16]*file{
			efJukiReference: {content: fixed(keyID(rootAuthority))}, efJukiPIN: pin(),
		}},
		{aid: aidCommon, sessionKey: statusNoSessionKey, files: map[uint16]*file{
			efCommonCard:      {records: [][]byte{commonCard(s.persona)}},
			efCommonReference: {content: fixed(keyID(rootAuthority))},
			efCommonKey:       {key: s.lazyKey(c.traits.holder + "/common"), challenges: true},
			efCommonPIN:       pin(),
		}},
	}
}

// Data objects that GET DATA returns. Which of them exist was measured on test cards;
// their content is assumed.
const (
	objectIssuer       = 0x0042
	objectCard         = 0x0045
	objectRecognition  = 0x0066
	objectMunicipality = 0x00F0
	objectExpiry       = 0x00F2
	objectKey          = 0x00F7
	objectUpper        = 0x00F8 // the upper one of two CV certificates
	objectLower        = 0x7F21
	objectContactATR   = 0x5F51
)

// municipality is the code of a municipality that does not exist.
const municipality = "00000"

// commonCard returns the record with the card's serial number, its municipality and its expiry.
func commonCard(p Persona) []byte {
	text := "400000000000000" + municipality + p.Expiry
	return append([]byte{0x01, byte(len(text))}, text...)
}

func (c *Card) cardObjects(s settings) map[uint16]func() ([]byte, error) {
	lower := s.lazyKey("authority/" + lowerAuthority)
	return map[uint16]func() ([]byte, error){
		objectIssuer:       fixed([]byte("SIMULATOR-ISSUER")),
		objectCard:         fixed([]byte("SIMULATED-CARD")),
		objectRecognition:  fixed(mustHex("660B 7309 0607 2A864886FC6B01")), // GlobalPlatform's object identifier
		objectMunicipality: fixed([]byte(municipality)),
		objectExpiry:       fixed([]byte(s.persona.Expiry)),
		objectKey:          fixed(keyID(rootAuthority)),
		objectUpper: withKey(lower, func(key crypto.Signer) ([]byte, error) {
			return c.chainCertificate(rootAuthority, lowerAuthority, key.Public())
		}),
		objectLower: withKey(s.lazyKey(c.traits.holder+"/common"), func(key crypto.Signer) ([]byte, error) {
			return c.chainCertificate(lowerAuthority, cardKeyID, key.Public())
		}),
	}
}

// chainCertificate returns a certificate as GET DATA returns it: after a list of what it contains, and
// without the template.
func (c *Card) chainCertificate(authority, name string, subject crypto.PublicKey) ([]byte, error) {
	content, err := c.signedCertificate(authority, name, subject)
	return slices.Concat(mustHex("4D0A 42105F20105F49820109"), content), err
}

// getData handles GET DATA. It returns the objects of the issuer security domain while
// that is selected or nothing is, and the contact ATR always.
func (c *Card) getData(cmd apdu.Command) apdu.Response {
	if c.traits.noJPKI {
		return status(apdu.StatusReferencedDataNotFound) // assumed
	}
	tag := uint16(cmd.P1)<<8 | uint16(cmd.P2)
	current := c.app
	if current == nil {
		current = c.apps[0]
	}
	content := current.objects[tag]
	if tag == objectContactATR {
		content = fixed(mustHex(atrContact)[1:]) // without TS
	}
	if content == nil {
		return status(apdu.StatusReferencedDataNotFound)
	}
	object, err := content()
	switch {
	case err != nil:
		return status(apdu.StatusNoDiagnosis)
	case len(cmd.Data()) > 0 || len(object) > cmd.Ne: // assumed for objects of up to 256 bytes
		return status(apdu.StatusWrongLength)
	}
	return data(bytes.Clone(object))
}

// internalAuthenticate handles INTERNAL AUTHENTICATE, which signs a challenge. Only one
// key of the card does so.
func (c *Card) internalAuthenticate(cmd apdu.Command) apdu.Response {
	if cmd.P1 != 0 {
		return status(apdu.StatusIncorrectP1P2) // assumed
	}
	f, sw := c.resolve(cmd.P2)
	switch {
	case sw != apdu.StatusOK:
		return status(sw)
	case f.key == nil:
		return status(apdu.StatusWrongFileType) // assumed
	case !f.accessible():
		return status(apdu.StatusSecurityNotSatisfied)
	case !f.challenges:
		return status(apdu.StatusConditionsNotSatisfied) // assumed for these keys, measured on others
	case len(cmd.Data()) == 0 || len(cmd.Data()) > apdu.MaxShortNc || cmd.Ne == 0:
		return status(apdu.StatusWrongLength) // assumed
	}
	key, err := f.key()
	if err != nil {
		return status(apdu.StatusNoDiagnosis)
	}
	return hashedDigestInfo.sign(key, cmd)
}

// statusNoSessionKey is the answer to SET SESSION KEY in applications without a session
// key.
const statusNoSessionKey apdu.Status = 0x66F1

// setSessionKey rejects SET SESSION KEY, because secure messaging is absent.
func (c *Card) setSessionKey() apdu.Response {
	if c.app == nil || c.app.sessionKey == 0 {
		return status(apdu.StatusInstructionNotSupported) // assumed
	}
	return status(c.app.sessionKey)
}

// readRecord handles READ RECORD by record number. Most files have no records.
func (c *Card) readRecord(cmd apdu.Command) apdu.Response {
	f, sw := c.resolve(0x80 | cmd.P2>>3)
	switch {
	case sw != apdu.StatusOK:
		return status(sw)
	case f.records == nil:
		return status(apdu.StatusWrongFileType)
	case cmd.P2&0x07 != 0x04:
		return status(apdu.StatusIncorrectP1P2) // assumed
	case cmd.P1 == 0 || int(cmd.P1) > len(f.records):
		return status(0x6A83) // record not found; assumed
	case len(f.records[cmd.P1-1]) > cmd.Ne:
		return status(apdu.StatusWrongLength) // assumed
	}
	return data(bytes.Clone(f.records[cmd.P1-1]))
}
