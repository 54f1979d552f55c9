package face

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"

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
	// ErrNoApplication reports that the card has no visual application.
	ErrNoApplication = applet.ErrNoApplication
	// ErrStillUnlocked reports that the card could not be logged out. It is joined to any
	// earlier error. Taking the card out of the reader logs it out.
	ErrStillUnlocked = applet.ErrStillUnlocked
	// ErrMalformed reports a file in an unexpected format. The error contains none of its bytes.
	ErrMalformed = record.ErrMalformed
	// ErrAltered reports data that does not match its signature.
	ErrAltered = errors.New("the data does not match its signature")
	// ErrCopied reports a card that did not prove that it holds the private key for the public key
	// in its data.
	ErrCopied = errors.New("the card did not prove possession of its key: its data may be a copy")
	// ErrWrongSecret reports a kind of secret that does not give access to the file. Nothing was
	// sent.
	ErrWrongSecret = errors.New("this kind of secret does not give access to the file")
)

// Files of the application. The credentials' files are below.
const (
	fileAge         = 0x01
	fileFace        = 0x02
	fileCertificate = 0x04
)

// aid is the application's identifier.
var aid = []byte{0xD3, 0x92, 0x10, 0x00, 0x31, 0x00, 0x01, 0x01, 0x04, 0x02}

// The credentials. How many attempts the date of birth allows is assumed.
var (
	credentialBirth = verification.Birth{}.Credential(0x11, 10)
	credentialB     = verification.NumberB{}.Credential(0x12, 10)
	credentialA     = verification.NumberA{}.Credential(0x13, 10)
)

// maxFile bounds a file, in bytes.
const maxFile = 32 << 10

// Secret is a secret for the application. Make it with [ByNumberB], [ByNumberA] or [ByBirth]. It
// can be sent once. The zero Secret is rejected with [ErrWrongSecret].
type Secret struct {
	credential applet.Credential
	secret     applet.Secret
	face, age  bool // what it gives access to
}

// ByNumberB returns a Secret for [Reader.Read].
func ByNumberB(b verification.NumberB) Secret { return Secret{credentialB, b.Secret(), true, false} }

// ByNumberA returns a Secret for [Reader.Read]. Number A is the individual number, for which the
// law limits who may ask: see package text. Prefer number B.
func ByNumberA(a verification.NumberA) Secret { return Secret{credentialA, a.Secret(), true, false} }

// ByBirth returns a Secret for [Reader.ReadAgeRecord].
func ByBirth(b verification.Birth) Secret { return Secret{credentialBirth, b.Secret(), false, true} }

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
	// Random is the source of challenges. Nil is crypto/rand.Reader.
	Random io.Reader
}

// Attempts are the attempts left for the application's secrets.
type Attempts struct{ Birth, NumberB, NumberA credential.Counter }

// Counters returns the attempts left, in one transaction. It uses up none. It returns
// [ErrNoApplication], [credential.ErrCounterUnknown], or the transport's error.
func Counters(ctx context.Context, card apdu.Transmitter) (a Attempts, err error) {
	err = applet.Do(ctx, card, [][]byte{aid}, func(s *applet.Session, _ int) error {
		for _, c := range []struct {
			of   applet.Credential
			left *credential.Counter
		}{{credentialBirth, &a.Birth}, {credentialB, &a.NumberB}, {credentialA, &a.NumberA}} {
			if *c.left, err = s.Counter(ctx, c.of); err != nil {
				return fmt.Errorf("%s: %w", c.of.Kind, err)
			}
		}
		return nil
	})
	return a, err
}

// Read reads the holder's data and the pictures, and checks them and the card, in one transaction.
// Then it logs the card out. On a card with extended lengths it sends 6 commands, and 1 to log out.
// The secret is used up, except if the error is [apdu.ErrProbe]: see ShortLengths.
//
// It returns [ErrNoApplication], [ErrWrongSecret], [credential.ErrCounterUnknown],
// [*credential.Error], [credential.ErrUsed], [ErrMalformed], [ErrAltered], [ErrCopied], the errors
// of [cvc.Parse] and [cvc.Policy.Issuer], [ErrStillUnlocked], or the transport's error.
func (r *Reader) Read(ctx context.Context, card apdu.Transmitter, secret Secret) (*Data, error) {
	if !secret.face {
		secret.Wipe()
		return nil, ErrWrongSecret
	}
	var data *Data
	err := r.checked(ctx, card, secret, fileFace, func(file []byte, key *rsa.PublicKey) (*rsa.PublicKey, func(trust.Issuer), error) {
		read, own, err := parseData(file, key)
		return own, func(issuer trust.Issuer) {
			read.issuer = issuer
			data = newData(read)
		}, err
	})
	if err != nil {
		return nil, err
	}
	return data, nil
}

// ReadAgeRecord reads the age record, which has only the date of birth, and checks it as [Reader.Read]
// does. It returns the same errors.
func (r *Reader) ReadAgeRecord(ctx context.Context, card apdu.Transmitter, secret Secret) (*AgeRecord, error) {
	if !secret.age {
		secret.Wipe()
		return nil, ErrWrongSecret
	}
	var age *AgeRecord
	err := r.checked(ctx, card, secret, fileAge, func(file []byte, key *rsa.PublicKey) (*rsa.PublicKey, func(trust.Issuer), error) {
		birth, own, err := parseAge(file, key)
		return own, func(issuer trust.Issuer) { age = newAge(birth, issuer) }, err
	})
	if err != nil {
		return nil, err
	}
	return age, nil
}

// checked reads the CV certificate, and a file after the card has accepted the secret. parse checks
// the file's signature with the certificate's key, and returns the card's own key and a function
// that is called when the authority and the card were checked too.
func (r *Reader) checked(ctx context.Context, card apdu.Transmitter, secret Secret, file byte,
	parse func(file []byte, key *rsa.PublicKey) (own *rsa.PublicKey, accept func(trust.Issuer), err error)) (err error) {
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
		// First, because no extended length is tried after a secret was sent.
		cv, err := s.ReadObject(ctx, fileCertificate, maxFile, tlv.AllowLongLengths())
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
		content, err := s.ReadObject(ctx, file, maxFile, tlv.AllowLongLengths())
		if err != nil {
			return fmt.Errorf("file %04X: %w", file, err)
		}
		certificate, err := cvc.Parse(cv)
		if err != nil {
			return err
		}
		own, accept, err := parse(content, certificate.Key)
		if err != nil {
			return err
		}
		issuer, err := r.Policy.Issuer(certificate)
		if err != nil {
			return err
		}
		if err := r.checkCard(ctx, s, own); err != nil {
			return err
		}
		accept(issuer)
		return nil
	}, options...)
}

// challengeLength is the length of a challenge, in bytes.
const challengeLength = 32

// checkCard has the card sign a challenge with its own key.
func (r *Reader) checkCard(ctx context.Context, s *applet.Session, own *rsa.PublicKey) error {
	random := r.Random
	if random == nil {
		random = rand.Reader
	}
	challenge := make([]byte, challengeLength)
	if _, err := io.ReadFull(random, challenge); err != nil {
		return fmt.Errorf("challenge: %w", err)
	}
	sum := sha256.Sum256(challenge)
	signature, err := s.SignWithDefaultKey(ctx, 0, slices.Concat(sha256DigestInfo, sum[:]), own.Size())
	switch {
	case errors.As(err, new(apdu.Status)):
		return fmt.Errorf("%w: %w", ErrCopied, err)
	case err != nil:
		return err
	case rsa.VerifyPKCS1v15(own, crypto.SHA256, sum[:], signature) != nil:
		return ErrCopied
	}
	return nil
}

// sha256DigestInfo is the beginning of the DigestInfo of a SHA-256 digest (RFC 8017 §9.2).
var sha256DigestInfo = []byte{0x30, 0x31, 0x30, 0x0D, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20}
