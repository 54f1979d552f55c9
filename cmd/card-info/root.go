package main

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mykeykit/mykeykit/internal/message"
)

// Text is said in both languages.
type Text = message.Text

// program is one run: its environment, its global flags, and its language.
type program struct {
	environment
	language message.Language

	reader    string
	simulator string
	wait      time.Duration
	json      bool
	trace     bool

	started bool // a command began; errors before that are wrong usage
}

// run runs the program with its arguments and returns its exit code.
func run(ctx context.Context, args []string, env environment) int {
	p := &program{environment: env}
	err := p.lookAhead(args)
	root := p.command()
	root.SetArgs(append([]string{}, args...)) // nil would mean os.Args
	root.SetIn(env.stdin)
	root.SetOut(env.stdout)
	root.SetErr(env.stderr)
	if err == nil {
		err = root.ExecuteContext(ctx)
	}
	if err == nil {
		return exitDone
	}
	if !p.started {
		err = &usageError{err}
	}
	// What ended the program is the signal, whatever else it broke.
	if cause := ctx.Err(); cause != nil && !errors.Is(err, cause) {
		err = fmt.Errorf("%w: %w", cause, err)
	}
	return p.fail(err)
}

// lookAhead finds the language, and whether JSON is wanted, before anything is
// parsed: help and usage errors have them too.
func (p *program) lookAhead(args []string) (err error) {
	p.language = message.Match(p.getenv("LC_ALL"), p.getenv("LC_MESSAGES"), p.getenv("LANG"))
	for i, arg := range args {
		value, isLanguage := strings.CutPrefix(arg, "--lang=")
		if arg == "--lang" && i+1 < len(args) {
			value, isLanguage = args[i+1], true
		}
		switch {
		case arg == "--":
			return err
		case arg == "--json":
			p.json = true
		case isLanguage && (value == string(message.Japanese) || value == string(message.English)):
			p.language = message.Language(value)
		case isLanguage:
			err = fmt.Errorf("--lang %q: ja, en", value)
		}
	}
	return err
}

// say returns a text in the program's language.
func (p *program) say(t Text) string { return t.In(p.language) }

func (p *program) command() *cobra.Command {
	root := &cobra.Command{
		Use:   "card-info",
		Short: p.say(textRootShort),
		Long:  p.say(textRootLong),
		Example: "  card-info --simulator contact\n" +
			"  card-info keygen library.key\n" +
			"  card-info id --namespace library.example --namespace-key library.key",
		Args:              cobra.NoArgs,
		Version:           version(),
		SilenceUsage:      true,
		SilenceErrors:     true,
		PersistentPreRunE: p.start,
		RunE:              p.report,
	}
	flags := root.PersistentFlags()
	flags.StringVar(&p.reader, "reader", "", p.say(textFlagReader))
	flags.StringVar(&p.simulator, "simulator", "", p.say(textFlagSimulator))
	flags.DurationVar(&p.wait, "wait", 0, p.say(textFlagWait))
	flags.BoolVar(&p.json, "json", p.json, p.say(textFlagJSON))
	flags.Lookup("json").DefValue = "false"
	flags.BoolVar(&p.trace, "trace", false, p.say(textFlagTrace))
	flags.String("lang", "", p.say(textFlagLang))
	flags.BoolP("help", "h", false, p.say(textFlagHelp))
	root.Flags().Bool("version", false, p.say(textFlagVersion))

	root.AddCommand(p.listCommand(), p.retriesCommand(), p.certCommand(), p.idCommand(), p.keygenCommand(), p.simulateCommand())
	root.SetHelpCommand(&cobra.Command{Use: "help [command]", Short: p.say(textHelpShort), RunE: p.help})
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetUsageTemplate(p.say(textUsageTemplate))
	root.SetVersionTemplate("card-info {{.Version}}\n")
	return root
}

// start runs before every command.
func (p *program) start(*cobra.Command, []string) error {
	if p.wait < 0 {
		return errors.New("--wait < 0")
	}
	p.started = true
	return p.useSimulator()
}

// help is the help command, for one command or for all.
func (p *program) help(c *cobra.Command, args []string) error {
	found, rest, err := c.Root().Find(args)
	if err == nil && len(rest) > 0 {
		err = fmt.Errorf("unknown command %q", rest[0])
	}
	if err != nil {
		return &usageError{err}
	}
	return found.Help()
}

func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" || info.Main.Version == "(devel)" {
		return "devel"
	}
	return info.Main.Version
}

// noSuch says that a value is none of a list.
func noSuch[T ~string](what string, value T, known []T) error {
	var names []string
	for _, k := range slices.Sorted(slices.Values(known)) {
		names = append(names, string(k))
	}
	return &usageError{fmt.Errorf("%s %q: %s", what, value, strings.Join(names, ", "))}
}
