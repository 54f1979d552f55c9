package terminal

import (
	"time"

	"github.com/mykeykit/mykeykit/internal/campaign"
	"github.com/mykeykit/mykeykit/internal/hidden"
	"github.com/mykeykit/mykeykit/jpki/credential"
	"github.com/mykeykit/mykeykit/mykey"
	"github.com/mykeykit/mykeykit/mykey/message"
)

// Screen names a screen of the terminal.
type Screen string

// The screens, in the order of a visit.
const (
	Welcome     Screen = "welcome"      // asks for the language and for consent
	Place       Screen = "place"        // waits for the card
	Checking    Screen = "checking"     // reads the remaining attempts
	LastAttempt Screen = "last-attempt" // asks whether to use the last attempt
	EnterPIN    Screen = "pin"          // the PIN pad
	Reading     Screen = "reading"      // authenticates the holder
	WrongPIN    Screen = "wrong-pin"    // shows the remaining attempts
	Result      Screen = "result"       // shows the identifier
	FirstTime   Screen = "first-time"   // asks whether an earlier card has an identifier
	TakeOver    Screen = "take-over"    // asks for an earlier card's identifier and its recovery code
	NewCode     Screen = "new-code"     // asks whether to replace the recovery code
	Services    Screen = "services"     // asks for a service
	Account     Screen = "account"      // asks for the account's ID and code
	Confirm     Screen = "confirm"      // asks to confirm the application
	Applying    Screen = "applying"     // waits for the registry
	Done        Screen = "done"         // the application was made
	Take        Screen = "take"         // asks to take the card
	Cleared     Screen = "cleared"      // the visit has ended
	Problem     Screen = "problem"      // something prevents the visit, until it is solved
)

// View is what the page shows. It holds no more than that, and nothing of an earlier
// visit.
type View struct {
	// Step identifies the view. An action must name it, so that a late or repeated
	// action, or one from a page that never showed the view, does nothing.
	Step     string
	Screen   Screen
	Language message.Language
	// Ending reports that the visit is idle and ends soon.
	Ending bool

	Campaign *campaign.Campaign
	Open     bool      // the campaign accepts applications
	At       time.Time // when the view was shown
	Printer  bool      // a printer is available

	CardInside bool // the problem goes away when the card is taken
	KeepCard   bool // the card should stay, so that the staff see the problem
	// OutcomeUnknown reports that an application, an identifier or a recovery code may
	// or may not have been made.
	OutcomeUnknown bool

	Counter *credential.Counter // remaining attempts, if the card reported them
	Notice  *message.Message    // a problem, or the reason why the visit ended

	ID       mykey.ID
	Expiry   mykey.Month
	Expiring bool           // the certificate can already be renewed
	Recovery hidden.Bytes   // a new recovery code
	NewCode  bool           // a new recovery code can be made
	Applied  *campaign.Text // the service of an earlier application
	Service  *campaign.Service
	Account  hidden.Bytes // the account's ID, to confirm
	Refused  Refused
}

// Refused says why typed text was not accepted.
type Refused struct {
	Account, Code bool // the field does not match its pattern
	Used          bool // another application uses the account
	Wrong         bool // the identifier and the recovery code don't match
}
