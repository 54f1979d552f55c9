package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"github.com/mykeykit/mykeykit/internal/cli"
	"github.com/mykeykit/mykeykit/internal/tty"
	"github.com/mykeykit/mykeykit/mykey/message"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// Text is a text in Japanese and in English.
type Text = message.Text

// program is one run of the command: its environment, console and global flags.
type program struct {
	environment
	*cli.Console

	reader    string
	simulator string
	simulated *simulator.Card // the card of --simulator
	wait      time.Duration
	trace     bool
	examining bool // doctor is examining the card

	secretWasRead bool // from standard input

	interactive   bool // standard error is a terminal
	waitAnnounced sync.Once

	signingReader atomic.Pointer[string] // the reader of the last connection for signing
}

// run runs the program with the given arguments and returns its exit code.
func run(ctx context.Context, args []string, env environment) int {
	if env.caught == nil {
		env.caught = func() {}
	}
	p := &program{environment: env, interactive: tty.IsTerminal(env.stderr)}
	var err error
	p.Console, err = cli.New("card-info", args, env.stdout, env.stderr, env.getenv)
	p.stdout, p.stderr = p.Stdout, p.Stderr
	p.terminal = tty.Encoded(env.terminal, p.Encoding)
	if err == nil {
		err = p.execute(ctx, args)
	} else {
		err = p.WrongUsage(err)
	}
	if err == nil {
		return cli.ExitDone
	}
	return p.fail(err)
}

func (p *program) execute(ctx context.Context, args []string) error {
	if shown, err := p.ShowVersion(args); shown {
		return err
	}
	return p.Execute(ctx, p.command(args), args, p.stdin)
}

// command returns the root command. If the first argument names a subcommand, only that
// one is built.
func (p *program) command(args []string) *cobra.Command {
	var caFiles []string
	root := &cobra.Command{
		Use:   "card-info",
		Short: p.Say(textRootShort),
		Long:  p.Say(textRootLong),
		Example: "  card-info --simulator contact\n" +
			"  card-info keygen library.key\n" +
			"  card-info id --namespace library.example --namespace-key library.key",
		Args:              cli.NoArguments,
		PersistentPreRunE: p.start,
		RunE:              func(c *cobra.Command, _ []string) error { return p.report(c.Context(), caFiles) },
	}
	flags := root.PersistentFlags()
	flags.StringVar(&p.reader, "reader", "", p.Say(textFlagReader))
	flags.StringVar(&p.simulator, "simulator", "", p.Say(textFlagSimulator))
	flags.DurationVar(&p.wait, "wait", 0, p.Say(textFlagWait))
	flags.BoolVar(&p.JSON, "json", p.JSON, p.Say(textFlagJSON))
	flags.Lookup("json").DefValue = "false"
	flags.BoolVar(&p.trace, "trace", false, p.Say(textFlagTrace))
	flags.String("lang", "", p.Say(textFlagLang))
	caCertificateFlag(root, p, &caFiles)

	p.Root(root)
	if named := p.subcommand(args); named != nil {
		root.CompletionOptions.DisableDefaultCmd = true
		root.AddCommand(named)
		return root
	}
	root.AddCommand(p.listCommand(), p.watchCommand(), p.retriesCommand(), p.certCommand(), p.idCommand(), p.pinCommand(), p.keygenCommand(), p.doctorCommand(),
		p.attributesCommand(), p.faceCommand(), p.numberCommand(), p.signCommand(), p.verifyCommand(), p.sshAgentCommand(), p.sshKeyCommand(), p.logoutCommand(), p.simulateCommand())
	if cli.Completes(args) {
		completeFlags(root)
	}
	return root
}

// subcommand returns the subcommand that the first argument names, or nil. Building one
// command instead of all makes starting faster.
func (p *program) subcommand(args []string) *cobra.Command {
	if len(args) == 0 {
		return nil
	}
	switch args[0] {
	case "list":
		return p.listCommand()
	case "watch":
		return p.watchCommand()
	case "retries":
		return p.retriesCommand()
	case "cert":
		return p.certCommand()
	case "id":
		return p.idCommand()
	case "pin":
		return p.pinCommand()
	case "keygen":
		return p.keygenCommand()
	case "attributes":
		return p.attributesCommand()
	case "sign":
		return p.signCommand()
	case "verify":
		return p.verifyCommand()
	case "face":
		return p.faceCommand()
	case "number":
		return p.numberCommand()
	case "doctor":
		return p.doctorCommand()
	case "ssh-agent":
		return p.sshAgentCommand()
	case "ssh-key":
		return p.sshKeyCommand()
	case "logout":
		return p.logoutCommand()
	case "simulate":
		return p.simulateCommand()
	}
	return nil
}

// start checks the global flags and sets up the driver. It runs before every command.
func (p *program) start(c *cobra.Command, _ []string) error {
	// An unset variable in a script must not select a real reader.
	for _, name := range []string{"simulator", "reader"} {
		if flag := c.Flags().Lookup(name); flag.Changed && flag.Value.String() == "" {
			return fmt.Errorf("--%s: empty", name)
		}
	}
	if p.wait < 0 {
		return errors.New("--wait: negative")
	}
	p.Started = true
	if err := p.useSimulator(); err != nil {
		return err
	}
	p.driver = signalsFirst{tty.Unsuspended(p.driver, p.suspension), p.caught}
	return nil
}

// unknownValue returns a usage error that lists the known values.
func unknownValue[T ~string](p *program, what string, value T, known []T) error {
	var names []string
	for _, k := range slices.Sorted(slices.Values(known)) {
		names = append(names, string(k))
	}
	return p.WrongUsage(fmt.Errorf("%s %q: want %s", what, value, strings.Join(names, " or ")))
}
