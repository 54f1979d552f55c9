package text

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/mykeykit/mykeykit/apdu"
	"github.com/mykeykit/mykeykit/apdu/tlv"
	"github.com/mykeykit/mykeykit/internal/applet"
	"github.com/mykeykit/mykeykit/internal/record"
	"github.com/mykeykit/mykeykit/jpki/credential"
	"github.com/mykeykit/mykeykit/jpki/cvc"
	"github.com/mykeykit/mykeykit/jpki/trust"
	"github.com/mykeykit/mykeykit/jpki/verification"
)

var (
	// ErrNoApplication reports that the card has no text application.
	ErrNoApplication = applet.ErrNoApplication
	// ErrStillUnlocked reports that the card could not be logged out. It is joined to any
	// earlier error. Taking the card out of the reader logs it out.
	ErrStillUnlocked = applet.ErrStillUnlocked
	// ErrMalformed reports a file in an unexpected format. The error contains none of its bytes.
	ErrMalformed = record.ErrMalformed
	// ErrAltered reports data that does not match its signature.
	ErrAltered = errors.New("the data does not match its signature")
	// ErrWrongSecret reports a kind of secret that does not give access to the file. Nothing was
	// sent.
	ErrWrongSecret = errors.New("this kind of secret does not give access to the file")
)

// Files of the application. The credentials' files are below.
const (
	fileNumber      = 0x01
	fileAttributes  = 0x02
	fileIntegrity   = 0x03
	fileCertificate = 0x04
)

// aid is the application's identifier.
var aid = []byte{0xD3, 0x92, 0x10, 0x00, 0x31, 0x00, 0x01, 0x01, 0x04, 0x08}

// The credentials. How many attempts verification number A allows is assumed.
var (
	credentialPIN = applet.Credential{Kind: credential.TextPIN, File: 0x11, Attempts: 3, Rules: pinRules}
	credentialA   = verification.NumberA{}.Credential(0x14, 10)
	credentialB   = verification.NumberB{}.Credential(0x15, 10)
)

// maxFile bounds a file, in bytes.
const maxFile = 8 << 10

// Secret is a secret for the application. Make it with [ByPIN], [ByNumberA] or [ByNumberB]. It can
// be sent once. The zero Secret is rejected with [ErrWrongSecret].
type Secret struct {
	credential         applet.Credential
	secret             applet.Secret
	attributes, number bool // what it gives access to
}

// ByPIN returns a Secret for the attributes and the individual number.
func ByPIN(pin PIN) Secret { return Secret{credentialPIN, pin.secret, true, true} }

// ByNumberA returns a Secret for the individual number.
func ByNumberA(a verification.NumberA) Secret { return Secret{credentialA, a.Secret(), false, true} }

// ByNumberB returns a Secret for the attributes.
func ByNumberB(b verification.NumberB) Secret { return Secret{credentialB, b.Secret(), true, false} }

// Wipe wipes a secret that will not be used. Wipe is idempotent.
func (s Secret) Wipe() { s.secret.Wipe() }

// Reader reads the application. It is safe for concurrent use if its fields are not changed.
type Reader struct {
	// Policy says which authorities are accepted as certifiers of the key that signed the data.
	Policy cvc.Policy
	// AllowLastAttempt allows the last attempt to be used.
	AllowLastAttempt bool
	// Shown holds the number of attempts left that was displayed when the secret was typed. If the
	// card reports a different number now, no secret is sent. If Shown is nil, the numbers are not
	// compared.
	Shown *credential.Counter
	// ShortLengths is for readers that break the connection when a method probes whether the card
	// accepts extended lengths. The method then returns [apdu.ErrProbe], and the secret is unused:
	// connect again, set ShortLengths, and call it with the same secret.
	ShortLengths bool
}

// Attempts are the attempts left for the application's secrets.
type Attempts struct{ PIN, NumberA, NumberB credential.Counter }

// Counters returns the attempts left, in one transaction. It uses up none. It returns
// [ErrNoApplication], [credential.ErrCounterUnknown], or the transport's error.
func Counters(ctx context.Context, card apdu.Transmitter) (a Attempts, err error) {
	err = applet.Do(ctx, card, [][]byte{aid}, func(s *applet.Session, _ int) error {
		for _, c := range []struct {
			of   applet.Credential
			left *credential.Counter
		}{{credentialPIN, &a.PIN}, {credentialA, &a.NumberA}, {credentialB, &a.NumberB}} {
			if *c.left, err = s.Counter(ctx, c.of); err != nil {
				return fmt.Errorf("%s: %w", c.of.Kind, err)
			}
		}
		return nil
	})
	return a, err
}

// Attributes reads the holder's attributes and checks them, in one transaction. Then it logs the
// card out. On a card with extended lengths it sends 6 commands, and 1 to log out. The secret is
// used up, except if the error is [apdu.ErrProbe]: see ShortLengths.
//
// It returns [ErrNoApplication], [ErrWrongSecret], [credential.ErrCounterUnknown],
// [*credential.Error], [credential.ErrUsed], [ErrMalformed], [ErrAltered], the errors of
// [cvc.Parse] and [cvc.Policy.Issuer], [ErrStillUnlocked], or the transport's error.
func (r *Reader) Attributes(ctx context.Context, card apdu.Transmitter, secret Secret) (*Attributes, error) {
	if !secret.attributes {
		secret.Wipe()
		return nil, ErrWrongSecret
	}
	var a *Attributes
	err := r.unlocked(ctx, card, secret, func(s *applet.Session, certificate []byte) error {
		file, err := s.ReadObject(ctx, fileAttributes, maxFile, tlv.AllowLongLengths())
		if err != nil {
			return fmt.Errorf("attributes: %w", err)
		}
		read, signed, err := parseAttributes(file)
		if err != nil {
			return err
		}
		if read.issuer, err = r.check(ctx, s, certificate, tagAttributesDigest, signed); err == nil {
			a = newAttributes(read)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return a, nil
}

// numberLength is the length of the file with the individual number, with the filler at its end.
const numberLength = 17

// MyNumberUnderNumberAct reads the individual number and checks it, as [Reader.Attributes] does
// with the attributes, and returns the same errors. Call it only for a purpose that the Number
// Act allows: see the package comment.
func (r *Reader) MyNumberUnderNumberAct(ctx context.Context, card apdu.Transmitter, secret Secret) (*MyNumber, error) {
	if !secret.number {
		secret.Wipe()
		return nil, ErrWrongSecret
	}
	var n *MyNumber
	err := r.unlocked(ctx, card, secret, func(s *applet.Session, certificate []byte) error {
		file, err := s.Read(ctx, fileNumber, numberLength)
		if err != nil {
			return fmt.Errorf("individual number: %w", err)
		}
		defer clear(file)
		digits, err := parseNumber(file)
		if err != nil {
			return err
		}
		issuer, err := r.check(ctx, s, certificate, tagNumberDigest, file) // the signature covers the filler
		if err == nil {
			n = newMyNumber(digits, issuer)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return n, nil
}

// unlocked calls fn with the CV certificate after the card has accepted the secret. It reads the
// certificate first, because no extended length is tried after a secret was sent.
func (r *Reader) unlocked(ctx context.Context, card apdu.Transmitter, secret Secret, fn func(s *applet.Session, certificate []byte) error) (err error) {
	defer func() {
		if !errors.Is(err, apdu.ErrProbe) {
			secret.Wipe()
		}
	}()
	var options []apdu.Option
	if r.ShortLengths {
		options = append(options, apdu.WithShortLengths())
	}
	return applet.Do(ctx, card, [][]byte{aid}, func(s *applet.Session, _ int) error {
		certificate, err := s.ReadObject(ctx, fileCertificate, maxFile, tlv.AllowLongLengths())
		if err != nil {
			return fmt.Errorf("CV certificate: %w", err)
		}
		attempt, _, err := s.Prepare(ctx, secret.credential, applet.Conditions{AllowLastAttempt: r.AllowLastAttempt, Shown: r.Shown})
		if err != nil {
			return err
		}
		if err := attempt.Verify(ctx, secret.secret); err != nil {
			return err
		}
		return fn(s, certificate)
	}, options...)
}

// Tags of the integrity record.
const (
	tagIntegrity        = 0xFF30
	tagNumberDigest     = 0xDF31
	tagAttributesDigest = 0xDF32
	tagSignature        = 0xDF33
)

// check checks that the integrity record has the digest of data under a tag, that the key in the CV
// certificate signed the record, and who issued the certificate.
func (r *Reader) check(ctx context.Context, s *applet.Session, certificate []byte, tag tlv.Tag, data []byte) (trust.Issuer, error) {
	integrity, err := s.ReadObject(ctx, fileIntegrity, maxFile, tlv.AllowLongLengths())
	if err != nil {
		return "", fmt.Errorf("integrity record: %w", err)
	}
	return r.checkFiles(integrity, certificate, tag, data)
}

// checkFiles is check for files that were read.
func (r *Reader) checkFiles(integrityFile, certificateFile []byte, tag tlv.Tag, data []byte) (trust.Issuer, error) {
	integrity, err := record.Parse(integrityFile, tagIntegrity)
	if err != nil {
		return "", err
	}
	certificate, err := cvc.Parse(certificateFile)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(data)
	switch {
	case !bytes.Equal(integrity.Value(tag), sum[:]):
		return "", fmt.Errorf("%w: the digest differs", ErrAltered)
	case cvc.CheckSignature(certificate.Key, integrity.Raw(tagNumberDigest, tagAttributesDigest), integrity.Value(tagSignature)) != nil:
		return "", fmt.Errorf("%w: the record of their digests is altered", ErrAltered)
	}
	return r.Policy.Issuer(certificate)
}
