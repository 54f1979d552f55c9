package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/mykeykit/mykeykit/internal/cli"
	"github.com/mykeykit/mykeykit/internal/termtext"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/jpki/credential"
	"github.com/mykeykit/mykeykit/jpki/trust"
	"github.com/mykeykit/mykeykit/mykey/message"
	"github.com/mykeykit/mykeykit/reader"
)

// revocationNotChecked is what is said of revocation, always.
const revocationNotChecked = "not-checked"

// report is what is in the reader.
type report struct {
	Reader            string             `json:"reader"`
	ATR               string             `json:"atr"`
	Token             jpki.Token         `json:"token"`
	AuthPIN           credential.Counter `json:"auth_pin"`
	SignaturePassword credential.Counter `json:"signature_password"`
	AuthCertificate   certificate        `json:"auth_certificate"`
	Chain             trust.Chain        `json:"chain"`
	Revocation        string             `json:"revocation"`

	issuer Text
}

type certificate struct {
	Present     bool           `json:"present"`
	NotBefore   string         `json:"not_before,omitempty"`
	NotAfter    string         `json:"not_after,omitempty"`
	Status      trust.Validity `json:"status,omitempty"`
	PINRequired bool           `json:"pin_required,omitempty"` // phones show it after the PIN only

	until Text
}

// unusable are the failures beside which the rest can be shown.
var unusable = []error{jpki.ErrNoCertificate, trust.ErrMalformed, trust.ErrWrongKind, trust.ErrIssuerExpired}

// report is the program's default command. Beside a certificate that is missing,
// damaged, of another kind, or of an issuer that is out of its time it shows
// everything else, and then fails.
func (p *program) report(ctx context.Context, authorities []string) error {
	options, err := p.trust(authorities)
	if err != nil {
		return err
	}
	r := report{Revocation: revocationNotChecked}
	var problem error
	err = p.withApplication(ctx, func(name string, card reader.Card, a *jpki.Application) (err error) {
		r.Reader, r.ATR = termtext.Printable(name), fmt.Sprintf("%X", card.ATR())
		if r.Token, err = a.Token(ctx); err != nil {
			return err
		}
		if r.AuthPIN, err = a.AuthPINCounter(ctx); err != nil {
			return err
		}
		if r.SignaturePassword, err = a.SignaturePasswordCounter(ctx); err != nil {
			return err
		}
		problem = p.describe(ctx, a, &r)
		if slices.ContainsFunc(unusable, func(u error) bool { return errors.Is(problem, u) }) {
			return nil
		}
		return problem
	}, options...)
	if err != nil {
		return err
	}
	if p.JSON {
		err = cli.WriteJSON(p.stdout, r)
	} else {
		err = p.writeReport(r, problem != nil)
	}
	if err != nil {
		return err
	}
	return problem
}

// describe reads the certificate for what may be shown of it, and finds out who
// issued it. That a phone shows nothing before the PIN is no error.
func (p *program) describe(ctx context.Context, a *jpki.Application, r *report) error {
	r.Chain, r.issuer = trust.Unknown, textIssuerNotAsked
	found, err := a.AuthCertificate(ctx)
	switch {
	case errors.Is(err, jpki.ErrPINRequired):
		r.AuthCertificate, r.issuer = certificate{Present: true, PINRequired: true}, textIssuerNeedsPIN
		return nil
	case err != nil:
		r.AuthCertificate.Present = !errors.Is(err, jpki.ErrNoCertificate)
		return err
	}
	r.AuthCertificate = certificate{
		Present:   true,
		NotBefore: timestamp(found.NotBefore),
		NotAfter:  timestamp(found.NotAfter),
		Status:    trust.ValidityAt(found, p.now()),
		until:     message.Date(found.NotAfter),
	}
	r.Chain, err = a.Chain(ctx, found)
	r.issuer = textIssuer()[r.Chain]
	if errors.Is(err, trust.ErrIssuerExpired) {
		r.issuer = textIssuerExpired
		if r.AuthCertificate.Status == trust.Expired {
			return nil // of the same age, and told already
		}
	}
	return err
}

// writeReport writes the report as text, with a line between it and the failure
// that follows, if one does.
func (p *program) writeReport(r report, failing bool) error {
	t := table{program: p}
	t.line(textReportTitle(r.Token.Kind))
	t.row(textRowCard, textKind(r.Token.Kind))
	t.row(textRowReader, Text{JA: r.Reader, EN: r.Reader})
	t.row(textRowPIN, triesText(r.AuthPIN))
	t.row(textRowPassword, triesText(r.SignaturePassword))
	t.row(textRowCertificate, certificateText(r.AuthCertificate))
	t.row(textRowIssuer, r.issuer)
	t.row(textRowRevocation, textRevocation)
	for _, notice := range notices(r) {
		t.line(Text{})
		t.line(notice)
	}
	if failing {
		t.line(Text{})
	}
	return t.write(p.stdout)
}

// notices say what a person should know about the numbers.
func notices(r report) []Text {
	var list []Text
	switch {
	case r.AuthPIN.Locked():
		m := message.For(credential.ErrLocked)
		list = append(list, Text{JA: m.What.JA + "\n" + m.Next.JA, EN: m.What.EN + "\n" + m.Next.EN})
	case r.AuthPIN.Remaining == 1:
		list = append(list, textLastTryNotice)
	case r.AuthPIN.Remaining < r.AuthPIN.Max:
		list = append(list, textFewerTriesNotice)
	}
	if r.SignaturePassword.Locked() {
		list = append(list, textPasswordLockedNotice)
	}
	switch r.AuthCertificate.Status {
	case trust.Expired:
		list = append(list, textExpiredNotice)
	case trust.Expiring:
		list = append(list, textExpiringNotice)
	}
	return list
}
