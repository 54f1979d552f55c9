package docs

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "rewrite the lists of tests in docs/faults.md")

const faultClasses = 153

var (
	// faultRow matches a row: the class, what happens, what the toolkit does, the tests.
	faultRow = regexp.MustCompile(`(?m)^\| (F\d{2,3}) \| (.+) \| (.+) \|(.*)\|$`)
	// faultTag matches the last line of a test's comment.
	faultTag   = regexp.MustCompile(`(?m)^Faults: ((?:F\d{2,3}(?:, )?)+)\.$`)
	anyTag     = regexp.MustCompile(`(?m)^// Faults?:`)
	makeTarget = regexp.MustCompile("`make ([a-z]+)`")
)

// For each class of faults docs/faults.md and its Japanese version list the tests whose comments have its tag.
// For a class without tests, they name a target of make or the reason why the class can't occur.
func TestFaultsPageListsTheTests(t *testing.T) {
	tagged := taggedInTests(t)
	for _, name := range []string{"docs/faults.md", "docs/faults.ja.md"} {
		page := read(t, name)
		rows := faultRow.FindAllStringSubmatch(page, -1)
		require.Len(t, rows, faultClasses)
		known := map[string]bool{}
		for i, row := range rows {
			line, id, covered := row[0], row[1], strings.TrimSpace(row[4])
			require.Equal(t, fmt.Sprintf("F%02d", i+1), id)
			known[id] = true
			if len(tagged[id]) == 0 {
				target := makeTarget.FindStringSubmatch(covered)
				if target != nil {
					assert.Contains(t, read(t, "Makefile"), "\n"+target[1]+":", id)
				} else {
					assert.Regexp(t, "^Can't occur: ", covered, "%s has neither a test, nor a target of make, nor a reason", id)
				}
				continue
			}
			names := "`" + strings.Join(slices.Sorted(slices.Values(tagged[id])), "`, `") + "`"
			if *update {
				page = strings.Replace(page, line, strings.TrimSuffix(line, row[4]+"|")+" "+names+" |", 1)
			} else {
				assert.Equal(t, names, covered, "%s: tests with its tag, and tests in %s", id, name)
			}
		}
		for id := range tagged {
			assert.True(t, known[id], "a tag of the unknown class %s", id)
		}
		if *update {
			require.NoError(t, os.WriteFile(filepath.Join("..", "..", filepath.FromSlash(name)), []byte(page), 0o644))
		}
	}
}

// taggedInTests returns the tests by the tags in their comments.
func taggedInTests(t *testing.T) map[string][]string {
	t.Helper()
	tests := map[string][]string{}
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, "_test.go") {
			if entry != nil && entry.IsDir() && entry.Name() == ".git" { // a file in a linked worktree
				return fs.SkipDir
			}
			return err
		}
		source, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, source, parser.ParseComments)
		if err != nil {
			return err
		}
		found := 0
		for _, declaration := range file.Decls {
			function, ok := declaration.(*ast.FuncDecl)
			if !ok || function.Doc == nil {
				continue
			}
			tag := faultTag.FindStringSubmatch(function.Doc.Text())
			if tag == nil {
				continue
			}
			found++
			assert.Regexp(t, `^(Test|Fuzz|Example)`, function.Name.Name, path)
			name := filepath.Base(filepath.Dir(path)) + "." + function.Name.Name
			for _, id := range strings.Split(tag[1], ", ") {
				tests[id] = append(tests[id], name)
			}
		}
		assert.Equal(t, len(anyTag.FindAll(source, -1)), found, "%s: a tag that is not the last line of a test's comment", path)
		return nil
	})
	require.NoError(t, err)
	return tests
}
