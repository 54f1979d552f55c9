package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/mykeykit/mykeykit/internal/cli"
	"github.com/mykeykit/mykeykit/internal/termtext"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/jpki/trust"
	"github.com/mykeykit/mykeykit/mykey"
	"github.com/mykeykit/mykeykit/mykey/message"
	"github.com/mykeykit/mykeykit/reader"
)

// idOptions holds the flags of id.
type idOptions struct {
	namespace, key                 string
	pinStdin                       bool
	allowLastAttempt, allowExpired bool
	requireChain                   bool
	caFiles                        []string // files
}

// jpkiOptions converts the flags to options of package jpki.
func (p *program) jpkiOptions(o idOptions) ([]jpki.CardOption, error) {
	options, err := p.chainOptions(o.caFiles)
	if err != nil {
		return nil, err
	}
	if o.requireChain {
		options = append(options, jpki.RequireChain())
	}
	if o.allowLastAttempt {
		options = append(options, jpki.AllowLastAttempt())
	}
	if o.allowExpired {
		options = append(options, jpki.AllowExpired())
	}
	return options, nil
}

func (p *program) idCommand() *cobra.Command {
	var o idOptions
	c := &cobra.Command{
		Use: "id --namespace NAME --namespace-key FILE", Short: p.Say(textIDShort), Long: p.Say(textIDLong), Args: cli.NoArguments,
		RunE: func(c *cobra.Command, _ []string) error { return p.id(c.Context(), o) },
	}
	flags := c.Flags()
	flags.StringVar(&o.namespace, "namespace", "", p.Say(textFlagNamespace))
	flags.StringVar(&o.key, "namespace-key", "", p.Say(textFlagNamespaceKey))
	flags.BoolVar(&o.pinStdin, "pin-stdin", false, p.Say(textFlagPINStdin))
	flags.BoolVar(&o.allowLastAttempt, "allow-last-attempt", false, p.Say(textFlagAllowLastAttempt))
	flags.BoolVar(&o.allowExpired, "allow-expired", false, p.Say(textFlagAllowExpired))
	flags.BoolVar(&o.requireChain, "require-chain", false, p.Say(textFlagRequireChain))
	caCertificateFlag(c, p, &o.caFiles)
	return c
}

// pinSourceCard is the value of "pin_source": only the card reports that the PIN was
// correct.
const pinSourceCard = "card"

// assurance describes what was verified for an identifier.
type assurance struct {
	PIN        bool         `json:"pin"`
	PINSource  string       `json:"pin_source"` // who reports that the PIN was correct
	Possession bool         `json:"possession"`
	Chain      trust.Issuer `json:"chain"`
}

type identity struct {
	ID         mykey.ID    `json:"mykey_id"`
	Display    string      `json:"display"`
	Namespace  string      `json:"namespace"`
	Assurance  assurance   `json:"assurance"`
	Revocation string      `json:"revocation"`
	ValidUntil mykey.Month `json:"valid_until"`

	validity trust.Validity
}

// id derives the identifier. It checks everything that needs no card first, then asks for
// the PIN, then does the rest in one transaction.
func (p *program) id(ctx context.Context, o idOptions) error {
	namespace, err := p.namespace(o)
	if err != nil {
		return err
	}
	options, err := p.jpkiOptions(o)
	if err != nil {
		return err
	}
	name := p.reader
	var pin jpki.PIN
	defer func() { pin.Wipe() }()
	if o.pinStdin {
		pin, err = p.pipedPIN(ctx)
	} else {
		var ready jpki.Readiness
		name, pin, ready, err = p.typedPIN(ctx, options)
		options = append(options, jpki.ForCard(ready))
	}
	if err != nil {
		return err
	}
	var found identity
	err = p.withCard(ctx, name, func(_ string, card reader.Card) error {
		found, err = p.authenticate(ctx, card, pin, namespace, options)
		return err
	})
	if err != nil {
		return err
	}
	if p.JSON {
		return cli.WriteJSON(p.stdout, found)
	}
	return p.writeIdentity(found)
}

// namespace reads the key file and makes the namespace.
func (p *program) namespace(o idOptions) (*mykey.Namespace, error) {
	if o.namespace == "" || o.key == "" {
		return nil, p.Misuse(textNamespaceMissing, errors.New("--namespace or --namespace-key: not given"))
	}
	key, err := p.readKey(o.key)
	if err != nil {
		return nil, err
	}
	return mykey.NewNamespace(o.namespace, key)
}

func (p *program) authenticate(ctx context.Context, card reader.Card, pin jpki.PIN, namespace *mykey.Namespace, options []jpki.CardOption) (identity, error) {
	holder, err := jpki.Authenticate(ctx, card, pin, options...)
	if err != nil {
		return identity{}, err
	}
	id, err := namespace.Derive(holder)
	if err != nil {
		return identity{}, err
	}
	return identity{
		ID:         id,
		Display:    id.Display(),
		Namespace:  namespace.Name(),
		Assurance:  assurance{PIN: true, PINSource: pinSourceCard, Possession: true, Chain: holder.Issuer()},
		Revocation: revocationNotChecked,
		ValidUntil: mykey.MonthOf(holder.Certificate().NotAfter),
		validity:   holder.Validity(),
	}, nil
}

func (p *program) writeIdentity(found identity) error {
	t := table{program: p}
	t.row(textRowID, Text{JA: found.Display, EN: found.Display})
	name := termtext.Printable(found.Namespace)
	t.row(textRowNamespace, Text{JA: name, EN: name})
	t.row(textRowReported, textReported)
	t.row(textRowChecked, textChecked()[found.Assurance.Chain])
	t.row(textRowUnchecked, textUnchecked()[found.Assurance.Chain])
	until := message.Month(found.ValidUntil)
	t.row(textRowUntil, Text{JA: fmt.Sprintf(textUntil.JA, until.JA), EN: fmt.Sprintf(textUntil.EN, until.EN)})
	t.line(Text{})
	if p.simulated != nil {
		t.line(textSimulatedID)
	}
	t.line(textNotOfficial)
	switch found.validity {
	case trust.Expired:
		t.line(textExpiredNotice)
	case trust.Expiring:
		t.line(textExpiringNotice)
	}
	t.line(textIDChanges)
	return t.write(p.stdout)
}
