package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/mykeykit/mykeykit/internal/cli"
	"github.com/mykeykit/mykeykit/internal/fleet"
	"github.com/mykeykit/mykeykit/internal/registrycli"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/mykey"
	"github.com/mykeykit/mykeykit/mykey/registry"
)

var (
	textRenew     = Text{JA: "窓口で、前のカードのIDを新しいカードに引き継ぎます", EN: "Move an earlier card's ID to a new card at a desk"}
	textRenewLong = Text{
		JA: `前のカードのIDを、新しいカードに引き継ぎます。次のどちらかが必要です。
  --clerk CODE ID  本人と書類を確かめた担当者のコード（監査記録に残ります）
  --old-card       前のカードと、その暗証番号
--server のときは、コードの代わりに、登録した担当者のファイルを --bundle に
指定します。
--old-card には、端末のファイルが必要です。先に新しいカードを読み取ります。
カードの暗証番号は、ご本人に、このパソコンのキーボードで入力していただきます。
画面には表示されません。`,
		EN: `Move an earlier card's ID to a new card. One of these is required:
  --clerk CODE ID  the code of a clerk who has checked the resident's identity
                   and documents; the audit log records it
  --old-card       the earlier card and its PIN
With --server, give the file of an enrolled clerk with --bundle, not the code.
With --server and --old-card, give the file of a terminal. The new card is
read first.
The resident types the PIN on the keyboard of this computer. It is not shown.`,
	}
	textNewCode = Text{JA: "本人のカードで、新しい引き継ぎコードを発行します", EN: "Issue a new recovery code to the holder of a card"}
	textMerge   = Text{JA: "カード更新後に作った2つめのIDを、前のIDにまとめます", EN: "Merge a renewed card's second ID into the earlier ID"}

	textPlaceCard    = Text{JA: "カードをカードリーダーにセットしてください。", EN: "Place the card on the reader."}
	textPlaceNewCard = Text{JA: "新しいカードをカードリーダーにセットしてください。", EN: "Place the new card on the reader."}
	textPlaceOldCard = Text{JA: "前のカードをカードリーダーにセットしてください。", EN: "Place the earlier card on the reader."}
	textUseTerminal  = Text{JA: "担当者の方へ: ターミナルで実行してください。", EN: "For staff: run the command in a terminal."}
	textTakeOldCard  = Text{JA: "前のカードを取り外してください。", EN: "Remove the earlier card."}
	textTakeNewCard  = Text{JA: "新しいカードを取り外してください。", EN: "Remove the new card."}
	textOfHolder     = Text{
		JA: "ID: %s\n引き継ぎコード: %s\nこのコードは、二度と表示されません。書き写して、ご本人にお渡しください。\n",
		EN: "ID:            %s\nRecovery code: %s\nThis code is not shown again. Write it down and give it to the holder.\n",
	}
)

// holderFlags adds the flags of a desk with a reader that changes a holder's reservation.
func (p *program) holderFlags(c *cobra.Command, o *options) {
	p.campaignFlag(c, &o.campaign)
	p.registryFlag(c, &o.registry)
	p.keyFlags(c, o)
	c.Flags().StringVar(&o.terminalKey, "terminal-key", "", p.Say(textFlagDeskKey))
	c.Flags().StringVar(&o.server, "server", "", p.Say(textFlagServer))
	c.Flags().StringVar(&o.bundle, "bundle", "", p.Say(textFlagDeskBundle))
	p.readerFlags(c, o)
	c.Flags().BoolVar(&o.allowLastAttempt, "allow-last-attempt", false, p.Say(textFlagAllowLastAttempt))
}

func (p *program) renewCommand() *cobra.Command {
	var o options
	var byOldCard bool
	c := &cobra.Command{
		Use: "renew (--clerk CODE ID | --old-card)", Short: p.Say(textRenew), Long: p.Say(textRenewLong),
		Args: func(c *cobra.Command, args []string) error {
			byClerk := o.clerk != "" || o.server != "" && !byOldCard
			if byOldCard == byClerk || byOldCard && len(args) != 0 || byClerk && len(args) != 1 {
				return errors.New("use renew --clerk CODE ID, renew --server URL --bundle FILE ID or renew --old-card")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			if err := p.checkServerFlags(c.Flags()); err != nil {
				return err
			}
			switch {
			case o.server != "" && byOldCard:
				return p.renewByOldCardAtServer(c.Context(), o)
			case o.server != "":
				return p.renewByClerkAtServer(c.Context(), o, args[0], fleet.DeskVisit.RenewByClerk)
			case byOldCard:
				return p.renewByOldCard(c.Context(), o)
			}
			return p.renewByClerk(c.Context(), o, args[0], registry.ByClerk)
		},
	}
	p.holderFlags(c, &o)
	registrycli.ClerkFlag(c, p.Console, &o.clerk)
	c.Flags().BoolVar(&byOldCard, "old-card", false, p.Say(textFlagOldCard))
	return c
}

func (p *program) mergeCommand() *cobra.Command {
	var o options
	c := &cobra.Command{
		Use: "merge (--clerk CODE | --server URL --bundle FILE) ID", Short: p.Say(textMerge), Args: cli.Arguments("ID"),
		RunE: func(c *cobra.Command, args []string) error {
			if err := p.checkServerFlags(c.Flags()); err != nil {
				return err
			}
			if o.server != "" {
				return p.renewByClerkAtServer(c.Context(), o, args[0], fleet.DeskVisit.MergeByClerk)
			}
			return p.renewByClerk(c.Context(), o, args[0], registry.MergeByClerk)
		},
	}
	p.holderFlags(c, &o)
	registrycli.ClerkFlag(c, p.Console, &o.clerk)
	return c
}

func (p *program) newCodeCommand() *cobra.Command {
	var o options
	c := &cobra.Command{
		Use: "new-code", Short: p.Say(textNewCode), Args: cli.NoArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := p.checkServerFlags(c.Flags()); err != nil {
				return err
			}
			if o.server != "" {
				return p.newCodeAtServer(c.Context(), o)
			}
			return p.changeReservation(c.Context(), o, func(ctx context.Context, r *registry.Registry, prompt *cardPrompt) (change, error) {
				holder, _, err := prompt.authenticate(ctx, textPlaceCard)
				return func(operation registry.Operation, code registry.RecoveryCode) (*registry.Reservation, error) {
					return r.ReplaceRecoveryCode(ctx, operation, holder, code)
				}, err
			})
		},
	}
	p.holderFlags(c, &o)
	return c
}

func (p *program) renewByClerk(ctx context.Context, o options, typed string, proof func(mykey.ID, string) registry.RenewalProof) error {
	id, err := mykey.Parse(typed)
	if err != nil {
		return err
	}
	return p.changeReservation(ctx, o, func(ctx context.Context, r *registry.Registry, prompt *cardPrompt) (change, error) {
		clerk := proof(id, o.clerk)
		if err := r.CheckProof(ctx, clerk); err != nil {
			return nil, err
		}
		holder, _, err := prompt.authenticate(ctx, textPlaceNewCard)
		return func(operation registry.Operation, code registry.RecoveryCode) (*registry.Reservation, error) {
			return r.Renew(ctx, operation, holder, clerk, code)
		}, err
	})
}

func (p *program) renewByOldCard(ctx context.Context, o options) error {
	return p.changeReservation(ctx, o, func(ctx context.Context, r *registry.Registry, prompt *cardPrompt) (change, error) {
		old, found, err := prompt.authenticate(ctx, textPlaceOldCard, jpki.AllowExpired())
		if err != nil {
			return nil, err
		}
		proof := registry.ByOldCard(old)
		if err := r.CheckProof(ctx, proof); err != nil {
			return nil, err
		}
		if err := prompt.waitForRemoval(ctx, textTakeOldCard, found); err != nil {
			return nil, err
		}
		holder, _, err := prompt.authenticate(ctx, textPlaceNewCard)
		return func(operation registry.Operation, code registry.RecoveryCode) (*registry.Reservation, error) {
			return r.Renew(ctx, operation, holder, proof, code)
		}, err
	})
}

// change changes a holder's reservation and sets a new recovery code.
type change func(registry.Operation, registry.RecoveryCode) (*registry.Reservation, error)

// changeReservation authenticates a holder, changes the reservation and prints the new
// recovery code.
func (p *program) changeReservation(ctx context.Context, o options, authenticate func(context.Context, *registry.Registry, *cardPrompt) (change, error)) error {
	campaign, err := registrycli.ReadCampaign(p.Console, o.campaign)
	if err != nil {
		return err
	}
	options, err := o.cardOptions()
	if err != nil {
		return err
	}
	k, err := registrycli.ReadKeys(p.Console, o.keyFiles(), campaign.Namespace)
	if err != nil {
		return err
	}
	desk, err := registrycli.ReadTerminal(p.Console, "--terminal-key", o.terminalKey)
	if err != nil {
		return err
	}
	r, err := registry.Open(ctx, o.registry, desk, k.Current, registry.WithOtherGenerations(k.Others...), registry.WithoutMigrations())
	if err != nil {
		return err
	}
	defer r.Close()
	t, err := p.terminal()
	if err != nil {
		return noTerminal(err)
	}
	defer t.Close()
	apply, err := authenticate(ctx, r, &cardPrompt{p, t, o.reader, options})
	if err != nil {
		return err
	}
	return p.apply(ctx, apply)
}
