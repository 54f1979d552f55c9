package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/mykeykit/mykeykit/apdu"
	"github.com/mykeykit/mykeykit/internal/cli"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/jpki/credential"
	"github.com/mykeykit/mykeykit/jpki/text"
	"github.com/mykeykit/mykeykit/jpki/trust"
	"github.com/mykeykit/mykeykit/jpki/verification"
	"github.com/mykeykit/mykeykit/reader"
)

func (p *program) attributesCommand() *cobra.Command {
	var o surfaceOptions
	c := &cobra.Command{
		Use: "attributes", Short: p.Say(textAttributesShort), Long: p.Say(textAttributesLong), Args: cli.NoArguments,
		RunE: func(c *cobra.Command, _ []string) error { return p.attributes(c.Context(), o) },
	}
	p.surfaceFlags(c, &o, byNumberB, textFlagByText)
	c.Flags().StringVar(&o.from, "from", "", p.Say(textFlagFrom))
	c.Flags().BoolVar(&o.stdin, "password-stdin", false, p.Say(textFlagPasswordStdin))
	return c
}

func (p *program) numberCommand() *cobra.Command {
	var o surfaceOptions
	c := &cobra.Command{
		Use: "number --under-number-act", Short: p.Say(textNumberShort), Long: p.Say(textNumberLong), Args: cli.NoArguments,
		RunE: func(c *cobra.Command, _ []string) error { return p.number(c.Context(), o) },
	}
	p.surfaceFlags(c, &o, byPIN, textFlagByNumber)
	c.Flags().BoolVar(&o.underNumberAct, "under-number-act", false, p.Say(textFlagNumberAct))
	return c
}

// textSecret returns the entry for a secret of the text application, and what it becomes.
func (p *program) textSecret(by string, allowed ...string) (entry, *text.Secret, error) {
	secret := new(text.Secret)
	counter := func(of func(text.Attempts) credential.Counter) func(context.Context, apdu.Transmitter) (credential.Counter, error) {
		return func(ctx context.Context, card apdu.Transmitter) (credential.Counter, error) {
			a, err := text.Counters(ctx, card)
			return of(a), err
		}
	}
	switch by {
	case byPIN:
		return entry{textAskTextPIN, func(typed []byte) error {
			pin, err := text.ParsePIN(typed)
			*secret = text.ByPIN(pin)
			return err
		}, counter(func(a text.Attempts) credential.Counter { return a.PIN })}, secret, p.isOneOf(by, allowed)
	case byNumberA:
		return entry{textAskNumberA, func(typed []byte) error {
			a, err := verification.ParseNumberA(typed)
			*secret = text.ByNumberA(a)
			return err
		}, counter(func(a text.Attempts) credential.Counter { return a.NumberA })}, secret, p.isOneOf(by, allowed)
	case byNumberB:
		return entry{textAskNumberB, func(typed []byte) error {
			b, err := verification.ParseNumberB(typed)
			*secret = text.ByNumberB(b)
			return err
		}, counter(func(a text.Attempts) credential.Counter { return a.NumberB })}, secret, p.isOneOf(by, allowed)
	}
	return entry{}, nil, p.isOneOf(by, allowed)
}

// attributesJSON is what attributes prints as JSON.
type attributesJSON struct {
	Name      string       `json:"name"`
	Address   string       `json:"address"`
	Birth     string       `json:"birth"` // YYYY-MM-DD
	Sex       string       `json:"sex"`
	Authority trust.Issuer `json:"authority"`
	Checked   []string     `json:"checked"`
	Unchecked []string     `json:"not_checked"`
}

// attributes reads the holder's attributes.
func (p *program) attributes(ctx context.Context, o surfaceOptions) error {
	switch o.from {
	case "":
	case fromSignature:
		return p.attributesOfSignature(ctx, o)
	default:
		return p.WrongUsage(fmt.Errorf("--from: %q", o.from))
	}
	e, secret, err := p.textSecret(o.by, byNumberB, byPIN)
	if err != nil {
		return err
	}
	policy, err := p.policy(o.authorities)
	if err != nil {
		return err
	}
	name, shown, err := p.enter(ctx, o, e)
	defer secret.Wipe()
	if err != nil {
		return withoutApplication(err)
	}
	r := text.Reader{Policy: policy, AllowLastAttempt: o.allowLastAttempt, Shown: shown}
	var a *text.Attributes
	err = p.withSurface(ctx, name, &r.ShortLengths, func(card reader.Card) error {
		a, err = r.Attributes(ctx, card, *secret)
		return err
	})
	if err != nil {
		return err
	}
	if p.JSON {
		checked, unchecked := checks(a.Issuer(), false)
		return cli.WriteJSON(p.stdout, attributesJSON{a.Name(), a.Address(), isoDate(a.Birth()), sexName(a.Sex()), a.Issuer(), checked, unchecked})
	}
	t := table{program: p}
	t.row(textRowName, same(a.Name()))
	t.row(textRowAddress, same(a.Address()))
	t.row(textRowBirth, same(isoDate(a.Birth())))
	t.row(textRowSex, textSex(a.Sex()))
	p.writeChecks(&t, a.Issuer(), false)
	return t.write(p.stdout)
}

// attributesOfSignature reads the holder's attributes from the signature certificate, which any card has that can
// sign. The certificate's issuer is checked.
func (p *program) attributesOfSignature(ctx context.Context, o surfaceOptions) error {
	v, err := p.documentVerifier(verifyOptions{})
	if err != nil {
		return err
	}
	signer, err := p.signatureSigner(ctx, passwordOptions{stdin: o.stdin, allowLastAttempt: o.allowLastAttempt}, jpki.AllowExpired())
	if err != nil {
		return err
	}
	if err := signer.Close(); err != nil {
		return err
	}
	a, err := jpki.ParseAttributes(signer.Certificate())
	if err != nil {
		return err
	}
	issuer, err := v.Trust.Issuer(signer.Certificate(), p.now(), nil)
	if err != nil {
		return err
	}
	if p.JSON {
		return cli.WriteJSON(p.stdout, attributesJSON{a.Name(), a.Address(), birthOf(a), sexName(a.Sex()), issuer, []string{"issuer"}, []string{"revocation", "bearer"}})
	}
	t := table{program: p}
	p.addHolder(&t, a)
	t.row(textRowSignerIssuer, textCertificateIssuer(issuer))
	t.row(textRowUnchecked, textCertificateUnchecked)
	return t.write(p.stdout)
}

// number reads the individual number.
func (p *program) number(ctx context.Context, o surfaceOptions) error {
	if !o.underNumberAct {
		return p.Misuse(textNumberActMissing, errors.New("--under-number-act: not given"))
	}
	e, secret, err := p.textSecret(o.by, byPIN, byNumberA)
	if err != nil {
		return err
	}
	policy, err := p.policy(o.authorities)
	if err != nil {
		return err
	}
	name, shown, err := p.enter(ctx, o, e)
	defer secret.Wipe()
	if err != nil {
		return withoutApplication(err)
	}
	r := text.Reader{Policy: policy, AllowLastAttempt: o.allowLastAttempt, Shown: shown}
	var n *text.MyNumber
	err = p.withSurface(ctx, name, &r.ShortLengths, func(card reader.Card) error {
		n, err = r.MyNumberUnderNumberAct(ctx, card, *secret)
		return err
	})
	if err != nil {
		return err
	}
	if p.JSON {
		return cli.WriteJSON(p.stdout, struct {
			Number    string       `json:"my_number"`
			Authority trust.Issuer `json:"authority"`
		}{n.Reveal(), n.Issuer()})
	}
	t := table{program: p}
	t.row(textRowNumber, same(n.Reveal()))
	p.writeChecks(&t, n.Issuer(), false)
	return t.write(p.stdout)
}
