package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
)

// result holds a benchmark's values by unit, one per run.
type result struct {
	name   string
	values map[string][]float64
}

// median returns the median of a unit's values, or 0 if there are none.
func (r *result) median(unit string) float64 {
	if r == nil {
		return 0
	}
	return median(r.values[unit])
}

func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// quantile returns the value below which the given part of the values lies, or 0 if there are
// none.
func quantile(values []float64, part float64) float64 {
	if len(values) == 0 {
		return 0
	}
	return slices.Sorted(slices.Values(values))[int(part*float64(len(values)-1))]
}

type results []*result

// named returns a benchmark by its name, as in "package.Benchmark", or nil.
func (rs results) named(name string) *result {
	for _, r := range rs {
		if r.name == name {
			return r
		}
	}
	return nil
}

// benchmarks runs all benchmarks and writes the raw output to a file.
func benchmarks(raw, benchTime string, count int) (results, error) {
	file, err := os.Create(raw)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var output strings.Builder
	c := exec.Command("go", "test", "-run", "^$", "-bench", ".", "-benchtime", benchTime, "-count", strconv.Itoa(count), "-p", "1", "-timeout", "0", "./...")
	c.Stdout = io.MultiWriter(file, &output, os.Stderr)
	c.Stderr = os.Stderr
	if err := c.Run(); err != nil {
		return nil, fmt.Errorf("go test: %w", err)
	}
	return parse(output.String()), file.Close()
}

// parse parses the output of go test: one line per run with the name, the number of
// iterations, and values with units.
func parse(output string) (rs results) {
	at := ""
	for line := range strings.Lines(output) {
		if path, ok := strings.CutPrefix(line, "pkg: "); ok {
			path = strings.TrimSpace(path)
			at = path[strings.LastIndex(path, "/")+1:]
		}
		name, values, ok := strings.Cut(line, "\t")
		if !ok || !strings.HasPrefix(name, "Benchmark") {
			continue
		}
		name = strings.TrimPrefix(strings.TrimSpace(name), "Benchmark")
		if i := strings.LastIndex(name, "-"); i > 0 && strings.Trim(name[i+1:], "0123456789") == "" {
			name = name[:i] // the number of processors
		}
		name = strings.ReplaceAll(at+"."+name, "_", " ")
		name = strings.ReplaceAll(name, "bit/s", "bit per s") // a slash ends a parameter
		r := rs.named(name)
		if r == nil {
			r = &result{name: name, values: map[string][]float64{}}
			rs = append(rs, r)
		}
		fields := strings.Fields(values)
		for i := 1; i+1 < len(fields); i += 2 {
			if v, err := strconv.ParseFloat(fields[i], 64); err == nil {
				r.values[fields[i+1]] = append(r.values[fields[i+1]], v)
			}
		}
	}
	return rs
}
