package message

import (
	"context"
	"errors"
	"slices"

	"github.com/mykeykit/mykeykit/apdu"
	"github.com/mykeykit/mykeykit/apdu/tlv"
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
	"github.com/mykeykit/mykeykit/reader"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

type kind struct {
	err  error
	code Code
}

// kinds returns the errors whose text never varies. The first that matches decides.
func kinds() []kind {
	return []kind{
		{jpki.ErrStillUnlocked, CardStillUnlocked},
		{jpki.ErrSameSecret, PINUnchanged},
		{jpki.ErrChangeRejected, PINChangeRejected}, // before its causes
		{jpki.ErrChangeUnknown, PINChangeUnknown},
		{context.Canceled, Interrupted},
		{reader.ErrUnsupported, PCSCUnsupported},
		{reader.ErrDenied, PCSCDenied},
		{reader.ErrNoService, PCSCUnavailable},
		{reader.ErrNoReader, ReaderNotFound},
		{reader.ErrNoCard, CardAbsent},
		// A card that was removed during the proof of possession is not a forged one.
		{reader.ErrRemoved, CardRemoved},
		{reader.ErrChanged, CardChanged},
		{reader.ErrBusy, ReaderBusy},
		{jpki.ErrFullResponse, ExchangeFailed},
		{reader.ErrTransport, ReadFailed},
		{reader.ErrClosed, ReadFailed},
		{context.DeadlineExceeded, ReadFailed},
		{jpki.ErrNoApplication, NotMyNumberCard},
		{jpki.ErrNoCertificate, NoAuthCert},
		{trust.ErrMalformed, CertMalformed},
		{trust.ErrWrongKind, CertWrongKind},
		{trust.ErrUnsupportedKey, KeyUnsupported},
		{trust.ErrUnknownIssuer, ChainUnknown},
		{trust.ErrIssuerExpired, IssuerExpired},
		{trust.ErrCACertificate, CACertificate}, // of a card: in an ErrUnknownIssuer
		{trust.ErrNotAccepted, CertNotAccepted},
		{jpki.ErrNoPossession, PossessionFailed},
		{text.ErrAltered, DataAltered},
		{face.ErrAltered, DataAltered},
		{face.ErrCopied, CardCopied},
		{cvc.ErrSignature, DataAltered},
		{cvc.ErrUnknownAuthority, AuthorityUnknown},
		{cvc.ErrMalformed, CardDataMalformed},
		{text.ErrMalformed, CardDataMalformed}, // also face's
		{text.ErrWrongSecret, RequestInvalid},
		{face.ErrWrongSecret, RequestInvalid},
		{proof.ErrAge, ProofExpired},
		{proof.ErrUsed, ProofExpired},
		{proof.ErrAudience, ProofRejected},
		{proof.ErrPurpose, ProofRejected},
		{proof.ErrAlgorithm, ProofRejected},
		{proof.ErrSignature, ProofRejected},
		{proof.ErrFormat, ProofRejected},
		{proof.ErrName, RequestInvalid},
		{revocation.ErrRevoked, CertRevoked},
		{credential.ErrOtherCard, CardChanged}, // without *credential.Error: a secret may have been sent
		{jpki.ErrPINRequired, CertNeedsPIN},
		{jpki.ErrPINFormat, PINFormat},
		{jpki.ErrPasswordFormat, PasswordFormat},
		{text.ErrPINFormat, EntryFormat},
		{verification.ErrNumberAFormat, EntryFormat},
		{verification.ErrNumberBFormat, EntryFormat},
		{verification.ErrBirthFormat, EntryFormat},
		{credential.ErrFormat, PINFormat},
		{credential.ErrUsed, PINUsed},
		{credential.ErrCounterUnknown, PINCounterUnknown},
		{mykey.ErrKey, NamespaceKey},
		{mykey.ErrNamespace, NamespaceName},
		{mykey.ErrHolder, RequestInvalid},
		{mykey.ErrFormat, IDFormat},
		{mykey.ErrCheckSymbol, IDCheckSymbol},
		{mykey.ErrMonth, RequestInvalid},
		{jpki.ErrNoAttributes, NoAttributes},
		{jpki.ErrMalformedAttributes, AttributesDamaged},
		{jpki.ErrUnsupportedSignature, SignatureUnsupported},
		{jpki.ErrNoPSS, SignatureNoPSS},
		{jpki.ErrDigestLength, RequestInvalid},
		{apdu.ErrCommand, RequestInvalid},
		{apdu.ErrAddress, RequestInvalid},
		{apdu.ErrShortResponse, ReadFailed},
		{apdu.ErrExcessResponse, ReadFailed},
		{apdu.ErrNoProgress, ReadFailed},
		{apdu.ErrProbe, ReadFailed},
		{apdu.ErrATR, ReadFailed},
		{apdu.ErrBlankFile, CardDataMalformed},
		{apdu.ErrMalformedObject, CardDataMalformed},
		{apdu.ErrObjectTooLong, CardDataMalformed},
		{tlv.ErrBlank, CardDataMalformed},
		{tlv.ErrLimit, CardDataMalformed},
		{tlv.ErrMalformed, CardDataMalformed},
		{tlv.ErrNotFound, CardDataMalformed},
		{tlv.ErrTooLong, CardDataMalformed},
		{tlv.ErrTruncated, CardDataMalformed},
		{simulator.ErrOccupied, SimulatorOccupied},
		{jpki.ErrSignerClosed, SignerClosed}, // last: what closed the signer says more
	}
}

// reasons returns the reasons of a [*credential.Error], in case one comes without it.
func reasons() []error {
	return []error{
		credential.ErrLocked, credential.ErrWrong, credential.ErrLastAttempt, credential.ErrAttemptsChanged,
		credential.ErrOutcomeUnknown,
	}
}

// For returns the message for err. Its code is [Failed] if For does not know the error, or
// if err is nil.
//
// If logging out failed after another error, the message is about the first error.
// Callers also check for [jpki.ErrStillUnlocked] and then show the message for
// [CardStillUnlocked] too.
func For(err error) Message {
	if cause := Cause(err); cause != nil {
		err = cause
	}
	var secret *credential.Error
	var validity *trust.ValidityError
	var several *reader.AmbiguousError
	switch {
	case errors.Is(err, revocation.ErrUnknown): // first: its cause can be any error
		return named(RevocationUnknown)
	case errors.As(err, &secret):
		return forCredential(secret)
	case errors.As(err, &validity):
		return forValidity(validity)
	case errors.As(err, &several):
		return forSeveral(several)
	case errors.Is(err, reader.ErrUnknownReader):
		return forUnknownReader(err)
	case errors.Is(err, reader.ErrNoMatch):
		return forNoMatch(err)
	}
	for _, kind := range kinds() {
		if errors.Is(err, kind.err) {
			return named(kind.code)
		}
	}
	for _, reason := range reasons() {
		if errors.Is(err, reason) {
			return forCredential(&credential.Error{Reason: reason})
		}
	}
	var status apdu.Status
	switch {
	case errors.Is(err, trust.ErrExpired):
		return forValidity(&trust.ValidityError{Reason: trust.ErrExpired})
	case errors.Is(err, trust.ErrNotYetValid):
		return forValidity(&trust.ValidityError{Reason: trust.ErrNotYetValid})
	case errors.As(err, &status):
		return forStatus(status)
	}
	return named(Failed)
}

// Cause returns the error that occurred before logging out failed
// ([jpki.ErrStillUnlocked]), or nil if there was none. It returns an error without
// ErrStillUnlocked as it is.
func Cause(err error) error {
	if err == nil || !errors.Is(err, jpki.ErrStillUnlocked) {
		return err
	}
	switch e := err.(type) {
	case interface{ Unwrap() error }:
		return Cause(e.Unwrap())
	case interface{ Unwrap() []error }:
		parts := e.Unwrap()
		if slices.Contains(parts, jpki.ErrStillUnlocked) {
			return nil // the other parts say why logging out failed
		}
		for _, part := range parts {
			if cause := Cause(part); cause != nil {
				return cause
			}
		}
	}
	return nil
}
