package main

import (
	"cmp"
	"context"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/mykeykit/mykeykit/cmd/mykey-server/internal/pki"
	"github.com/mykeykit/mykeykit/internal/cli"
	"github.com/mykeykit/mykeykit/internal/registrycli"
	"github.com/mykeykit/mykeykit/mykey/message"
	"github.com/mykeykit/mykeykit/mykey/registry"
)

// Text is a text in Japanese and in English.
type Text = message.Text

// environment is the environment of the program.
type environment struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	getenv         func(string) string
	now            func() time.Time
	openDesk       func(ctx context.Context, url, namespace string, as registry.Terminal) (desk, error)
	drain          func() // see drainTime
}

// program is one run of the command.
type program struct {
	environment
	*cli.Console
}

const command = "mykey-server"

// execute runs the command with its arguments and returns its exit code.
func execute(ctx context.Context, args []string, env environment) int {
	p := &program{environment: env}
	var err error
	p.Console, err = cli.New(command, args, env.stdout, env.stderr, env.getenv)
	if err == nil {
		err = p.Execute(ctx, p.command(), args, env.stdin)
	} else {
		err = p.WrongUsage(err)
	}
	if err == nil {
		return cli.ExitDone
	}
	m := cli.MessageOf(err, messageOf)
	exit := cli.ExitOf(exits(), m.Code, err)
	p.Fail(m, exit, err)
	return exit
}

func (p *program) command() *cobra.Command {
	var language string
	c := &cobra.Command{
		Use: command, Short: p.Say(textRootShort), Long: p.Say(textRootLong),
		Args:              cli.NoArguments,
		PersistentPreRunE: func(*cobra.Command, []string) error { p.Started = true; return nil },
		RunE:              func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	p.Root(c)
	f := c.PersistentFlags()
	f.StringVar(&language, "lang", "", p.Say(textFlagLang)) // see cli.New
	f.BoolVar(&p.JSON, "json", p.JSON, p.Say(textFlagJSON))
	f.Lookup("json").DefValue = "false"
	operator := p.operator()
	c.AddCommand(p.initCommand(), p.migrateCommand(), p.renewCertificateCommand(), p.enrollCommand(), p.revokeCommand(), p.statusCommand(), p.serveCommand(), p.auditCommand(),
		registrycli.OperatorKeygenCommand(p.Console), operator.ApplicationsCommand(), operator.StatisticsCommand(), operator.BackupCommand(), operator.RestoreCommand(),
		operator.EraseCommand(), operator.PurgeCommand())
	return c
}

func (p *program) folderFlag(c *cobra.Command, folder *string) {
	withDefault(c, folder, "folder", ".", p.Say(textFlagFolder))
}

// fleetFlags adds the flags that name a fleet: its registry and its campaign.
func (p *program) fleetFlags(c *cobra.Command, url, campaign *string) {
	p.registryFlag(c, url)
	p.campaignFlag(c, campaign)
}

func (p *program) registryFlag(c *cobra.Command, url *string) {
	withDefault(c, url, "registry", "sqlite:registry.db", p.Say(textFlagRegistry))
}

func (p *program) campaignFlag(c *cobra.Command, file *string) {
	c.Flags().StringVar(file, "campaign", "", p.Say(textFlagCampaign))
}

func (p *program) keysFlag(c *cobra.Command, file *string) {
	c.Flags().StringVar(file, "keys", "", p.Say(textFlagKeys))
}

func (p *program) headsFlag(c *cobra.Command, file *string) {
	c.Flags().StringVar(file, "heads", "", p.Say(textFlagHeads))
}

// keyFlags adds the flags for the keys of all generations.
func (p *program) keyFlags(c *cobra.Command, files *registrycli.KeyFiles) {
	f := c.Flags()
	f.StringVar(&files.NamespaceKey, "namespace-key", "", p.Say(textFlagNamespaceKey))
	f.StringVar(&files.RegistryKey, "registry-key", "", p.Say(textFlagRegistryKey))
	f.Uint32Var(&files.Generation, "generation", 1, p.Say(textFlagGeneration))
	f.Lookup("generation").DefValue = "0"
	f.StringArrayVar(&files.Others, "other-keys", nil, p.Say(textFlagOtherKeys))
}

// keysIn returns the key files with those of a folder in place of those not given.
func keysIn(folder string, files registrycli.KeyFiles) registrycli.KeyFiles {
	files.NamespaceKey = cmp.Or(files.NamespaceKey, pki.Path(folder, pki.NamespaceKey))
	files.RegistryKey = cmp.Or(files.RegistryKey, pki.Path(folder, pki.RegistryKey))
	return files
}

// withDefault adds a flag whose usage text includes the default, since cobra would add it in
// English.
func withDefault(c *cobra.Command, value *string, name, defaultValue, usage string) {
	c.Flags().StringVar(value, name, defaultValue, usage)
	c.Flags().Lookup(name).DefValue = ""
}
