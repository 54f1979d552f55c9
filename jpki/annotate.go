package jpki

import (
	"bytes"

	"github.com/mykeykit/mykeykit/apdu"
)

var fileNames = map[byte]string{
	efTokenInformation:  "token information",
	efAvailability:      "certificate availability",
	efAuthCertificate:   "authentication certificate",
	efAuthCA:            "authentication CA certificate",
	efAuthKey:           "authentication key",
	efAuthPIN:           "authentication PIN",
	efSignaturePassword: "signature password",
}

// Annotate says in a few English words what a command means to this
// application, for traces; it is empty for commands it does not know.
func Annotate(c apdu.Command) string {
	switch c.INS {
	case apdu.InsSelect:
		switch {
		case bytes.Equal(c.Data(), aidJPKI):
			return "select the JPKI application"
		case bytes.Equal(c.Data(), aidISD):
			return "leave: select the issuer security domain"
		case c.P1 == 0x02 && len(c.Data()) == 2:
			return "select the " + nameOf(c.Data()[1])
		}
	case apdu.InsVerify:
		if c.Secret() {
			return "verify the " + nameOf(c.P2&0x1F)
		}
		return "ask for the tries left of the " + nameOf(c.P2&0x1F)
	case apdu.InsReadBinary:
		if c.P1&0x80 != 0 {
			return "read the " + nameOf(c.P1&0x1F)
		}
		return "read on"
	case apdu.InsPerformSecurityOperation:
		return "sign a challenge with the " + nameOf(c.P2&0x1F)
	case apdu.InsGetResponse:
		return "fetch the rest"
	}
	return ""
}

// nameOf takes 0 for the selected file.
func nameOf(sfi byte) string {
	if sfi == 0 {
		return "selected file"
	}
	if name, ok := fileNames[sfi]; ok {
		return name
	}
	return "file"
}
