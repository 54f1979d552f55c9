package main

import (
	"io"
	"strings"

	"golang.org/x/text/width"
)

// table writes names and values in two columns that also line up where
// characters are two columns wide.
type table struct {
	program *program
	rows    []tableRow
}

type tableRow struct {
	name, value string
	line        bool // value is a line of its own
}

func (t *table) row(name, value Text) {
	t.rows = append(t.rows, tableRow{name: t.program.say(name), value: t.program.say(value)})
}

func (t *table) line(text Text) {
	t.rows = append(t.rows, tableRow{value: t.program.say(text), line: true})
}

func (t *table) write(w io.Writer) error {
	widest := 0
	for _, r := range t.rows {
		widest = max(widest, columns(r.name))
	}
	var b strings.Builder
	afterLine := false
	for _, r := range t.rows {
		if r.line {
			b.WriteString(r.value + "\n")
		} else {
			if afterLine {
				b.WriteString("\n")
			}
			indent := strings.Repeat(" ", 2+widest+2)
			value := strings.ReplaceAll(r.value, "\n", "\n"+indent)
			b.WriteString("  " + r.name + strings.Repeat(" ", widest-columns(r.name)+2) + value + "\n")
		}
		afterLine = r.line
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// columns is how many columns of a terminal a text takes.
func columns(s string) int {
	n := 0
	for _, r := range s {
		switch width.LookupRune(r).Kind() {
		case width.EastAsianWide, width.EastAsianFullwidth:
			n += 2
		default:
			n++
		}
	}
	return n
}
