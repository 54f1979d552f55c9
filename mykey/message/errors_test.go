package message_test

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/apdu"
	"github.com/mykeykit/mykeykit/apdu/tlv"
	"github.com/mykeykit/mykeykit/internal/record"
	"github.com/mykeykit/mykeykit/internal/sourcetest"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/jpki/credential"
	"github.com/mykeykit/mykeykit/jpki/cvc"
	"github.com/mykeykit/mykeykit/jpki/face"
	"github.com/mykeykit/mykeykit/jpki/proof"
	"github.com/mykeykit/mykeykit/jpki/revocation"
	"github.com/mykeykit/mykeykit/jpki/text"
	"github.com/mykeykit/mykeykit/jpki/trust"
	"github.com/mykeykit/mykeykit/jpki/verification"
	"github.com/mykeykit/mykeykit/mykey"
	"github.com/mykeykit/mykeykit/mykey/message"
	"github.com/mykeykit/mykeykit/reader"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// known holds the errors of all packages except those in elsewhere.
var known = map[string]error{
	"apdu.ErrATR":             apdu.ErrATR,
	"apdu.ErrAddress":         apdu.ErrAddress,
	"apdu.ErrBlankFile":       apdu.ErrBlankFile,
	"apdu.ErrCommand":         apdu.ErrCommand,
	"apdu.ErrExcessResponse":  apdu.ErrExcessResponse,
	"apdu.ErrMalformedObject": apdu.ErrMalformedObject,
	"apdu.ErrNoProgress":      apdu.ErrNoProgress,
	"apdu.ErrObjectTooLong":   apdu.ErrObjectTooLong,
	"apdu.ErrProbe":           apdu.ErrProbe,
	"apdu.ErrRemoved":         apdu.ErrRemoved,
	"apdu.ErrShortResponse":   apdu.ErrShortResponse,
	"apdu.Status":             apdu.StatusSecurityNotSatisfied,

	"trust.ErrCACertificate":        trust.ErrCACertificate,
	"credential.ErrCounterUnknown":  credential.ErrCounterUnknown,
	"jpki.ErrChangeRejected":        jpki.ErrChangeRejected,
	"jpki.ErrChangeUnknown":         jpki.ErrChangeUnknown,
	"jpki.ErrSameSecret":            jpki.ErrSameSecret,
	"jpki.ErrDigestLength":          jpki.ErrDigestLength,
	"jpki.ErrFullResponse":          jpki.ErrFullResponse,
	"trust.ErrExpired":              trust.ErrExpired,
	"trust.ErrIssuerExpired":        trust.ErrIssuerExpired,
	"credential.ErrFormat":          credential.ErrFormat,
	"credential.ErrLastAttempt":     credential.ErrLastAttempt,
	"jpki.ErrMalformedAttributes":   jpki.ErrMalformedAttributes,
	"trust.ErrMalformed":            trust.ErrMalformed,
	"jpki.ErrNoApplication":         jpki.ErrNoApplication,
	"jpki.ErrNoAttributes":          jpki.ErrNoAttributes,
	"jpki.ErrNoCertificate":         jpki.ErrNoCertificate,
	"jpki.ErrNoPSS":                 jpki.ErrNoPSS,
	"jpki.ErrNoPossession":          jpki.ErrNoPossession,
	"trust.ErrNotAccepted":          trust.ErrNotAccepted,
	"trust.ErrNotYetValid":          trust.ErrNotYetValid,
	"credential.ErrOtherCard":       credential.ErrOtherCard,
	"credential.ErrLocked":          credential.ErrLocked,
	"jpki.ErrPINFormat":             jpki.ErrPINFormat,
	"credential.ErrOutcomeUnknown":  credential.ErrOutcomeUnknown,
	"jpki.ErrPINRequired":           jpki.ErrPINRequired,
	"credential.ErrUsed":            credential.ErrUsed,
	"credential.ErrWrong":           credential.ErrWrong,
	"jpki.ErrPasswordFormat":        jpki.ErrPasswordFormat,
	"jpki.ErrSignerClosed":          jpki.ErrSignerClosed,
	"jpki.ErrStillUnlocked":         jpki.ErrStillUnlocked,
	"credential.ErrAttemptsChanged": credential.ErrAttemptsChanged,
	"trust.ErrUnknownIssuer":        trust.ErrUnknownIssuer,
	"trust.ErrUnsupportedKey":       trust.ErrUnsupportedKey,
	"jpki.ErrUnsupportedSignature":  jpki.ErrUnsupportedSignature,
	"trust.ErrWrongKind":            trust.ErrWrongKind,
	"credential.Error":              &credential.Error{},
	"trust.ValidityError":           &trust.ValidityError{},

	"proof.ErrAge":       proof.ErrAge,
	"proof.ErrAlgorithm": proof.ErrAlgorithm,
	"proof.ErrAudience":  proof.ErrAudience,
	"proof.ErrFormat":    proof.ErrFormat,
	"proof.ErrName":      proof.ErrName,
	"proof.ErrPurpose":   proof.ErrPurpose,
	"proof.ErrSignature": proof.ErrSignature,
	"proof.ErrUsed":      proof.ErrUsed,

	"revocation.ErrRevoked":   revocation.ErrRevoked,
	"revocation.ErrUnknown":   revocation.ErrUnknown,
	"revocation.RevokedError": &revocation.RevokedError{},

	"mykey.ErrHolder":      mykey.ErrHolder,
	"mykey.ErrCheckSymbol": mykey.ErrCheckSymbol,
	"mykey.ErrFormat":      mykey.ErrFormat,
	"mykey.ErrKey":         mykey.ErrKey,
	"mykey.ErrMonth":       mykey.ErrMonth,
	"mykey.ErrNamespace":   mykey.ErrNamespace,

	"reader.AmbiguousError":   &reader.AmbiguousError{},
	"reader.NameError":        &reader.NameError{},
	"reader.NoMatchError":     &reader.NoMatchError{},
	"reader.ErrBusy":          reader.ErrBusy,
	"reader.ErrChanged":       reader.ErrChanged,
	"reader.ErrClosed":        reader.ErrClosed,
	"reader.ErrDenied":        reader.ErrDenied,
	"reader.ErrNoCard":        reader.ErrNoCard,
	"reader.ErrNoMatch":       reader.ErrNoMatch,
	"reader.ErrNoReader":      reader.ErrNoReader,
	"reader.ErrNoService":     reader.ErrNoService,
	"reader.ErrRemoved":       reader.ErrRemoved,
	"reader.ErrTransport":     reader.ErrTransport,
	"reader.ErrUnknownReader": reader.ErrUnknownReader,
	"reader.ErrUnsupported":   reader.ErrUnsupported,

	"simulator.ErrOccupied": simulator.ErrOccupied,

	"cvc.ErrMalformed":              cvc.ErrMalformed,
	"cvc.ErrSignature":              cvc.ErrSignature,
	"cvc.ErrUnknownAuthority":       cvc.ErrUnknownAuthority,
	"face.ErrAltered":               face.ErrAltered,
	"face.ErrCopied":                face.ErrCopied,
	"face.ErrWrongSecret":           face.ErrWrongSecret,
	"record.ErrMalformed":           record.ErrMalformed,
	"text.ErrAltered":               text.ErrAltered,
	"text.ErrWrongSecret":           text.ErrWrongSecret,
	"text.ErrPINFormat":             text.ErrPINFormat,
	"verification.ErrBirthFormat":   verification.ErrBirthFormat,
	"verification.ErrNumberAFormat": verification.ErrNumberAFormat,
	"verification.ErrNumberBFormat": verification.ErrNumberBFormat,

	"tlv.ErrBlank":     tlv.ErrBlank,
	"tlv.ErrLimit":     tlv.ErrLimit,
	"tlv.ErrMalformed": tlv.ErrMalformed,
	"tlv.ErrNotFound":  tlv.ErrNotFound,
	"tlv.ErrTooLong":   tlv.ErrTooLong,
	"tlv.ErrTruncated": tlv.ErrTruncated,
}

// elsewhere holds the errors that this package does not know by themselves, and why.
var elsewhere = map[string]string{
	"applet.ErrNoApplication":  "is jpki.ErrNoApplication",
	"applet.ErrStillUnlocked":  "is jpki.ErrStillUnlocked",
	"applet.ErrChangeRejected": "is jpki.ErrChangeRejected",
	"applet.ErrChangeUnknown":  "is jpki.ErrChangeUnknown",
	"applet.ErrSame":           "is jpki.ErrSameSecret",
	"cli.Failure":              "brings a message of its own",
	"counter.ErrStale":         "is for the page only, which shows the current view",
	"pcsc.Code":                "is in a pcsc.Error",
	"pcsc.Error":               "matches an error of package reader, whatever its code: see its tests",
	"cardtls.ErrNotAccepted":   "is trust.ErrNotAccepted",
	"face.ErrMalformed":        "is record.ErrMalformed",
	"jp2.ErrMalformed":         "cmd/card-info has a message for a photograph that can't be decoded",
	"jp2.ErrUnsupported":       "as jp2.ErrMalformed",
	"face.ErrNoApplication":    "is jpki.ErrNoApplication",
	"face.ErrStillUnlocked":    "is jpki.ErrStillUnlocked",
	"text.ErrMalformed":        "is record.ErrMalformed",
	"text.ErrNoApplication":    "is jpki.ErrNoApplication",
	"text.ErrStillUnlocked":    "is jpki.ErrStillUnlocked",
}

// folders holds the packages whose errors have messages in another package, and where
// that is tested.
var folders = map[string]string{
	"internal/campaign":             "cmd/kiosk/internal/terminal",
	"cmd/kiosk/internal/terminal":   "cmd/kiosk/internal/terminal",
	"internal/sshagent":             "cmd/card-info",
	"internal/fleet":                "cmd/kiosk/internal/terminal",
	"internal/fleettls":             "cmd/mykey-server",
	"jpki/cms":                      "cmd/card-info",
	"jpki/pdf":                      "cmd/card-info",
	"jpki/pdf/internal/object":      "cmd/card-info",
	"cmd/mykey-server/internal/pki": "cmd/mykey-server",
	"mykey/registry":                "cmd/kiosk/internal/terminal",
}

// Every error that a package of this module exports has a message. The list comes from
// the source.
//
// Faults: F85.
func TestEveryExportedErrorHasItsMessage(t *testing.T) {
	root := filepath.Join("..", "..")
	var exported []string
	for _, directory := range sourcetest.Packages(t, root) {
		relative, err := filepath.Rel(root, directory)
		require.NoError(t, err)
		if folders[filepath.ToSlash(relative)] == "" {
			exported = append(exported, sourcetest.Errors(t, directory)...)
		}
	}
	slices.Sort(exported)
	listed := append(slices.Collect(maps.Keys(known)), slices.Collect(maps.Keys(elsewhere))...)
	slices.Sort(listed)
	assert.Equal(t, exported, listed, "the exported errors, and those that this test knows")

	unknown := message.For(fmt.Errorf("another program's"))
	for name, err := range known {
		m := message.For(fmt.Errorf("wrapped: %w", err))
		assert.NotEqual(t, unknown.Code, m.Code, name)
		assert.NotEqual(t, unknown.What, m.What, name)
		requireWhole(t, m)
	}
}
