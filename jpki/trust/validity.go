package trust

import (
	"crypto/x509"
	"errors"
	"time"
)

// Validity is a certificate's state at a given time, without revocation.
type Validity string

// The states of validity.
const (
	Valid       Validity = "valid"
	Expiring    Validity = "expiring" // expires within 3 months, and can be renewed
	Expired     Validity = "expired"
	NotYetValid Validity = "not-yet-valid"
)

// Japan is Japan's time zone, in which dates are displayed, and in which the start of the renewal
// period ([Expiring]) is computed.
var Japan = time.FixedZone("JST", 9*60*60)

// ValidityAt returns a certificate's state at now. The first and the last second of the validity
// period count as valid.
func ValidityAt(certificate *x509.Certificate, now time.Time) Validity {
	now = now.Truncate(time.Second)
	switch {
	case now.Before(certificate.NotBefore):
		return NotYetValid
	case now.After(certificate.NotAfter):
		return Expired
	case !now.Before(renewable(certificate.NotAfter)):
		return Expiring
	default:
		return Valid
	}
}

// renewable returns when a certificate can be renewed: 3 months before it expires, or on
// the last day of a month that is too short for that.
func renewable(end time.Time) time.Time {
	end = end.In(Japan)
	day := end.AddDate(0, -3, 0)
	for day.Day() != end.Day() && day.Day() < 4 { // 31 May less 3 months is "31 February", so in March
		day = day.AddDate(0, 0, -1)
	}
	return day
}

// The reasons for a [*ValidityError].
var (
	ErrExpired     = errors.New("certificate expired")
	ErrNotYetValid = errors.New("certificate not yet valid")
)

// ValidityError reports that a certificate has expired or is not yet valid. Its text has no
// dates: errors are logged, and a certificate normally expires on its holder's birthday.
type ValidityError struct {
	Reason               error // ErrExpired or ErrNotYetValid
	SignatureCertificate bool  // whether it is the signature certificate
	NotBefore, NotAfter  time.Time
}

func (e *ValidityError) Error() string {
	if e.Reason == nil {
		return "certificate can't be used now"
	}
	return e.Reason.Error()
}

// Unwrap returns the reason.
func (e *ValidityError) Unwrap() error { return e.Reason }

// CheckValidity returns a [*ValidityError] if a certificate has expired or is not yet valid
// at now. An expired one is accepted if allowExpired is set.
func CheckValidity(certificate *x509.Certificate, now time.Time, allowExpired bool) error {
	unusable := &ValidityError{NotBefore: certificate.NotBefore, NotAfter: certificate.NotAfter}
	unusable.SignatureCertificate = certificate.KeyUsage&x509.KeyUsageContentCommitment != 0
	switch ValidityAt(certificate, now) {
	case NotYetValid:
		unusable.Reason = ErrNotYetValid
	case Expired:
		if allowExpired {
			return nil
		}
		unusable.Reason = ErrExpired
	default:
		return nil
	}
	return unusable
}
