// Package annotate describes the commands to the JPKI, the text and the visual application in a
// few English words, for traces. Responses and the comments on lengths are in cmd/card-info (card.go and
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
	surface *surface               // selected, instead of the JPKI application; nil: none
}

// surface is the text or the visual application: what packages text and face use of it.
type surface struct {
	name  string
	aid   byte // its last byte
	files map[byte]string
}

// surfaceAID is the identifier of these applications without its last byte.
var surfaceAID = []byte{0xD3, 0x92, 0x10, 0x00, 0x31, 0x00, 0x01, 0x01, 0x04}

func surfaces() []surface {
	return []surface{
		{"text", 0x08, map[byte]string{
			0x01: "individual number", 0x02: "attributes", 0x03: "integrity record", 0x04: "CV certificate",
			0x11: "text PIN", 0x14: "verification number A", 0x15: "verification number B",
		}},
		{"visual", 0x02, map[byte]string{
			0x01: "age record", 0x02: "data and pictures", 0x04: "CV certificate",
			0x11: "date of birth", 0x12: "verification number B", 0x13: "verification number A",
		}},
	}
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
		if c.P2 == 0 {
			return "sign with the application's own key"
		}
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
		a.current, a.surface = g, nil
		if i > 0 {
			return fmt.Sprintf("select the JPKI application of generation %d", i+1)
		}
		return "select the JPKI application"
	}
	for _, s := range surfaces() {
		if bytes.Equal(c.Data(), append(bytes.Clone(surfaceAID), s.aid)) {
			a.surface = &s
			return "select the " + s.name + " application"
		}
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
	if sfi == 0 {
		return "selected file"
	}
	if a.surface != nil {
		if name, ok := a.surface.files[sfi]; ok {
			return name
		}
		return "file"
	}
	g := a.current
	if g == nil {
		g = generation.All[0]
	}
	switch sfi {
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
