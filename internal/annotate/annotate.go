// Package annotate describes the commands to the JPKI application in a few English words,
// for traces. Responses and the comments on lengths are in cmd/card-info (card.go and
// lengths.go); package reader leaves out secrets (Trace).
package annotate

import (
	"bytes"
	"fmt"

	"github.com/mykeykit/mykeykit/apdu"
	"github.com/mykeykit/mykeykit/internal/generation"
)

// Annotator describes the commands of one connection. The zero value is ready to use. It is
// not safe for concurrent use.
type Annotator struct {
	current *generation.Generation // whose application is selected; nil: not known yet
}

// Command describes a command. It returns "" for commands that it does not know.
func (a *Annotator) Command(c apdu.Command) string {
	switch c.INS {
	case apdu.InsSelect:
		return a.selection(c)
	case apdu.InsVerify:
		if c.Secret() {
			return "verify the " + a.file(c.P2&0x1F)
		}
		return "ask for the attempts left of the " + a.file(c.P2&0x1F)
	case apdu.InsReadBinary:
		if c.P1&0x80 != 0 {
			return "read the " + a.file(c.P1&0x1F)
		}
		return "read on"
	case apdu.InsPerformSecurityOperation:
		return "sign with the " + a.file(c.P2&0x1F)
	case apdu.InsGetResponse:
		return "fetch the rest"
	}
	return ""
}

func (a *Annotator) selection(c apdu.Command) string {
	for i, g := range generation.All {
		if !bytes.Equal(c.Data(), g.Application) {
			continue
		}
		a.current = g
		if i > 0 {
			return fmt.Sprintf("select the JPKI application of generation %d", i+1)
		}
		return "select the JPKI application"
	}
	switch {
	case bytes.Equal(c.Data(), []byte{0xA0, 0x00, 0x00, 0x01, 0x51, 0x00, 0x00}):
		return "log out: select the issuer security domain"
	case c.P1 == 0x02 && len(c.Data()) == 2:
		return "select the " + a.file(c.Data()[1])
	}
	return ""
}

// file returns the name of the file with this short identifier. 0 is the selected file.
func (a *Annotator) file(sfi byte) string {
	g := a.current
	if g == nil {
		g = generation.All[0]
	}
	switch sfi {
	case 0:
		return "selected file"
	case g.TokenInformation:
		return "token information"
	}
	for _, key := range []struct {
		name, credential string
		generation.Key
	}{{"authentication", "authentication PIN", g.Authentication}, {"signature", "signature password", g.Signature}} {
		switch sfi {
		case key.Credential.File:
			return key.credential
		case key.File:
			return key.name + " key"
		case key.Certificate:
			return key.name + " certificate"
		case key.CACertificate:
			return key.name + " CA certificate"
		}
	}
	return "file"
}
