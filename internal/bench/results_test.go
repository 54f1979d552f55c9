package main

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParse(t *testing.T) {
	rs := parse(`goos: linux
pkg: example.org/some/jpki
BenchmarkTap/link=contact,_T=1-2         	     500	   2000 ns/op	        11.00 commands/op
BenchmarkTap/link=contact,_T=1-2         	     500	   3000 ns/op	        11.00 commands/op
BenchmarkTap/link=contact,_T=1-2         	     500	   9000 ns/op	        11.00 commands/op
BenchmarkParse-2                         	     500	   10.5 ns/op	       8 B/op	       1 allocs/op
--- SKIP: BenchmarkOther
PASS
`)
	require.Len(t, rs, 2)
	tap := rs.named("jpki.Tap/link=contact, T=1")
	assert.Equal(t, 3000.0, tap.median("ns/op"))
	assert.Equal(t, 11.0, tap.median("commands/op"))
	assert.Equal(t, 10.5, rs.named("jpki.Parse").median("ns/op"))
	assert.Equal(t, 1.0, rs.named("jpki.Parse").median("allocs/op"))
	assert.Zero(t, rs.named("jpki.Missing").median("ns/op"))
}

// A benchmark that reports no time, but for example statements per second, is omitted.
func TestOperationsTable(t *testing.T) {
	table := operationsTable(parse(`pkg: example.org/some/registry
BenchmarkVerify-2         	     500	   2000 ns/op
BenchmarkEncode-2         	     500	   2000 ns/op	       0 B/op	       0 allocs/op
BenchmarkBareStatements/sqlite-2         	     1	   1687 bare/s
`))
	assert.Contains(t, table, "| registry.Verify | 2 µs | – | – |")
	assert.Contains(t, table, "| registry.Encode | 2 µs | 0 | 0 |")
	assert.NotContains(t, table, "BareStatements")
}

func TestMedian(t *testing.T) {
	assert.Equal(t, 2.0, median([]float64{9, 1, 2}))
	assert.Equal(t, 2.5, median([]float64{3, 9, 1, 2}))
}

func TestQuantile(t *testing.T) {
	assert.Equal(t, 2.0, quantile([]float64{5, 1, 4, 2, 3}, 0.25))
	assert.Equal(t, 4.0, quantile([]float64{5, 1, 4, 2, 3}, 0.75))
	assert.Zero(t, quantile(nil, 0.5))
}

func TestReplace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "doc.md")
	require.NoError(t, os.WriteFile(path, []byte("a\n<!-- bench: x -->\nold\n<!-- end -->\nb\n<!-- bench: y -->\n<!-- end -->\n"), 0o600))
	require.NoError(t, replace(path, []table{{"x", "new\n"}, {"y", "too\n"}}))
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, "a\n<!-- bench: x -->\nnew\n<!-- end -->\nb\n<!-- bench: y -->\ntoo\n<!-- end -->\n", string(b))
	require.Error(t, replace(path, []table{{"z", ""}}))
}

// The performance documentation has a place for every table, and both languages have the same figures.
func TestDocumentationHasEveryTable(t *testing.T) {
	tables := regexp.MustCompile(`(?s)<!-- bench: \w+ -->\n.*?<!-- end -->`)
	var pages [][]string
	for _, page := range []string{"performance.md", "performance.ja.md"} {
		b, err := os.ReadFile(filepath.Join("..", "..", "docs", page))
		require.NoError(t, err)
		for _, name := range []string{"machine", "tap", "goals", "growth", "documents", "operations", "opensc", "start", "floors"} {
			assert.Contains(t, string(b), "<!-- bench: "+name+" -->\n")
		}
		pages = append(pages, tables.FindAllString(string(b), -1))
	}
	assert.Equal(t, pages[0], pages[1])
}
