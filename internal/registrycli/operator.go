package registrycli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/mykeykit/mykeykit/internal/cli"
	"github.com/mykeykit/mykeykit/mykey/registry"
)

// Operator makes the commands with which an operator manages a registry. The programs that have
// these commands differ in the flags that name the registry and the keys.
type Operator struct {
	*cli.Console
	// RegistryFlag adds the flag that names the registry.
	RegistryFlag func(c *cobra.Command, url *string)
	// CampaignFlag adds the flag that names the campaign file.
	CampaignFlag func(c *cobra.Command, file *string)
	// HeadsFlag adds the flag that names a file with the output of an earlier audit.
	HeadsFlag func(c *cobra.Command, file *string)
	// DeskFlags adds the flags that name the key of a desk and the public keys of those who sign
	// audit records. The returned function opens the desk.
	DeskFlags func(c *cobra.Command) OpenDesk
}

// OpenDesk opens the desk of a namespace in the registry at url.
type OpenDesk func(ctx context.Context, url, namespace string) (*registry.Desk, error)

var textFlagClerk = Text{JA: "担当者のコード（`CODE`）。氏名は使いません", EN: "`CODE` of the clerk, not a name"}

// ClerkFlag adds the flag with the code of a clerk.
func ClerkFlag(c *cobra.Command, console *cli.Console, code *string) {
	c.Flags().StringVar(code, "clerk", "", console.Say(textFlagClerk))
}

// desk is a desk that the flags of a command name.
type desk struct {
	url, campaign, clerk string
	open                 OpenDesk
}

// addDesk adds the flags that name a desk, its registry and its campaign.
func (o Operator) addDesk(c *cobra.Command) *desk {
	d := &desk{open: o.DeskFlags(c)}
	o.RegistryFlag(c, &d.url)
	o.CampaignFlag(c, &d.campaign)
	return d
}

// change makes a change at the desk of a namespace, and retries it once if the answer may be
// lost.
func (d *desk) change(ctx context.Context, namespace string, make func(*registry.Desk, registry.Operation) error) error {
	opened, err := d.open(ctx, d.url, namespace)
	if err != nil {
		return err
	}
	defer opened.Close()
	_, err = registry.Retry(ctx, func(operation registry.Operation) (struct{}, error) {
		return struct{}{}, make(opened, operation)
	})
	return err
}

// report says what a command did: a text with a value, or an object with one key in JSON.
func (o Operator) report(t Text, shown, key, value string) error {
	if o.JSON {
		return cli.WriteJSON(o.Stdout, map[string]string{key: value})
	}
	_, err := fmt.Fprintf(o.Stdout, o.Say(t), shown)
	return err
}
