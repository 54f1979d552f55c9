package main

import (
	"context"

	"github.com/mykeykit/mykeykit/internal/fleet"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/jpki/proof"
	"github.com/mykeykit/mykeykit/mykey"
	"github.com/mykeykit/mykeykit/mykey/registry"
	"github.com/mykeykit/mykeykit/reader"
)

// serverDesk is a desk whose server has the registry.
type serverDesk struct {
	client *fleet.Client
	prompt *cardPrompt
}

// prove waits for a card, and has it answer a challenge of the server. The server makes the
// challenge before the holder is asked for the PIN, so that no PIN is entered in vain while
// it is away.
func (d serverDesk) prove(ctx context.Context, place Text, options ...jpki.CardOption) (*proof.Evidence, reader.Reader, error) {
	found, err := d.prompt.wait(ctx, place)
	if err != nil {
		return nil, found, err
	}
	challenge, err := d.client.Challenge(ctx)
	if err != nil {
		return nil, found, err
	}
	c := d.prompt
	evidence, err := jpki.ProveWith(ctx, c.driver.Connect, found.Name, c.ask, challenge, append(options, c.chain...)...)
	return evidence, found, err
}

// identify starts a visit with a card.
func (d serverDesk) identify(ctx context.Context, place Text) (fleet.DeskVisit, reader.Reader, error) {
	evidence, found, err := d.prove(ctx, place)
	if err != nil {
		return nil, found, err
	}
	v, err := d.client.IdentifyAtDesk(ctx, *evidence)
	return v, found, err
}

// atServer changes a holder's reservation at the server, for a caller with a role.
func (p *program) atServer(ctx context.Context, o options, role registry.Role, authenticate func(serverDesk) (change, error)) error {
	options, err := o.cardOptions()
	if err != nil {
		return err
	}
	client, _, err := p.serverClient(o, role)
	if err != nil {
		return err
	}
	if _, err := (&serverBackend{Client: client}).fetchCampaign(ctx); err != nil {
		return err
	}
	t, err := p.terminal()
	if err != nil {
		return noTerminal(err)
	}
	defer t.Close()
	apply, err := authenticate(serverDesk{client, &cardPrompt{p, t, o.reader, options}})
	if err != nil {
		return err
	}
	return p.apply(ctx, apply)
}

func (p *program) newCodeAtServer(ctx context.Context, o options) error {
	return p.atServer(ctx, o, registry.RoleTerminal, func(d serverDesk) (change, error) {
		v, _, err := d.identify(ctx, textPlaceCard)
		return func(operation registry.Operation, code registry.RecoveryCode) (*registry.Reservation, error) {
			return v.ReplaceRecoveryCode(ctx, operation, code)
		}, err
	})
}

// clerkChange is a renewal that a clerk confirms at a server.
type clerkChange = func(fleet.DeskVisit, context.Context, registry.Operation, mykey.ID, registry.RecoveryCode) (*registry.Reservation, error)

func (p *program) renewByClerkAtServer(ctx context.Context, o options, typed string, renew clerkChange) error {
	id, err := mykey.Parse(typed)
	if err != nil {
		return err
	}
	return p.atServer(ctx, o, registry.RoleClerk, func(d serverDesk) (change, error) {
		v, _, err := d.identify(ctx, textPlaceNewCard)
		return func(operation registry.Operation, code registry.RecoveryCode) (*registry.Reservation, error) {
			return renew(v, ctx, operation, id, code)
		}, err
	})
}

// renewByOldCardAtServer reads the new card first, which starts the visit: the earlier card's
// challenge is then answered at once, before it is too old.
func (p *program) renewByOldCardAtServer(ctx context.Context, o options) error {
	return p.atServer(ctx, o, registry.RoleTerminal, func(d serverDesk) (change, error) {
		v, found, err := d.identify(ctx, textPlaceNewCard)
		if err != nil {
			return nil, err
		}
		if err := d.prompt.waitForRemoval(ctx, textTakeNewCard, found); err != nil {
			return nil, err
		}
		old, _, err := d.prove(ctx, textPlaceOldCard, jpki.AllowExpired())
		return func(operation registry.Operation, code registry.RecoveryCode) (*registry.Reservation, error) {
			return v.RenewByOldCard(ctx, operation, *old, code)
		}, err
	})
}

// apply makes a change and prints the new recovery code.
func (p *program) apply(ctx context.Context, apply change) error {
	code := registry.NewRecoveryCode()
	reservation, err := registry.Retry(ctx, func(operation registry.Operation) (*registry.Reservation, error) {
		return apply(operation, code)
	})
	if err != nil {
		return err
	}
	return p.print(textOfHolder, reservation.ID.Display(), code.Reveal())
}

// cardOptions returns the options for cards at a desk.
func (o options) cardOptions() ([]jpki.CardOption, error) {
	options, _, err := trustOptions(o.caCertificates)
	if o.allowLastAttempt {
		options = append(options, jpki.AllowLastAttempt())
	}
	return options, err
}
