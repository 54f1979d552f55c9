package simulator

import (
	"encoding/hex"
	"slices"
	"strings"
	"time"
)

// Profile names a kind of card.
type Profile string

// The profiles. With the same seed, all but the phones, the resident card, the announced
// card and NotMyNumber have the same keys. Expired and Expiring differ from Contact only in
// the dates of the certificate.
//
// Announced2028 is INVENTED. It stands for the card announced for 2028, with EC P-384
// keys and two secrets. Its identifiers, files and signature scheme are made up; the
// real card will have others.
const (
	Contact         Profile = "contact"          // a My Number Card in a contact reader; accepts extended lengths and declares nothing about them
	ContactExtended Profile = "contact-extended" // the same, but declares extended lengths
	ContactShort    Profile = "contact-short"    // the same, but declares that it has no extended lengths, and rejects them
	Contactless     Profile = "contactless"      // the same card in a contactless reader; rejects extended lengths
	Android         Profile = "android"          // an Android phone; reading its certificate requires the PIN
	IPhone          Profile = "iphone"           // an iPhone; reading its certificate requires the PIN
	ResidentCard    Profile = "resident-card"    // 住民基本台帳カード, the predecessor of the My Number Card
	Announced2028   Profile = "announced-2028"   // invented: the card announced for 2028, with EC P-384 keys
	NoCertificate   Profile = "no-certificate"   // issued without an authentication certificate
	Expired         Profile = "expired"          // the certificate expired a month ago
	Expiring        Profile = "expiring"         // the certificate expires in a month
	Locked          Profile = "locked"           // no PIN attempt left
	LastAttempt     Profile = "last-try"         // one PIN attempt left
	FaceAuth        Profile = "face-auth"        // 顔認証マイナンバーカード, a card without a PIN
	NotMyNumber     Profile = "not-my-number"    // another card, such as a driving license
)

// PIN and Password are the secrets of every new simulated card that has them: the
// authentication PIN (利用者証明用電子証明書の暗証番号) and the signature password (署名用電子証明書の暗証番号).
const (
	PIN      = "1234"
	Password = "ABC123"
)

// traits are what distinguishes a profile's cards from others of their generation.
type traits struct {
	generation     *generation
	atr            string // hex
	extended       bool   // accepts extended lengths
	label          string // of the token information
	certificatePIN bool   // reading the authentication certificate requires the PIN
	onlyJPKI       bool   // none of the other applications, but the issuer security domain
	noJPKI         bool   // not a My Number Card: it has none of its applications
	noCertificate  bool
	noSignature    bool // no signature certificate
	authAttempts   int  // PIN attempts left
	lastCommand    bool // accepts 80FC0000
	notAfter       func(now time.Time) time.Time
	holder         string // whom the card belongs to; keys are derived from it
}

// Answers to reset, as listed in smartcard_list.txt and OpenSC.
const (
	atrContact         = "3BE000FF8131FE4514"
	atrContactExtended = "3BDA13FF8131FB468012392F31C173C601C03B"
	atrContactShort    = "3BC5FF8131FB458073C6010000"
	atrContactless     = "3B888001000041E0B381A1003B"
	atrPhone           = "3B80800101"                      // assumed: a card without historical bytes
	atrLicence         = "3B88800100000000" + "9181C100D8" // driving licence
)

// Labels of the token information record.
const (
	labelCard     = "JPKIAPICCTOKEN2"
	labelResident = "JPKIAPICCTOKEN"
	labelAndroid  = "JPKIAPGPSETOKEN"
	labelIPhone   = "JPKIAPIOSTOKEN"
)

// profiles lists all profiles in the order of the documentation.
var profiles = []Profile{
	Contact, ContactExtended, ContactShort, Contactless, Android, IPhone, ResidentCard,
	Announced2028, NoCertificate, Expired, Expiring, Locked, LastAttempt, FaceAuth, NotMyNumber,
}

// Profiles returns all profiles.
func Profiles() []Profile { return slices.Clone(profiles) }

// defaultTraits describes a new card of a generation in a contact reader.
func defaultTraits(g *generation) traits {
	return traits{
		// Observed: a test card with this ATR accepts extended lengths but does not declare them.
		generation: g, atr: g.atr, extended: true, label: g.label, authAttempts: g.authentication.attempts, holder: "resident",
		notAfter: func(now time.Time) time.Time { return g.validity(now).end },
	}
}

// traitsOf returns the traits of a profile; ok is false if there is no such profile.
func traitsOf(p Profile) (t traits, ok bool) {
	t = defaultTraits(&generation2016)
	switch p {
	case Contact:
	case ContactExtended:
		t.atr = atrContactExtended
	case ContactShort:
		t.atr, t.extended = atrContactShort, false
	case Contactless:
		t.atr, t.extended = atrContactless, false // assumed: contactless readers carry no extended lengths
	case Android:
		t.atr, t.extended, t.label, t.certificatePIN, t.holder = atrPhone, false, labelAndroid, true, "android"
		t.onlyJPKI = true
	case IPhone:
		t.atr, t.extended, t.label, t.certificatePIN, t.holder = atrPhone, false, labelIPhone, true, "iphone"
		t.lastCommand, t.onlyJPKI = true, true
	case ResidentCard: // assumed: its ATR and files are not known
		t.extended, t.label, t.holder, t.onlyJPKI = false, labelResident, "resident-card", true
	case Announced2028:
		t = defaultTraits(&generation2028)
	case NoCertificate:
		t.noCertificate = true
	case Expired:
		t.notAfter = func(now time.Time) time.Time { return now.AddDate(0, -1, 0) }
	case Expiring:
		t.notAfter = func(now time.Time) time.Time { return now.AddDate(0, 1, 0) }
	case Locked:
		t.authAttempts = 0
	case LastAttempt:
		t.authAttempts = 1
	case FaceAuth:
		// Assumed: the counters, and that a signature password exists.
		t.authAttempts, t.noSignature = 0, true
	case NotMyNumber:
		t.atr, t.extended, t.noJPKI = atrLicence, false, true
	default:
		return traits{}, false
	}
	return t, true
}

func mustHex(s string) []byte {
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		panic(err) // s is a constant of this package
	}
	return b
}
