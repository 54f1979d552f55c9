package simulator

import (
	"encoding/hex"
	"slices"
	"strings"
	"time"
)

// Profile is a kind of card.
type Profile string

// The profiles. All but the phones, the resident card and the announced card have the
// same key if they are made with the same seed; their certificates differ in their dates.
//
// Announced2028 is INVENTED. It stands for the card that is announced for 2028, with EC
// P-384 keys and two secrets. Its identifiers, files and signature scheme are made up;
// the real card will have others.
const (
	Contact         Profile = "contact"          // an individual number card in a contact reader; takes extended lengths, declares none
	ContactExtended Profile = "contact-extended" // one that declares and accepts extended lengths
	ContactShort    Profile = "contact-short"    // one that declares that it has none
	Contactless     Profile = "contactless"      // the same card without contacts; short lengths
	Android         Profile = "android"          // an Android phone; its certificate needs the PIN
	IPhone          Profile = "iphone"           // an iPhone; its certificate needs the PIN
	ResidentCard    Profile = "resident-card"    // 住民基本台帳カード, the generation before
	Announced2028   Profile = "announced-2028"   // invented: the card announced for 2028, with EC P-384 keys
	NoCertificate   Profile = "no-certificate"   // issued without a user-authentication certificate
	Expired         Profile = "expired"          // certificate ended a month ago
	Expiring        Profile = "expiring"         // certificate ends in a month
	Locked          Profile = "locked"           // no attempt left for the PIN
	LastTry         Profile = "last-try"         // one attempt left
	FaceAuth        Profile = "face-auth"        // 顔認証マイナンバーカード: no PIN was ever set
	NotMyNumber     Profile = "not-my-number"    // some other card
)

// PIN and Password are the secrets of every simulated card: the user
// authentication PIN (利用者証明用電子証明書の暗証番号) and the signature
// password (署名用電子証明書の暗証番号).
const (
	PIN      = "1234"
	Password = "ABC123"
)

// traits is what a profile makes of a generation's card.
type traits struct {
	generation     *generation
	atr            string // hex
	extended       bool   // accepts extended lengths
	label          string // of the token information
	certificatePIN bool   // the authentication certificate needs the PIN
	noJPKI         bool   // no application of a My Number Card
	noCertificate  bool
	noSignature    bool // no signature certificate
	authAttempts   int  // that are left
	lastCommand    bool // answers 80FC0000
	ends           func(now time.Time) time.Time
	holder         string // who the card belongs to, so which key it has
}

// Answers to reset, as listed by smartcard_list.txt and OpenSC.
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

// profiles in the order of the documentation.
var profiles = []Profile{
	Contact, ContactExtended, ContactShort, Contactless, Android, IPhone, ResidentCard,
	Announced2028, NoCertificate, Expired, Expiring, Locked, LastTry, FaceAuth, NotMyNumber,
}

// Profiles lists all profiles.
func Profiles() []Profile { return slices.Clone(profiles) }

// fresh describes a generation's card as it comes, in a contact reader.
func fresh(g *generation) traits {
	return traits{
		// A test card with the ATR of today's takes extended lengths, though it declares none.
		generation: g, atr: g.atr, extended: true, label: g.label, authAttempts: g.authentication.attempts, holder: "resident",
		ends: func(now time.Time) time.Time { return g.validity(now).end },
	}
}

// traitsOf describes a profile; ok is false for a name that is none.
func traitsOf(p Profile) (t traits, ok bool) {
	t = fresh(&generation2016)
	switch p {
	case Contact:
	case ContactExtended:
		t.atr = atrContactExtended
	case ContactShort:
		t.atr, t.extended = atrContactShort, false
	case Contactless:
		t.atr, t.extended = atrContactless, false // assumed: no extended lengths without contacts
	case Android:
		t.atr, t.extended, t.label, t.certificatePIN, t.holder = atrPhone, false, labelAndroid, true, "android"
	case IPhone:
		t.atr, t.extended, t.label, t.certificatePIN, t.holder = atrPhone, false, labelIPhone, true, "iphone"
		t.lastCommand = true
	case ResidentCard: // assumed: nothing is known of its ATR and files
		t.extended, t.label, t.holder = false, labelResident, "resident-card"
	case Announced2028:
		t = fresh(&generation2028)
	case NoCertificate:
		t.noCertificate = true
	case Expired:
		t.ends = func(now time.Time) time.Time { return now.AddDate(0, -1, 0) }
	case Expiring:
		t.ends = func(now time.Time) time.Time { return now.AddDate(0, 1, 0) }
	case Locked:
		t.authAttempts = 0
	case LastTry:
		t.authAttempts = 1
	case FaceAuth:
		// Assumed: what its counters and its signature password answer.
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
		panic(err) // of a constant in this package
	}
	return b
}
