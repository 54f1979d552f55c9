package main

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mykeykit/mykeykit/cmd/mykey-server/internal/pki"
	"github.com/mykeykit/mykeykit/internal/cli"
	"github.com/mykeykit/mykeykit/internal/registrycli"
	"github.com/mykeykit/mykeykit/internal/termtext"
	"github.com/mykeykit/mykeykit/jpki/trust"
	"github.com/mykeykit/mykeykit/mykey/registry"
)

// initCommand makes the keys and certificates of a server.
func (p *program) initCommand() *cobra.Command {
	var folder string
	var o pki.Options
	c := &cobra.Command{
		Use: "init --folder DIR --name HOST", Short: p.Say(textInit), Long: p.Say(textInitLong), Args: cli.NoArguments,
		Example: "  mykey-server init --folder /var/lib/mykey-server --name server.example",
		RunE: func(*cobra.Command, []string) error {
			if len(o.Hosts) == 0 {
				return p.Misuse(textNoHost, errors.New("--name: not given"))
			}
			o.Now = p.now()
			made, err := pki.Init(folder, o)
			if errors.Is(err, fs.ErrExist) {
				return cli.Because(err, codeInitialized, textInitialized, textInitializedNext)
			}
			if err != nil {
				return err
			}
			if p.JSON {
				return cli.WriteJSON(p.Stdout, made)
			}
			return p.print(textMade, termtext.Printable(folder), made.NamespaceKey, made.RegistryKey, made.Name)
		},
	}
	p.folderFlag(c, &folder)
	c.Flags().StringArrayVar(&o.Hosts, "name", nil, p.Say(textFlagName))
	c.Flags().StringVar(&o.Name, "server", "", p.Say(textFlagServer))
	c.Flags().StringVar(&o.From, "from", "", p.Say(textFlagFrom))
	return c
}

// migrateCommand creates or updates the tables of the registry.
func (p *program) migrateCommand() *cobra.Command {
	var folder, url, campaign string
	var files registrycli.KeyFiles
	c := &cobra.Command{
		Use: "migrate --campaign FILE", Short: p.Say(textMigrate), Long: p.Say(textMigrateLong), Args: cli.NoArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			of, err := registrycli.ReadCampaign(p.Console, campaign)
			if err != nil {
				return err
			}
			keys, err := registrycli.ReadKeys(p.Console, keysIn(folder, files), of.Namespace)
			if err != nil {
				return err
			}
			made := registrycli.IsMissing(url)
			if err := registry.Migrate(c.Context(), url, keys.Current, keys.Others...); err != nil {
				return err
			}
			switch {
			case p.JSON:
				return cli.WriteJSON(p.Stdout, map[string]bool{"created": made})
			case made:
				return p.print(textCreated, termtext.Printable(url))
			}
			return p.print(textMigrated)
		},
	}
	p.folderFlag(c, &folder)
	p.fleetFlags(c, &url, &campaign)
	p.keyFlags(c, &files)
	return c
}

// renewCertificateCommand renews the server's certificate.
func (p *program) renewCertificateCommand() *cobra.Command {
	var folder string
	var hosts []string
	c := &cobra.Command{
		Use: "renew-certificate --folder DIR", Short: p.Say(textRenew), Long: p.Say(textRenewLong), Args: cli.NoArguments,
		RunE: func(*cobra.Command, []string) error {
			renewed, err := pki.Renew(folder, hosts, p.now())
			if err != nil {
				return err
			}
			hosts := pki.Hosts(renewed)
			if p.JSON {
				return cli.WriteJSON(p.Stdout, struct {
					Names    []string  `json:"names"`
					NotAfter time.Time `json:"not_after"`
				}{hosts, renewed.NotAfter})
			}
			return p.print(textRenewed, termtext.Printable(strings.Join(hosts, " ")), day(renewed.NotAfter))
		},
	}
	p.folderFlag(c, &folder)
	c.Flags().StringArrayVar(&hosts, "name", nil, p.Say(textFlagNewName))
	return c
}

// day returns the day of a time in Japan.
func day(t time.Time) string { return t.In(trust.Japan).Format(time.DateOnly) }

// print prints a text to standard output.
func (p *program) print(t Text, values ...any) error {
	_, err := fmt.Fprintf(p.Stdout, p.Say(t), values...)
	return err
}
