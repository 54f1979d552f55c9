package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/mykeykit/mykeykit/internal/message"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// Text is said in both languages.
type Text = message.Text

// program is one run: its environment, its global flags, and its language.
type program struct {
	environment
	language message.Language
	encoding message.Encoding
	out      *output // standard output

	reader    string
	simulator string
	simulated *simulator.Card // the card of --simulator
	wait      time.Duration
	json      bool
	trace     bool

	started     bool // a command began; errors before that are wrong usage
	attended    bool // standard error is a terminal
	saidWaiting sync.Once

	signsIn atomic.Pointer[string] // the reader that was connected to last for signing
}

// run runs the program with its arguments and returns its exit code.
func run(ctx context.Context, args []string, env environment) int {
	p := &program{environment: env, attended: isTerminal(env.stderr)}
	err := p.lookAhead(args)
	p.useEncoding()
	root := p.command()
	root.SetArgs(append([]string{}, args...)) // nil would mean os.Args
	root.SetIn(env.stdin)
	root.SetOut(forCobra{p.stdout})
	root.SetErr(forCobra{p.stderr})
	if err == nil {
		err = root.ExecuteContext(ctx)
	}
	if err == nil {
		err = p.out.err // help and the like say nothing of it
	}
	if err == nil {
		return exitDone
	}
	var told *failure
	if !p.started && !errors.As(err, &told) && !errors.As(err, new(unwritable)) {
		err = wrongUsage(err)
	}
	return p.fail(err)
}

// lookAhead finds the language, and whether JSON is wanted, before anything is
// parsed: help and usage errors have them too.
func (p *program) lookAhead(args []string) (err error) {
	locale := message.LocaleOf(p.getenv, systemLanguage())
	p.language, p.encoding = locale.Language, locale.Encoding
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
			err = errors.New("--lang: ja, en")
		}
	}
	return err
}

// say returns a text in the program's language.
func (p *program) say(t Text) string { return t.In(p.language) }

func (p *program) command() *cobra.Command {
	var authorities []string
	root := &cobra.Command{
		Use:   "card-info",
		Short: p.say(textRootShort),
		Long:  p.say(textRootLong),
		Example: "  card-info --simulator contact\n" +
			"  card-info keygen library.key\n" +
			"  card-info id --namespace library.example --namespace-key library.key",
		Args:              noArguments,
		Version:           version(),
		SilenceUsage:      true,
		SilenceErrors:     true,
		PersistentPreRunE: p.start,
		RunE:              func(c *cobra.Command, _ []string) error { return p.report(c.Context(), authorities) },
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
	authorityFlag(root, p, &authorities)
	root.Flags().Bool("version", false, p.say(textFlagVersion))

	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return withoutValue(err) })
	var profiles []string
	for _, profile := range simulator.Profiles() {
		profiles = append(profiles, string(profile))
	}
	_ = root.RegisterFlagCompletionFunc("simulator", cobra.FixedCompletions(profiles, cobra.ShellCompDirectiveNoFileComp))

	root.AddCommand(p.listCommand(), p.watchCommand(), p.retriesCommand(), p.certCommand(), p.idCommand(), p.keygenCommand(), p.doctorCommand(),
		p.sshAgentCommand(), p.sshKeyCommand(), p.leaveCommand(), p.simulateCommand())
	root.SetHelpCommand(&cobra.Command{Use: "help [command]", Short: p.say(textHelpShort), RunE: p.help})
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetUsageTemplate(p.say(textUsageTemplate))
	root.SetVersionTemplate("card-info {{.Version}}\n")
	return root
}

// start runs before every command.
func (p *program) start(c *cobra.Command, _ []string) error {
	// An empty variable in a script must not choose a real reader.
	for _, name := range []string{"simulator", "reader"} {
		if flag := c.Flags().Lookup(name); flag.Changed && flag.Value.String() == "" {
			return fmt.Errorf("--%s: empty", name)
		}
	}
	if p.wait < 0 {
		return errors.New("--wait: negative")
	}
	p.started = true
	if err := p.useSimulator(); err != nil {
		return err
	}
	p.driver = unsuspended{p.driver, p.suspension}
	return nil
}

// help is the help command, for one command or for all.
func (p *program) help(c *cobra.Command, args []string) error {
	found, rest, err := c.Root().Find(args)
	if err == nil && len(rest) > 0 {
		err = noArguments(c, rest)
	}
	if err != nil {
		return wrongUsage(err)
	}
	return found.Help()
}

// noArguments refuses arguments. It quotes what looks like a command's name
// and nothing else: somebody may have typed the PIN there.
func noArguments(_ *cobra.Command, args []string) error {
	switch {
	case len(args) == 0:
		return nil
	case commandName.MatchString(args[0]):
		return fmt.Errorf("unknown command %q", args[0])
	default:
		return errors.New("unknown command or argument")
	}
}

var commandName = regexp.MustCompile(`^[a-z]+(-[a-z]+)*$`)

// withoutValue tells what is wrong with a flag without quoting its value, which
// may be a PIN.
func withoutValue(err error) error {
	var invalid *pflag.InvalidValueError
	var missing *pflag.ValueRequiredError
	var unknown *pflag.NotExistError
	switch {
	case errors.As(err, &invalid):
		return fmt.Errorf("invalid value for --%s", invalid.GetFlag().Name)
	case errors.As(err, &missing):
		return fmt.Errorf("--%s needs a value", missing.GetSpecifiedName())
	case errors.As(err, &unknown) && commandName.MatchString(unknown.GetSpecifiedName()):
		return fmt.Errorf("unknown flag --%s", unknown.GetSpecifiedName())
	default:
		return errors.New("unknown or malformed flag")
	}
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
	return wrongUsage(fmt.Errorf("%s %q: %s", what, value, strings.Join(names, ", ")))
}
