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

// result is a benchmark's values by their units, each time that it ran.
type result struct {
	name   string
	values map[string][]float64
}

// median of a unit's values; 0 if there are none.
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

// quantile is the value below which a part of the values is; 0 if there are none.
func quantile(values []float64, part float64) float64 {
	if len(values) == 0 {
		return 0
	}
	return slices.Sorted(slices.Values(values))[int(part*float64(len(values)-1))]
}

type results []*result

// named finds a benchmark, with its package's last element before the name.
func (rs results) named(name string) *result {
	for _, r := range rs {
		if r.name == name {
			return r
		}
	}
	return nil
}

// benchmarks runs all, and keeps the raw output.
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

// parse reads what go test prints: a line for each run, of the name, the number of
// iterations, and values with their units.
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
