package simulator

import "time"

// generation describes what all cards of one generation have in common. To add a
// generation, add a value and a profile that refers to it.
type generation struct {
	prefix  string // prefix of its keys' names, so that generations do not share keys
	aid     string // of the JPKI application; hex
	atr     string // of a card in a contact reader; hex
	label   string // of the token information record
	years   int    // how long certificates are valid
	keys    keyKind
	schemes []scheme

	tokenInformation uint16
	availability     uint16   // 0: the card has no such file
	protected        []uint16 // files that need a secret other than PIN and password
	unreadable       []uint16 // files that can be selected but not read

	authentication, signature credentialFiles

	others bool // has the text, visual, juki and common applications
}

// credentialFiles are the files of one credential, and the attempts that its secret allows.
type credentialFiles struct {
	certificate, ca, key, secret uint16
	attempts                     int
}

// validity returns the validity of a certificate that was issued 18 months ago.
func (g *generation) validity(now time.Time) period {
	return period{start: now.AddDate(-1, -6, 0), end: now.AddDate(g.years-1, -6, 0)}
}

// generation2016 describes the cards and phones in use. Assumed: the resident card that
// preceded them is the same.
var generation2016 = generation{
	aid:     "D392F000260100000001",
	atr:     atrContact,
	label:   labelCard,
	years:   5,
	keys:    rsa2048,
	schemes: rsaSchemes,

	tokenInformation: 0x0006,
	availability:     0x0008,
	protected:        []uint16{0x0009},
	unreadable: []uint16{
		0x0010, // purpose unknown
		0x0016, // CA certificate for terminals
		0x001E, // internal; assumed to be unreadable
	},
	authentication: credentialFiles{certificate: 0x000A, ca: 0x000B, key: 0x0017, secret: 0x0018, attempts: 3},
	signature:      credentialFiles{certificate: 0x0001, ca: 0x0002, key: 0x001A, secret: 0x001B, attempts: 5},
	others:         true,
}
