package simulator

import (
	"bytes"
	"slices"
	"time"

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

// efCommonKey is a key of the common application that signs challenges without a PIN.
const efCommonKey = 0x0019

// otherApplications returns the card's applications other than JPKI. The resident-register
// application has no files, and the common application has one.
func (c *Card) otherApplications(s settings) []*application {
	if c.traits.noJPKI {
		return []*application{{aid: aidISD}}
	}
	isd := &application{aid: aidISD, objects: cardObjects(c.traits.notAfter(s.now()))}
	if !c.traits.generation.others || c.traits.onlyJPKI {
		return []*application{isd}
	}
	c.authority = s.authorities()
	return []*application{
		isd,
		c.textApplication(s),
		c.visualApplication(s),
		{aid: aidJuki, sessionKey: apdu.StatusSecurityNotSatisfied},
		{aid: aidCommon, sessionKey: statusNoSessionKey, files: map[uint16]*file{efCommonKey: {key: s.lazyKey(c.traits.holder + "/common"), challenges: true}}},
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
	objectCertificate  = 0x00F8
	objectContactATR   = 0x5F51
)

func cardObjects(expiry time.Time) map[uint16][]byte {
	const issuer, key = "SIMULATOR-ISSUER", "SIMULATOR-KEY-00" // 16 characters each
	return map[uint16][]byte{
		objectIssuer:       []byte(issuer),
		objectCard:         []byte("SIMULATED-CARD"),
		objectRecognition:  mustHex("660B 7309 0607 2A864886FC6B01"), // GlobalPlatform's object identifier
		objectMunicipality: []byte("00000"),
		objectExpiry:       []byte(expiry.Format("20060102")),
		objectKey:          []byte(key),
		objectCertificate: slices.Concat( // a card-verifiable certificate, not signed
			mustHex("7F21820233 5F4E820129"), []byte(issuer), []byte(key), make([]byte, 265),
			mustHex("5F37820100"), make([]byte, 256)),
	}
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
	object := current.objects[tag]
	if tag == objectContactATR {
		object = mustHex(atrContact)[1:] // without TS
	}
	switch {
	case object == nil:
		return status(apdu.StatusReferencedDataNotFound)
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

// readRecord rejects READ RECORD, because no file has records.
func (c *Card) readRecord(cmd apdu.Command) apdu.Response {
	_, sw := c.resolve(0x80 | cmd.P2>>3)
	if sw == apdu.StatusOK {
		sw = apdu.StatusWrongFileType
	}
	return status(sw)
}
