package proof

import (
	"crypto/x509"
	"encoding/json"
	"fmt"
	"log/slog"

	"github.com/mykeykit/mykeykit/internal/hidden"
	"github.com/mykeykit/mykeykit/jpki/revocation"
	"github.com/mykeykit/mykeykit/jpki/trust"
)

// Holder is what evidence proves about a card's holder. Only [Verifier.Verify] makes one;
// functions that take a Holder reject nil and the zero Holder. Printing or encoding a Holder
// shows no part of the certificate.
type Holder struct {
	// Printing by reflection must not reach the certificate.
	verified hidden.Value[*verified]
}

type verified struct {
	challenge   Challenge
	certificate *x509.Certificate
	validity    trust.Validity
	issuer      trust.Issuer
	revocation  revocation.Answer
}

func (h *Holder) reveal() verified {
	if h != nil {
		if v := h.verified.Reveal(); v != nil {
			return *v
		}
	}
	return verified{}
}

// Certificate returns the card's authentication certificate: personal data, to be kept no
// longer than needed. It is nil for the zero Holder. Do not change it.
func (h *Holder) Certificate() *x509.Certificate { return h.reveal().certificate }

// Challenge returns the challenge that the card answered.
func (h *Holder) Challenge() Challenge { return h.reveal().challenge }

// Validity returns the certificate's state when it was verified. Revocation is not part of it:
// see [Holder.Revocation].
func (h *Holder) Validity() trust.Validity { return h.reveal().validity }

// Issuer reports who issued the certificate. It is [trust.IssuerUnknown] only if the verifier
// allowed that, as jpki.Authenticate does without jpki.RequireChain.
func (h *Holder) Issuer() trust.Issuer {
	if v := h.reveal(); v.issuer != "" {
		return v.issuer
	}
	return trust.IssuerUnknown
}

// Revocation returns what a source said about the certificate's revocation. Its status is
// [revocation.Unknown] if the verifier didn't ask.
func (h *Holder) Revocation() revocation.Answer { return h.reveal().revocation }

// String describes the holder. It does not show when the certificate expires, because that is
// normally the holder's birthday.
func (h *Holder) String() string {
	v := h.reveal()
	if v.certificate == nil {
		return "[nobody]"
	}
	checked := "not checked"
	if v.revocation.Status != revocation.Unknown {
		checked = v.revocation.String()
	}
	return fmt.Sprintf("[holder: certificate %s, issuer %s, revocation %s]", v.validity, v.issuer, checked)
}

// Format prints [Holder.String] for every verb and flag.
func (h *Holder) Format(f fmt.State, _ rune) { fmt.Fprint(f, h.String()) }

// LogValue implements slog.LogValuer with [Holder.String].
func (h *Holder) LogValue() slog.Value { return slog.StringValue(h.String()) }

// MarshalJSON writes [Holder.String]. It can't be read back.
func (h *Holder) MarshalJSON() ([]byte, error) { return json.Marshal(h.String()) }
