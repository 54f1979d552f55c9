package main

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// markdown formats a table with a header row.
func markdown(head []string, rows [][]string) string {
	var b strings.Builder
	line := func(cells []string) { fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | ")) }
	line(head)
	rule := slices.Repeat([]string{"---:"}, len(head))
	rule[0] = "---"
	line(rule)
	for _, row := range rows {
		line(row)
	}
	return b.String()
}

// duration formats nanoseconds with three significant digits.
func duration(ns float64) string {
	switch {
	case ns < 1e3:
		return fmt.Sprintf("%.3g ns", ns)
	case ns < 1e6:
		return fmt.Sprintf("%.3g µs", ns/1e3)
	case ns < 1e9:
		return fmt.Sprintf("%.3g ms", ns/1e6)
	}
	return fmt.Sprintf("%.3g s", ns/1e9)
}

func number(v float64) string { return fmt.Sprintf("%.0f", v) }

// measured formats the median of a unit, or a dash if the benchmark did not report it.
func measured(r *result, unit string) string {
	if len(r.values[unit]) == 0 {
		return "–"
	}
	return number(r.median(unit))
}

// parameters splits a name such as "package.Benchmark/form=short/task=x".
func parameters(name string) (benchmark string, of map[string]string) {
	parts := strings.Split(name, "/")
	of = map[string]string{}
	for _, p := range parts[1:] {
		if k, v, ok := strings.Cut(p, "="); ok {
			of[k] = v
		} else {
			parts[0] += "/" + p
		}
	}
	return parts[0], of
}

// tapTable formats the modeled time of each task on each link.
func tapTable(rs results) string {
	type row struct{ form, task string }
	var order []row
	var links []string
	cells := map[row]map[string]*result{}
	for _, r := range rs {
		benchmark, of := parameters(r.name)
		if benchmark != "jpki.Tap" {
			continue
		}
		k := row{of["form"], of["task"]}
		if cells[k] == nil {
			cells[k] = map[string]*result{}
			order = append(order, k)
		}
		if !slices.Contains(links, of["link"]) {
			links = append(links, of["link"])
		}
		cells[k][of["link"]] = r
	}
	head := append([]string{"task", "lengths", "commands", "bytes sent", "received"}, links...)
	var rows [][]string
	for _, k := range order {
		any := cells[k][links[0]]
		cols := []string{k.task, k.form, number(any.median("commands/op")), number(any.median("sent-B/op")), number(any.median("received-B/op"))}
		for _, l := range links {
			r := cells[k][l]
			cols = append(cols, fmt.Sprintf("%.0f ms (×%.2f)", r.median("modeled-ms/op"), r.median("times-the-bound")))
		}
		rows = append(rows, cols)
	}
	return markdown(head, rows)
}

// goalsTable compares results with the goals.
func goalsTable(rs results, start starts) string {
	ns := func(name string) float64 { return rs.named(name).median("ns/op") }
	floor := ns("jpki.Floor/ParseCertificate") + ns("jpki.Floor/HMAC")
	authenticate := ns("jpki.AuthenticateRecorded") - ns("jpki.Floor/VerifyPKCS1v15")
	cards := ns("jpki.CardsWithASession/cards=10000") / float64(time.Second)
	kept := rs.named("simulator.NewCard/memory").median("kept-B/card") / 1024
	allocs := rs.named("apdu.AppendCommand/short").median("allocs/op") + rs.named("apdu.AppendCommand/extended").median("allocs/op")
	goal := func(what string, value, most float64, format string) []string {
		result := "met"
		if value > most {
			result = fmt.Sprintf("missed by %.0f %%", 100*(value/most-1))
		}
		return []string{what, fmt.Sprintf(format, value), fmt.Sprintf(format, most), result}
	}
	return markdown([]string{"goal", "measured", "at most", ""}, [][]string{
		goal("`Authenticate` without RSA, relative to parsing a certificate and one HMAC", authenticate/floor, 3, "×%.2f"),
		goal("allocations to encode a command by appending", allocs, 0, "%.0f"),
		goal("memory of a simulated card with a shared key", kept, 64, "%.1f KiB"),
		goal("10,000 cards with a session each, two cores", cards, 10, "%.1f s"),
		goal("starting `card-info --version`, relative to a program that prints a line", start.ratio(), 1.6, "×%.2f"),
	})
}

// growthTable shows how time grows with sizes and with the number of readers, cards and rows.
func growthTable(rs results) string {
	var rows [][]string
	for _, r := range rs {
		benchmark, of := parameters(r.name)
		for _, k := range []string{"size", "readers", "cards", "rows"} {
			if v, ok := of[k]; ok {
				what := strings.TrimPrefix(benchmark, "jpki.")
				if form := of["form"]; form != "" {
					what += ", " + form
				}
				rows = append(rows, []string{what, k + " " + v, duration(r.median("ns/op"))})
			}
		}
	}
	return markdown([]string{"benchmark", "of", "time"}, rows)
}

// operationsTable shows all benchmarks that are in no other table and report a time.
func operationsTable(rs results) string {
	var rows [][]string
	for _, r := range rs {
		benchmark, of := parameters(r.name)
		if benchmark == "jpki.Tap" || r.median("ns/op") == 0 || of["size"]+of["readers"]+of["cards"]+of["rows"] != "" || len(r.values["kept-B/card"]) > 0 {
			continue
		}
		rows = append(rows, []string{r.name, duration(r.median("ns/op")), measured(r, "B/op"), measured(r, "allocs/op")})
	}
	return markdown([]string{"benchmark", "time", "bytes", "allocations"}, rows)
}

// documentsTable compares how long signing and verifying documents takes here and in other programs.
func documentsTable(rs results) string {
	var rows [][]string
	for _, r := range rs {
		benchmark, of := parameters(r.name)
		if benchmark != "pdf.Documents" {
			continue
		}
		words := func(s string) string { return strings.ReplaceAll(s, "_", " ") }
		rows = append(rows, []string{words(of["task"]), words(of["by"]), duration(r.median("ns/op")), measured(r, "B/op")})
	}
	return markdown([]string{"task", "by", "time", "bytes allocated"}, rows)
}
