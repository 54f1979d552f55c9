package counter

import (
	"time"

	"github.com/mykeykit/mykeykit/internal/hidden"
	"github.com/mykeykit/mykeykit/jpki/credential"
	"github.com/mykeykit/mykeykit/jpki/face"
	"github.com/mykeykit/mykeykit/mykey/message"
)

// Screen names a screen of the counter.
type Screen string

// The screens, in the order of a check.
const (
	Place       Screen = "place"        // waits for a card
	Checking    Screen = "checking"     // reads the attempts left
	LastAttempt Screen = "last-attempt" // asks whether to use the last attempt
	Number      Screen = "number"       // asks for what is printed on the card
	Reading     Screen = "reading"      // reads the card
	WrongNumber Screen = "wrong-number" // shows the attempts left
	Shown       Screen = "shown"        // shows the photograph and the data
	NotKept     Screen = "not-kept"     // the record could not be kept
	Take        Screen = "take"         // the check has ended; asks to return the card
	Problem     Screen = "problem"      // something prevents a check, until it is solved
)

// actionsOn lists the actions of each screen. MoreTime and SetLanguage are valid on all of them.
var actionsOn = map[Screen][]string{
	LastAttempt: {UseLastAttempt, Finish},
	Number:      {EnterNumber, Finish},
	WrongNumber: {TryAgain, Finish},
	Shown:       {SamePerson, OtherPerson, Finish},
	NotKept:     {TryAgain, Finish},
}

// View is what the page shows. It holds no more than that, and nothing of an earlier card.
type View struct {
	// Step identifies the view. An action must name it, so that a late or repeated action does
	// nothing.
	Step     string
	Screen   Screen
	Language message.Language
	Ending   bool      // the check is idle and ends soon
	At       time.Time // when the view was shown
	Records  bool      // records of checks are kept

	Counter    *credential.Counter // attempts left
	Wrong      []Field             // fields that can't be what is printed on a card
	CardInside bool                // the problem goes away when the card is taken
	Notice     *message.Message    // a problem, or the reason why the check ended
	Holder     *Holder             // what was read from the card
	Kept       *Record             // the record that was kept
}

// Holder is what was read from a card, and passed all checks: personal data. The pictures are PNG.
type Holder struct {
	*face.Data
	Photo, Name, Address hidden.Bytes
}

// Picture returns a picture of the current view, empty if the view has changed or has no such picture.
func (c *Counter) Picture(step, name string) hidden.Bytes {
	v, _ := c.View()
	if v.Step != step || v.Holder == nil {
		return hidden.Bytes{}
	}
	return map[string]hidden.Bytes{"photo": v.Holder.Photo, "name": v.Holder.Name, "address": v.Holder.Address}[name]
}

func (h *Holder) wipe() {
	for _, picture := range []hidden.Bytes{h.Photo, h.Name, h.Address} {
		picture.Wipe()
	}
}
