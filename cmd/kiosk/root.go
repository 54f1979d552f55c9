package main

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/mykeykit/mykeykit/internal/cli"
	"github.com/mykeykit/mykeykit/internal/registrycli"
	"github.com/mykeykit/mykeykit/internal/tty"
	"github.com/mykeykit/mykeykit/mykey/message"
	"github.com/mykeykit/mykeykit/reader"
)

// Text is a text in Japanese and in English.
type Text = message.Text

// environment is the environment of the program.
type environment struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	getenv         func(string) string
	driver         reader.Driver // --simulate replaces it
	terminal       func() (tty.Terminal, error)
	now            func() time.Time
}

// program is one run of the command.
type program struct {
	environment
	*cli.Console
}

// execute runs the command with its arguments and returns its exit code.
func execute(ctx context.Context, args []string, env environment) int {
	p := &program{environment: env}
	var err error
	p.Console, err = cli.New("kiosk", args, env.stdout, env.stderr, env.getenv)
	p.terminal = tty.Encoded(env.terminal, p.Encoding)
	if err == nil {
		err = p.Execute(ctx, p.command(), args, env.stdin)
	} else {
		err = p.WrongUsage(err)
	}
	if err == nil {
		return cli.ExitDone
	}
	m := p.messageFor(err)
	exit := cli.ExitOf(exits(), m.Code, err)
	if !errors.As(err, new(reportedError)) {
		p.Fail(m, exit, err)
	}
	return exit
}

func (p *program) command() *cobra.Command {
	var o options
	c := &cobra.Command{
		Use: "kiosk --campaign FILE", Short: p.Say(textRootShort), Long: p.Say(textRootLong),
		Example: "  kiosk --simulate --campaign demo.toml\n  kiosk check campaign.toml",
		Args:    cli.NoArguments,
		PersistentPreRunE: func(*cobra.Command, []string) error {
			p.Started = true
			return nil
		},
		RunE: func(c *cobra.Command, _ []string) error {
			if err := p.checkServerFlags(c.Flags()); err != nil {
				return err
			}
			return p.serve(c.Context(), o)
		},
	}
	p.Root(c)
	f := c.PersistentFlags()
	f.StringVar(&o.language, "lang", "", p.Say(textFlagLang))
	p.terminalFlags(c, &o)
	p.pageFlags(c, &o)
	f = c.Flags()
	f.BoolVar(&o.noPrint, "no-print", false, p.Say(textFlagNoPrint))
	f.BoolVar(&o.noMigrate, "no-migrate", false, p.Say(textFlagNoMigrate))
	f.StringVar(&o.server, "server", "", p.Say(textFlagServer))
	f.StringVar(&o.bundle, "bundle", "", p.Say(textFlagBundle))
	operator := p.operator()
	statistics := operator.StatisticsCommand()
	p.jsonFlag(statistics)
	c.AddCommand(p.counterCommand(), p.checkCommand(), registrycli.OperatorKeygenCommand(p.Console), p.terminalKeygenCommand(), p.migrateCommand(),
		operator.ApplicationsCommand(), p.auditCommand(), statistics, operator.BackupCommand(), operator.RestoreCommand(),
		p.renewCommand(), p.mergeCommand(), p.newCodeCommand(), operator.EraseCommand(), operator.PurgeCommand())
	return c
}

// options holds the values of all flags. Each command uses some of them.
type options struct {
	campaign, registry, reader, listen, language, log   string
	urlFile, startPage                                  string
	namespaceKey, registryKey, operatorKey, terminalKey string
	terminals, heads, clerk                             string
	server, bundle, records                             string
	generation                                          uint32
	otherGenerations, caCertificates, authorities       []string
	simulate, noPrint, noMigrate, allowLastAttempt      bool
}

// pageFlags adds the flags of a program with a page.
func (p *program) pageFlags(c *cobra.Command, o *options) {
	f := c.Flags()
	withDefault(f, &o.listen, "listen", "127.0.0.1:0", p.Say(textFlagListen))
	f.StringVar(&o.urlFile, "url-file", "", p.Say(textFlagURLFile))
	f.StringVar(&o.startPage, "start-page", "", p.Say(textFlagStartPage))
	f.BoolVar(&o.simulate, "simulate", false, p.Say(textFlagSimulate))
	withDefault(f, &o.log, "log", "text", p.Say(textFlagLog))
}

// terminalFlags adds the flags of a terminal.
func (p *program) terminalFlags(c *cobra.Command, o *options) {
	p.campaignFlag(c, &o.campaign)
	p.setupFlags(c, o)
}

// setupFlags adds the flags of a terminal except --campaign.
func (p *program) setupFlags(c *cobra.Command, o *options) {
	p.registryFlag(c, &o.registry)
	p.keyFlags(c, o)
	f := c.Flags()
	f.StringVar(&o.terminalKey, "terminal-key", "", p.Say(textFlagTerminalKey))
	f.StringVar(&o.operatorKey, "operator-key", "", p.Say(textFlagOperatorKey))
	p.readerFlags(c, o)
}

// readerFlags adds the flags for the reader and the trusted CA certificates.
func (p *program) readerFlags(c *cobra.Command, o *options) {
	f := c.Flags()
	f.StringVar(&o.reader, "reader", "", p.Say(textFlagReader))
	f.StringArrayVar(&o.caCertificates, "ca-certificate", nil, p.Say(textFlagCACertificate))
}

func (p *program) campaignFlag(c *cobra.Command, file *string) {
	c.Flags().StringVar(file, "campaign", "", p.Say(textFlagCampaign))
}

func (p *program) registryFlag(c *cobra.Command, url *string) {
	withDefault(c.Flags(), url, "registry", "sqlite:kiosk.db", p.Say(textFlagRegistry))
}

// keyFlags adds the flags for the keys of all generations.
func (p *program) keyFlags(c *cobra.Command, o *options) {
	f := c.Flags()
	f.StringVar(&o.namespaceKey, "namespace-key", "", p.Say(textFlagNamespaceKey))
	f.StringVar(&o.registryKey, "registry-key", "", p.Say(textFlagRegistryKey))
	f.Uint32Var(&o.generation, "generation", 1, p.Say(textFlagGeneration))
	f.Lookup("generation").DefValue = "0"
	f.StringArrayVar(&o.otherGenerations, "other-keys", nil, p.Say(textFlagOtherKeys))
}

// keyFiles returns the files with the keys of all generations.
func (o options) keyFiles() registrycli.KeyFiles {
	return registrycli.KeyFiles{Generation: o.generation, NamespaceKey: o.namespaceKey, RegistryKey: o.registryKey, Others: o.otherGenerations}
}

// withDefault adds a flag whose usage text includes the default, since cobra would add it
// in English.
func withDefault(f *pflag.FlagSet, value *string, name, defaultValue, usage string) {
	f.StringVar(value, name, defaultValue, usage)
	f.Lookup(name).DefValue = ""
}
