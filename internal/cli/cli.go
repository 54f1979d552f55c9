// Package cli holds what the commands of this module share: the language and encoding of
// their output, help and wrong usage, failures with their exit codes, and detection of
// write errors on standard output.
//
// It never quotes a command's arguments: you may have typed the PIN there by mistake.
package cli

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mykeykit/mykeykit/internal/locale"
	"github.com/mykeykit/mykeykit/mykey/message"
)

// Text is a text in both languages.
type Text = message.Text

// Console is a command's standard output and error, with language, encoding and format.
type Console struct {
	Command  string // the command's name
	Language message.Language
	Encoding locale.Encoding
	JSON     bool

	Stdout, Stderr *Output

	// Started is set when a command begins its work. Errors before that are wrong usage.
	Started bool

	running *cobra.Command // nil until it is known
}

// New returns a command's console in the locale of its environment. It looks for --lang
// and --json before the arguments are parsed, so that help and wrong usage honor them too.
// It returns an error if --lang names an unknown language; the Console is usable then.
func New(command string, args []string, stdout, stderr io.Writer, getenv func(string) string) (*Console, error) {
	l := locale.Of(getenv, systemLanguage())
	c := &Console{Command: command, Language: l.Language, Encoding: l.Encoding}
	c.Stdout, c.Stderr = &Output{Writer: stdout, console: c}, &Output{Writer: stderr, console: c}
	return c, c.lookAhead(args)
}

func (c *Console) lookAhead(args []string) (err error) {
	for i, arg := range args {
		value, isLanguage := strings.CutPrefix(arg, "--lang=")
		if arg == "--lang" && i+1 < len(args) {
			value, isLanguage = args[i+1], true
		}
		switch {
		case arg == "--":
			return err
		case arg == "--json":
			c.JSON = true
		case isLanguage && (value == string(message.Japanese) || value == string(message.English)):
			c.Language = message.Language(value)
		case isLanguage && !Completes(args):
			err = errors.New("--lang: want ja or en")
		}
	}
	return err
}

// Say returns a text in the console's language.
func (c *Console) Say(t Text) string { return t.In(c.Language) }

// Execute runs the command that the arguments name. An error before the command has
// started is wrong usage.
func (c *Console) Execute(ctx context.Context, root *cobra.Command, args []string, stdin io.Reader) error {
	root.SetArgs(append([]string{}, args...)) // nil would mean os.Args
	root.SetIn(stdin)
	root.SetOut(forCobra{c.Stdout})
	root.SetErr(forCobra{c.Stderr})
	if Completes(args) {
		CompleteFlag(root, "lang", string(message.Japanese), string(message.English))
	}
	of, err := root.ExecuteContextC(ctx)
	c.running = of
	if err == nil {
		err = c.Stdout.err // cobra drops the errors of writing help
	}
	if err != nil && !c.Started && !errors.As(err, new(*Failure)) && !errors.As(err, new(unwritable)) {
		err = c.WrongUsage(err)
	}
	return err
}

// Completes reports whether a shell asks how to complete a command line, of which values may be missing.
func Completes(args []string) bool {
	return len(args) > 0 && strings.HasPrefix(args[0], cobra.ShellCompRequestCmd)
}

// CompleteFlag has shells complete a flag of a command with values.
func CompleteFlag(of *cobra.Command, flag string, values ...string) {
	_ = of.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)) // fails for an unknown flag
}

// ShowVersion writes the version if --version is the only argument. Callers use it before
// they build their commands, which takes time.
func (c *Console) ShowVersion(args []string) (shown bool, err error) {
	if len(args) != 1 || args[0] != "--version" {
		return false, nil
	}
	return true, c.showVersion()
}

func (c *Console) showVersion() error {
	_, err := io.WriteString(c.Stdout, c.Command+" "+Version()+"\n")
	return err
}

// Version returns the program's version from its build information.
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" || info.Main.Version == "(devel)" {
		return "devel"
	}
	return info.Main.Version
}

// WriteJSON writes a value as one line of JSON.
func WriteJSON(w io.Writer, value any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(value)
}
