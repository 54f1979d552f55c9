// Package cli is what the commands of this module have in common: the language and
// encoding in which they speak, help and wrong usage, failures with their exit codes,
// and standard output that may fail.
//
// A command's arguments are never quoted back: somebody may have typed the PIN there.
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

// Text is said in both languages.
type Text = message.Text

// Console is where a command speaks, and how.
type Console struct {
	Command  string // its name
	Language message.Language
	Encoding locale.Encoding
	JSON     bool

	versionAsked bool // among the arguments, perhaps

	Stdout, Stderr *Output

	// Started: a command began its work; errors before that are wrong usage.
	Started bool
}

// New returns the console of a command in the locale of its environment. The language
// and JSON may be asked for among the arguments: they are looked for before anything is
// parsed, so that help and wrong usage have them too. The error is a language that is
// not spoken here; the Console is usable.
func New(command string, args []string, stdout, stderr io.Writer, getenv func(string) string) (*Console, error) {
	speaks := locale.Of(getenv, systemLanguage())
	c := &Console{Command: command, Language: speaks.Language, Encoding: speaks.Encoding}
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
		case strings.HasPrefix(arg, "--version"):
			c.versionAsked = true
		case isLanguage && (value == string(message.Japanese) || value == string(message.English)):
			c.Language = message.Language(value)
		case isLanguage:
			err = errors.New("--lang: ja, en")
		}
	}
	return err
}

// Say returns a text in the console's language.
func (c *Console) Say(t Text) string { return t.In(c.Language) }

// Execute runs the command that the arguments name. What is wrong before a command has
// begun is wrong usage.
func (c *Console) Execute(ctx context.Context, root *cobra.Command, args []string, stdin io.Reader) error {
	root.SetArgs(append([]string{}, args...)) // nil would mean os.Args
	root.SetIn(stdin)
	root.SetOut(forCobra{c.Stdout})
	root.SetErr(forCobra{c.Stderr})
	err := root.ExecuteContext(ctx)
	if err == nil {
		err = c.Stdout.err // help and the like say nothing of it
	}
	if err != nil && !c.Started && !errors.As(err, new(*Failure)) && !errors.As(err, new(unwritable)) {
		err = c.WrongUsage(err)
	}
	return err
}

// ShowVersion shows the version if nothing else was asked for, before there are
// commands: they would not be used.
func (c *Console) ShowVersion(args []string) (shown bool, err error) {
	if len(args) != 1 || args[0] != "--version" {
		return false, nil
	}
	_, err = io.WriteString(c.Stdout, c.Command+" "+Version()+"\n")
	return true, err
}

// Version is the program's, as the build says.
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
