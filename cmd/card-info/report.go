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

// revocationNotChecked is the value of "revocation". Revocation is never checked.
const revocationNotChecked = "not-checked"

// report describes the card in a reader.
type report struct {
	Reader            string             `json:"reader"`
	ATR               string             `json:"atr"`
	Token             jpki.Token         `json:"token"`
	AuthPIN           credential.Counter `json:"auth_pin"`
	SignaturePassword credential.Counter `json:"signature_password"`
	AuthCertificate   certificate        `json:"auth_certificate"`
	Chain             trust.Issuer       `json:"chain"`
	Revocation        string             `json:"revocation"`

	issuer Text
}

type certificate struct {
	Present     bool           `json:"present"`
	NotBefore   string         `json:"not_before,omitempty"`
	NotAfter    string         `json:"not_after,omitempty"`
	Status      trust.Validity `json:"status,omitempty"`
	PINRequired bool           `json:"pin_required,omitempty"` // phones show it only after the PIN

	until Text
}

// certificateErrors are the errors of the certificate after which the rest of the report
// is still shown.
var certificateErrors = []error{jpki.ErrNoCertificate, trust.ErrMalformed, trust.ErrWrongKind, trust.ErrIssuerExpired}

// report is the program's default command. If the certificate is missing, malformed, of
// another kind, or its CA certificate is expired or not yet valid, report shows
// everything else and then fails.
func (p *program) report(ctx context.Context, caFiles []string) error {
	options, err := p.chainOptions(caFiles)
	if err != nil {
		return err
	}
	r := report{Revocation: revocationNotChecked}
	var problem error
	err = p.withApplication(ctx, func(found reader.Reader, a *jpki.Application) (err error) {
		r.Reader, r.ATR = termtext.Printable(found.Name), fmt.Sprintf("%X", found.ATR)
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
		if slices.ContainsFunc(certificateErrors, func(u error) bool { return errors.Is(problem, u) }) {
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

// describe reads the certificate and checks its issuer. A phone that needs the PIN first
// is not an error.
func (p *program) describe(ctx context.Context, a *jpki.Application, r *report) error {
	r.Chain, r.issuer = trust.IssuerUnknown, textIssuerNotChecked
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
	r.Chain, err = a.Issuer(ctx, found)
	r.issuer = textIssuer()[r.Chain]
	if errors.Is(err, trust.ErrIssuerExpired) {
		r.issuer = textIssuerExpired
		if r.AuthCertificate.Status == trust.Expired {
			return nil // the expired certificate is reported already
		}
	}
	return err
}

// writeReport writes the report as text, with an empty line at the end if a failure
// follows.
func (p *program) writeReport(r report, failing bool) error {
	t := table{program: p}
	t.line(textReportTitle(r.Token.Kind))
	t.row(textRowCard, textKind(r.Token.Kind))
	t.row(textRowReader, Text{JA: r.Reader, EN: r.Reader})
	t.row(textRowPIN, attemptsText(r.AuthPIN))
	t.row(textRowPassword, attemptsText(r.SignaturePassword))
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

// notices returns what the user should know about the values in the report.
func notices(r report) []Text {
	var list []Text
	switch {
	case r.AuthPIN.Locked():
		m := message.For(credential.ErrLocked)
		list = append(list, m.What.And(m.Next))
	case r.AuthPIN.Remaining == 1:
		list = append(list, textLastAttemptNotice)
	case r.AuthPIN.Remaining < r.AuthPIN.Max:
		list = append(list, textFewerAttemptsNotice)
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
