package counter

import (
	"crypto/rand"
	"time"

	"github.com/mykeykit/mykeykit/jpki/trust"
)

// Record is the record of a check: that it was made, when, and with what result. It has no personal data.
type Record struct {
	// Reference is the day and random letters. The clerk can note it in a file of the customer.
	Reference string       `json:"reference"`
	Time      time.Time    `json:"time"`
	Result    string       `json:"result"` // "same-person" or "other-person", by the clerk
	Checked   []string     `json:"checked"`
	Unchecked []string     `json:"not_checked"`
	Authority trust.Issuer `json:"authority"`
}

// newRecord returns the record of a check by a clerk, who says whether the customer is the person in the
// photograph.
func newRecord(now time.Time, same bool, authority trust.Issuer) Record {
	r := Record{
		Reference: now.In(trust.Japan).Format("20060102-") + rand.Text()[:10], Time: now.UTC().Truncate(time.Second), Result: OtherPerson, Authority: authority,
		Checked: []string{"signature", "card-key"}, Unchecked: []string{"revocation", "validity"},
	}
	if same {
		r.Result = SamePerson
	}
	if authority == trust.IssuerUnknown {
		r.Unchecked = append(r.Unchecked, "authority")
	} else {
		r.Checked = append(r.Checked, "authority")
	}
	return r
}
