// Command bench runs all benchmarks, compares card-info with OpenSC, and prints the tables of
// docs/performance.md. See make bench.
//
//	bench [-programs] [-time 1s] [-count 5] [-out DIR] [-doc FILE]
//
// With -programs it omits the benchmarks and their tables. It writes raw output for benchstat
// to DIR/raw.txt. With -doc it replaces the tables in FILE: each between a line
// "<!-- bench: NAME -->" and the next "<!-- end -->". Tables of programs are in programs.go
// and floors.go, those of benchmarks in tables.go. A new table also needs its marker in FILE
// and its name in results_test.go.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

func main() {
	benchTime := flag.String("time", "1s", "how long each benchmark runs, as in go test -benchtime")
	count := flag.Int("count", 5, "how often each runs; the tables show medians")
	out := flag.String("out", "bench", "the `DIR` for raw output and binaries")
	doc := flag.String("doc", "", "the `FILE` in which, and in its Japanese version, to replace the tables")
	programs := flag.Bool("programs", false, "only compare whole programs")
	flag.Parse()
	if err := run(*programs, *benchTime, *count, *out, *doc); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(programs bool, benchTime string, count int, out, doc string) error {
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	out, err := filepath.Abs(out)
	if err != nil {
		return err
	}
	var results results
	if !programs {
		if results, err = benchmarks(filepath.Join(out, "raw.txt"), benchTime, count); err != nil {
			return err
		}
	}
	start, err := startup(out)
	if err != nil {
		return err
	}
	tables := []table{{"start", start.table()}, {"floors", floors(out)}, {"opensc", openSC(out)}}
	if !programs {
		tables = append(tables,
			table{"machine", machine()},
			table{"tap", tapTable(results)},
			table{"goals", goalsTable(results, start)},
			table{"growth", growthTable(results)},
			table{"documents", documentsTable(results)},
			table{"operations", operationsTable(results)},
		)
	}
	for _, t := range tables {
		fmt.Printf("%s\n%s\n", t.name, t.text)
	}
	if doc == "" {
		return nil
	}
	for _, page := range []string{doc, strings.TrimSuffix(doc, ".md") + ".ja.md"} {
		if err := replace(page, tables); err != nil {
			return err
		}
	}
	return nil
}

// table is a table of the documentation.
type table struct{ name, text string }

// replace replaces the tables in a file.
func replace(path string, tables []table) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	text := string(b)
	for _, t := range tables {
		begin := "<!-- bench: " + t.name + " -->\n"
		before, rest, found := strings.Cut(text, begin)
		_, after, ended := strings.Cut(rest, "<!-- end -->")
		if !found || !ended {
			return fmt.Errorf("%s has no place for the table %q", path, t.name)
		}
		text = before + begin + t.text + "<!-- end -->" + after
	}
	return os.WriteFile(path, []byte(text), 0o644)
}

// machine describes the machine and the Go version.
func machine() string {
	cpu := runtime.GOARCH
	if b, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(b)) {
			if name, model, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
				cpu = strings.TrimSpace(model)
				break
			}
		}
	}
	return fmt.Sprintf("%s, %d cores, %s %s, %s.\n", cpu, runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version())
}
