package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

var (
	textWrongUsage     = Text{JA: "コマンドの書き方に誤りがあります。", EN: "The command line is incorrect."}
	textHelpUse        = Text{JA: "help [コマンド]", EN: "help [command]"}
	textHelpShort      = Text{JA: "コマンドの使い方を表示します", EN: "Show help for a command"}
	textFlagHelp       = Text{JA: "使い方を表示します", EN: "show this help"}
	textFlagVersion    = Text{JA: "バージョンを表示します", EN: "show the version"}
	textUnwritable     = Text{JA: "結果を標準出力に書き込めませんでした。\n暗証番号の残りの回数は減っていません。", EN: "The result could not be written to standard output.\nNo PIN attempt was used."}
	textUnwritableNext = Text{JA: "出力先と、ディスクの空き容量を確かめてください。", EN: "Check where the output goes, and the free space on that disk."}
)

// Root sets up the root of a command tree, which has its RunE and PersistentPreRunE, for the console: help,
// version and wrong usage.
func (c *Console) Root(root *cobra.Command) {
	root.SilenceUsage, root.SilenceErrors = true, true
	flags := root.PersistentFlags()
	flags.BoolP("help", "h", false, c.Say(textFlagHelp))
	root.Flags().Bool("version", false, c.Say(textFlagVersion))
	root.SetFlagErrorFunc(withoutValue)
	root.SetHelpCommand(&cobra.Command{Use: c.Say(textHelpUse), Short: c.Say(textHelpShort), RunE: c.help})
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetUsageFunc(c.usage)
	start := root.PersistentPreRunE
	root.PersistentPreRunE = func(of *cobra.Command, args []string) error {
		c.running = of
		return start(of, args)
	}
	run := root.RunE
	root.RunE = func(of *cobra.Command, args []string) error {
		if asked, _ := of.Flags().GetBool("version"); asked {
			return c.showVersion()
		}
		return run(of, args)
	}
}

// help runs the help command, for one command or for all.
func (c *Console) help(of *cobra.Command, args []string) error {
	found, rest, err := of.Root().Find(args)
	if err == nil && len(rest) > 0 {
		err = NoArguments(of, rest)
	}
	if err != nil {
		return c.WrongUsage(err)
	}
	return found.Help()
}

// NoArguments rejects arguments. It quotes only what looks like a command's name: you may
// have typed the PIN there.
func NoArguments(of *cobra.Command, args []string) error {
	switch {
	case len(args) == 0:
		return nil
	case isCommandName(args[0]):
		if of.Name() == "help" {
			of = of.Root()
		}
		var names []string
		for _, sub := range of.Commands() {
			names = append(names, sub.Name())
		}
		return misspelled{fmt.Errorf("unknown command %q", args[0]), similar(args[0], names)}
	default:
		return errors.New("unknown command or argument")
	}
}

// misspelled is an error about an unknown name, with known names that are like it.
type misspelled struct {
	error
	similar []string
}

// similar returns the names that are at most two changes away from what was typed, or that begin with it.
func similar(typed string, names []string) []string {
	known := &cobra.Command{SuggestionsMinimumDistance: 2}
	for _, name := range names {
		known.AddCommand(&cobra.Command{Use: name, Run: func(*cobra.Command, []string) {}})
	}
	return known.SuggestionsFor(typed)
}

// Arguments requires one argument for each name, none of them empty.
func Arguments(names ...string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) != len(names) || slices.Contains(args, "") {
			return errors.New(c.Name() + " " + strings.Join(names, " "))
		}
		return nil
	}
}

// isCommandName reports whether s has the form of a command's or a flag's name: words of
// the letters a to z, with hyphens between them.
func isCommandName(s string) bool {
	for word := range strings.SplitSeq(s, "-") {
		if word == "" || strings.Trim(word, "abcdefghijklmnopqrstuvwxyz") != "" {
			return false
		}
	}
	return true
}

// withoutValue describes a wrong flag without quoting its value, which may be a PIN.
func withoutValue(of *cobra.Command, err error) error {
	var invalid *pflag.InvalidValueError
	var missing *pflag.ValueRequiredError
	var unknown *pflag.NotExistError
	switch {
	case errors.As(err, &invalid):
		return fmt.Errorf("invalid value for --%s", invalid.GetFlag().Name)
	case errors.As(err, &missing):
		return fmt.Errorf("--%s needs a value", missing.GetSpecifiedName())
	case errors.As(err, &unknown) && isCommandName(unknown.GetSpecifiedName()):
		var names []string
		of.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, "--"+f.Name) })
		typed := "--" + unknown.GetSpecifiedName()
		return misspelled{errors.New("unknown flag " + typed), similar(typed, names)}
	default:
		return errors.New("unknown or malformed flag")
	}
}
