package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mykeykit/mykeykit/mykey/message"
)

var (
	textUsage       = Text{JA: "使い方", EN: "Usage"}
	textExamples    = Text{JA: "例", EN: "Examples"}
	textCommands    = Text{JA: "コマンド", EN: "Commands"}
	textFlags       = Text{JA: "オプション", EN: "Flags"}
	textGlobalFlags = Text{JA: "全体のオプション", EN: "Global flags"}
	textACommand    = Text{JA: "[コマンド]", EN: "[command]"}
	textExitCodes   = Text{JA: "終了コード", EN: "Exit codes"}
	textSomeFlags   = Text{JA: "[オプション]", EN: "[flags]"}
)

// usage writes how a command is used. A template of cobra would link package text/template,
// which calls methods by name: then the linker keeps every exported method of every type, and
// the program becomes a quarter larger and starts more slowly.
func (c *Console) usage(of *cobra.Command) error {
	var b strings.Builder
	section := func(title Text, content string) { fmt.Fprintf(&b, "\n\n%s:\n%s", c.Say(title), content) }

	b.WriteString(c.Say(textUsage) + ":")
	if of.Runnable() {
		b.WriteString("\n  ")
		if of.HasParent() {
			b.WriteString(of.Parent().CommandPath() + " ")
		}
		b.WriteString(of.Use)
		if of.HasAvailableFlags() {
			b.WriteString(" " + c.Say(textSomeFlags))
		}
	}
	if of.HasAvailableSubCommands() {
		b.WriteString("\n  " + of.CommandPath() + " " + c.Say(textACommand))
	}
	if of.HasExample() {
		section(textExamples, of.Example)
	}
	if of.HasAvailableSubCommands() {
		section(textCommands, subcommands(of))
	}
	if of.HasAvailableLocalFlags() {
		section(textFlags, strings.TrimRight(of.LocalFlags().FlagUsages(), "\n"))
	}
	if of.HasAvailableInheritedFlags() {
		section(textGlobalFlags, strings.TrimRight(of.InheritedFlags().FlagUsages(), "\n"))
	}
	if !of.HasParent() {
		section(textExitCodes, exitCodes(c.Language))
	}
	_, err := io.WriteString(of.OutOrStderr(), b.String()+"\n")
	return err
}

// exitCodes lists the exit codes, one per line.
func exitCodes(language message.Language) string {
	var lines []string
	for code, text := range textsExit {
		lines = append(lines, fmt.Sprintf("  %d  %s", code, text.In(language)))
	}
	return strings.Join(lines, "\n")
}

// subcommands lists a command's subcommands, one per line.
func subcommands(of *cobra.Command) string {
	var lines []string
	for _, sub := range of.Commands() {
		if sub.IsAvailableCommand() {
			lines = append(lines, fmt.Sprintf("  %-*s %s", sub.NamePadding(), sub.Name(), sub.Short))
		}
	}
	return strings.Join(lines, "\n")
}
