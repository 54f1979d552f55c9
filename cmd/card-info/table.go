package main

import (
	"io"
	"strings"

	"github.com/mykeykit/mykeykit/internal/termtext"
)

// table writes names and values in two aligned columns. It counts full-width characters
// as two columns.
type table struct {
	program *program
	rows    []tableRow
}

type tableRow struct {
	name, value string
	line        bool // value is a whole line
}

func (t *table) row(name, value Text) {
	t.rows = append(t.rows, tableRow{name: t.program.Say(name), value: t.program.Say(value)})
}

func (t *table) line(text Text) {
	t.rows = append(t.rows, tableRow{value: t.program.Say(text), line: true})
}

func (t *table) write(w io.Writer) error {
	widest := 0
	for _, r := range t.rows {
		widest = max(widest, termtext.Columns(r.name))
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
			b.WriteString("  " + r.name + strings.Repeat(" ", widest-termtext.Columns(r.name)+2) + value + "\n")
		}
		afterLine = r.line
	}
	_, err := io.WriteString(w, b.String())
	return err
}
