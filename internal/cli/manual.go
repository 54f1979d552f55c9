package cli

import (
	"cmp"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/mykeykit/mykeykit/internal/termtext"
	"github.com/mykeykit/mykeykit/mykey/message"
)

// Headings of manual pages.
var (
	textManName     = Text{JA: "名前", EN: "NAME"}
	textManSynopsis = Text{JA: "書式", EN: "SYNOPSIS"}
	textManAbout    = Text{JA: "説明", EN: "DESCRIPTION"}
	textManOptions  = Text{JA: "オプション", EN: "OPTIONS"}
	textManCommands = Text{JA: "コマンド", EN: "COMMANDS"}
	textManExit     = Text{JA: "終了コード", EN: "EXIT STATUS"}
	textManExamples = Text{JA: "例", EN: "EXAMPLES"}
)

// Manual returns the manual page of a command and its subcommands, for the program man.
func Manual(root *cobra.Command, language message.Language) string {
	m := &manual{language: language}
	fmt.Fprintf(&m.Builder, ".TH %s 1 \"\" mykeykit\n.nh\n.ad l\n", strings.ToUpper(root.Name()))
	m.section(textManName)
	m.WriteString(roff(root.Name()) + " \\- " + roff(root.Short) + "\n")
	m.section(textManSynopsis)
	m.synopsis(root)
	m.section(textManAbout)
	m.prose(root.Long)
	m.section(textManOptions)
	m.flags(root.LocalFlags())
	if root.HasAvailableSubCommands() {
		m.section(textManCommands)
		m.commands(root)
	}
	m.section(textManExit)
	for code, meaning := range textsExit {
		m.tagged(fmt.Sprintf(".B %d", code), meaning.In(language))
	}
	if root.HasExample() {
		m.section(textManExamples)
		m.prose(root.Example)
	}
	return m.String()
}

// manual is a manual page in the macros of man(7).
type manual struct {
	strings.Builder
	language message.Language
}

func (m *manual) section(title Text) { m.WriteString(".SH " + title.In(m.language) + "\n") }

func (m *manual) synopsis(of *cobra.Command) {
	use := of.Use
	if of.HasParent() {
		use = of.Parent().CommandPath() + " " + use
	}
	if of.HasAvailableFlags() {
		use += " " + textSomeFlags.In(m.language)
	}
	m.WriteString(".B " + roff(use) + "\n")
	if of.HasAvailableSubCommands() {
		m.WriteString(".br\n.B " + roff(of.CommandPath()+" "+textACommand.In(m.language)) + "\n")
	}
}

// commands describes the subcommands of a command, and theirs.
func (m *manual) commands(of *cobra.Command) {
	for _, sub := range of.Commands() {
		if !sub.IsAvailableCommand() || sub.Name() == "help" {
			continue
		}
		m.WriteString(".SS " + roff(sub.CommandPath()) + "\n")
		if sub.Runnable() {
			m.synopsis(sub)
			m.WriteString(".PP\n")
		}
		m.prose(cmp.Or(sub.Long, sub.Short))
		m.flags(sub.LocalFlags())
		m.commands(sub)
	}
}

func (m *manual) flags(flags *pflag.FlagSet) {
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden {
			return
		}
		name, usage := pflag.UnquoteUsage(f)
		tag := "\\fB\\-\\-" + roff(f.Name) + "\\fR"
		if f.Shorthand != "" {
			tag = "\\fB\\-" + f.Shorthand + "\\fR, " + tag
		}
		if name != "" {
			tag += " \\fI" + roff(name) + "\\fR"
		}
		m.tagged(tag, usage)
	})
}

// tagged writes an item of a list. The tag is a line of the page.
func (m *manual) tagged(tag, text string) {
	m.WriteString(".TP\n" + tag + "\n" + roff(joined(text)) + "\n")
}

// prose writes paragraphs. Lines that begin with spaces stay lines of their own.
func (m *manual) prose(text string) {
	for i, paragraph := range strings.Split(strings.Trim(text, "\n"), "\n\n") {
		if i > 0 {
			m.WriteString(".PP\n")
		}
		if strings.Contains("\n"+paragraph, "\n ") {
			m.WriteString(".nf\n.in 2n\n") // lines of 78 columns fit then
			for line := range strings.SplitSeq(paragraph, "\n") {
				m.WriteString(roff(line) + "\n")
			}
			m.WriteString(".in\n.fi\n")
			continue
		}
		m.WriteString(roff(joined(paragraph)) + "\n")
	}
}

// joined joins the lines of a paragraph: with a space, except beside a Japanese character.
func joined(text string) string {
	var b strings.Builder
	for line := range strings.SplitSeq(text, "\n") {
		last, _ := utf8.DecodeLastRuneInString(b.String())
		first, _ := utf8.DecodeRuneInString(line)
		if b.Len() > 0 && !isWide(last) && !isWide(first) {
			b.WriteByte(' ')
		}
		b.WriteString(line)
	}
	return b.String()
}

// isWide reports whether a line may be broken beside a character, as in Japanese.
func isWide(r rune) bool { return termtext.Columns(string(r)) == 2 }

var roffSpecial = strings.NewReplacer(`\`, `\e`, "-", `\-`)

// roff escapes text for a line of a manual page. Since groff breaks lines at spaces only, it marks where else it may,
// but not before or after a character that must not begin or end a line (JIS X 4051).
func roff(text string) string {
	var b strings.Builder
	var last rune
	for i, r := range text {
		if i > 0 && (isWide(last) || isWide(r)) && !strings.ContainsRune("（「『", last) && !strings.ContainsRune("、。）」』：ー", r) && last != ' ' && r != ' ' {
			b.WriteString(`\:`)
		}
		b.WriteString(roffSpecial.Replace(string(r)))
		last = r
	}
	if strings.HasPrefix(text, ".") || strings.HasPrefix(text, "'") {
		return `\&` + b.String()
	}
	return b.String()
}
