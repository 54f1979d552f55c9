package terminal

import (
	"time"

	"github.com/mykeykit/mykeykit/cmd/kiosk/internal/campaign"
	"github.com/mykeykit/mykeykit/internal/hidden"
	"github.com/mykeykit/mykeykit/jpki/credential"
	"github.com/mykeykit/mykeykit/mykey"
	"github.com/mykeykit/mykeykit/mykey/message"
)

// Screen is what a person sees.
type Screen string

// The screens, in the order of a visit.
const (
	Welcome   Screen = "welcome"    // language and consent
	Place     Screen = "place"      // the card is waited for
	Checking  Screen = "checking"   // the attempts left are read
	LastTry   Screen = "last-try"   // one is left: yes or no
	EnterPIN  Screen = "pin"        // the PIN pad
	Reading   Screen = "reading"    // the card is at work
	WrongPIN  Screen = "wrong-pin"  // and how many tries are left
	Result    Screen = "result"     // the identifier
	FirstTime Screen = "first-time" // or is there an identifier of an earlier card
	TakeOver  Screen = "take-over"  // an earlier card's ID and its recovery code are typed
	NewCode   Screen = "new-code"   // instead of the earlier one: yes or no
	Services  Screen = "services"   // one is chosen
	Account   Screen = "account"    // its ID and code are typed
	Confirm   Screen = "confirm"    // they are read back
	Applying  Screen = "applying"   // the application is made
	Done      Screen = "done"       // it was
	Take      Screen = "take"       // the card is to be taken
	Cleared   Screen = "cleared"    // nothing is left of the visit
	Problem   Screen = "problem"    // something is in the way, until it is gone
)

// View is what the page shows. It holds what a person is shown and no more, and of
// nobody who is gone.
type View struct {
	// Step names this view: a random word that an action has to name, so that
	// nothing is done twice, late, or by who has not seen it.
	Step     string
	Screen   Screen
	Language message.Language
	// Ending: the visit ends soon, for want of action.
	Ending bool

	Campaign *campaign.Campaign
	Open     bool      // applications are taken now
	At       time.Time // since when this is shown
	Printer  bool      // there is one

	CardInside bool // the problem goes when the card is taken

	Counter *credential.Counter // tries left, where a card told
	Notice  *message.Message    // a problem, a wrong PIN, or what ended the visit

	ID       mykey.ID
	Expiry   mykey.Month
	Expiring bool           // the certificate can be renewed already
	Recovery hidden.Bytes   // a recovery code, once
	NewCode  bool           // a new recovery code can be asked for
	Applied  *campaign.Text // the service that was applied with
	Service  *campaign.Service
	Account  hidden.Bytes // the account's ID, to be read back
	Refused  Refused
}

// Refused says why what was typed is not accepted.
type Refused struct {
	Account, Code bool // which field does not have its form
	Used          bool // the account was used in another application
	Wrong         bool // the identifier and the recovery code don't belong together
}
