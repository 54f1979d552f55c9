package docs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var (
	namedTest = regexp.MustCompile("`([a-z][a-z0-9-]*\\.(?:Test|Fuzz|Example)[A-Za-z0-9_]*)`")
	separator = regexp.MustCompile(`^(\|-+)+\|$`)
)

// Every claim in the tables of docs/security.md names tests, and they exist. The Japanese page
// has the same structure and names the same tests.
func TestSecurityPageNamesTests(t *testing.T) {
	tests := testsByName(t)
	english, japanese := securityClaims(t, "docs/security.md"), securityClaims(t, "docs/security.ja.md")
	require.Greater(t, len(english), 40)
	assert.Equal(t, english, japanese)
	for _, claim := range english {
		for _, name := range claim {
			assert.True(t, tests[name], "%s does not exist", name)
		}
	}
}

// securityClaims returns the tests that each line of a page names: of rows of tables, and an empty
// list for each heading and item.
func securityClaims(t *testing.T, path string) (claims [][]string) {
	t.Helper()
	page := read(t, path)
	lines := strings.Split(page, "\n")
	for i, line := range lines {
		names := []string{}
		for _, match := range namedTest.FindAllStringSubmatch(line, -1) {
			names = append(names, match[1])
		}
		isTable := strings.HasPrefix(line, "|")
		switch {
		case separator.MatchString(line), isTable && i+1 < len(lines) && separator.MatchString(lines[i+1]):
		case isTable:
			assert.True(t, strings.HasSuffix(line, "| `"+strings.Join(names, "`, `")+"` |"), "%s: the last cell is not a list of tests: %s", path, line)
			claims = append(claims, names)
		case strings.HasPrefix(line, "#"), strings.HasPrefix(line, "- "):
			claims = append(claims, names)
			fallthrough
		default:
			assert.Empty(t, names, "%s: a test outside of a table: %s", path, line)
		}
	}
	return claims
}

// testsByName returns the tests of all packages, as "folder.TestName".
func testsByName(t *testing.T) map[string]bool {
	t.Helper()
	tests := map[string]bool{}
	err := filepath.WalkDir(filepath.Join("..", ".."), func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && entry.Name() == ".git":
			return fs.SkipDir
		case entry.IsDir() || !strings.HasSuffix(path, "_test.go"):
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, declaration := range file.Decls {
			if function, ok := declaration.(*ast.FuncDecl); ok && function.Recv == nil {
				tests[filepath.Base(filepath.Dir(path))+"."+function.Name.Name] = true
			}
		}
		return nil
	})
	require.NoError(t, err)
	return tests
}
