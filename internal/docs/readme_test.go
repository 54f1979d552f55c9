package docs

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/doctest"
)

// languages maps each README to the locale of its sessions.
var languages = map[string]string{"README.md": "en_US.UTF-8", "README.ja.md": "ja_JP.UTF-8"}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", path))
	require.NoError(t, err)
	return string(b)
}

// The code in the READMEs is that of the examples to which the line before it links.
func TestREADMECodeIsFromExamples(t *testing.T) {
	var want []string
	for _, example := range []struct{ file, begin string }{
		{"mykey/kiosk_example_test.go", "// serve shows"},
		{"jpki/cardtls/client_example_test.go", "// client waits"},
		{"jpki/proof/example_login_test.go", "// login logs in"},
		{"jpki/proof/example_login_test.go", "// newService makes"},
	} {
		_, function, found := strings.Cut(read(t, example.file), example.begin)
		require.True(t, found)
		function, _, _ = strings.Cut(function, "\n}\n")
		want = append(want, example.file, example.begin+function+"\n}\n")
	}
	for name := range languages {
		var linked []string
		for _, block := range linkedCode.FindAllStringSubmatch(read(t, name), -1) {
			linked = append(linked, block[1], block[2])
		}
		assert.Equal(t, want, linked, name)
		assert.Len(t, doctest.Blocks(read(t, name), "go"), len(want)/2, name)
	}
}

// linkedCode matches a line with a link to a file, and the code after it.
var linkedCode = regexp.MustCompile("(?s)\\[[^]\n]+\\]\\(([^)\n]+)\\)[^\n]*\n\n```go\n(.*?\n)```\n")

// varying matches text that differs between runs: dates, keys and values derived from keys.
var varying = regexp.MustCompile(`\d{1,2} [A-Z][a-z]+ \d{4}|\d+年\d+月\d+日|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d|[0-9a-f]{8}\b|[0-9A-Z]{4}-[0-9A-Z]{4}`)

// The console sessions in the READMEs show what the program prints.
func TestREADMESessionsMatchTheProgram(t *testing.T) {
	bin := t.TempDir()
	build := exec.Command("go", "build", "-o", filepath.Join(bin, "card-info"), "./cmd/card-info")
	build.Dir, build.Env = filepath.Join("..", ".."), append(os.Environ(), "CGO_ENABLED=0")
	output, err := build.CombinedOutput()
	require.NoError(t, err, string(output))

	for name, locale := range languages {
		folder := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(folder, "contract.pdf"), []byte(read(t, "jpki/pdf/testdata/unsigned.pdf")), 0o600))
		sessions := doctest.Blocks(read(t, name), "console")
		require.NotEmpty(t, sessions)
		for _, session := range sessions {
			var printed strings.Builder
			for line := range strings.Lines(session) {
				command, isCommand := strings.CutPrefix(line, "$ ")
				if !isCommand {
					continue
				}
				c := exec.Command("sh", "-c", command)
				c.Dir, c.Env = folder, append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "LC_ALL="+locale)
				out, err := c.CombinedOutput()
				require.NoError(t, err, command)
				fmt.Fprintf(&printed, "%s%s", line, out)
			}
			assert.Equal(t, varying.ReplaceAllString(session, "…"), varying.ReplaceAllString(printed.String(), "…"), name)
		}
	}
}

// trailing matches a comment after a command.
var trailing = regexp.MustCompile(`(?m) +# .*$`)

// The Japanese version of each page has the same headings, tables and code in the same order, and the same commands.
func TestLanguagesHaveTheSameStructure(t *testing.T) {
	shape := func(text string) (lines []string) {
		inCode := false
		for line := range strings.Lines(text) {
			switch {
			case strings.HasPrefix(line, "```"):
				inCode = !inCode
				lines = append(lines, strings.TrimSpace(line))
			case inCode:
			case strings.HasPrefix(line, "#"):
				lines = append(lines, strings.Fields(line)[0])
			case strings.HasPrefix(line, "|"), strings.HasPrefix(line, "- "):
				lines = append(lines, line[:1])
			}
		}
		return lines
	}
	root := filepath.Join("..", "..")
	for _, pattern := range []string{"*.ja.md", "docs/*.ja.md"} {
		pages, err := filepath.Glob(filepath.Join(root, pattern))
		require.NoError(t, err)
		require.NotEmpty(t, pages)
		for _, page := range pages {
			page, err := filepath.Rel(root, page)
			require.NoError(t, err)
			english, japanese := read(t, strings.TrimSuffix(page, ".ja.md")+".md"), read(t, page)
			assert.Equal(t, shape(english), shape(japanese), page)
			commands := func(text string) string {
				return trailing.ReplaceAllString(strings.Join(doctest.Scripts(text), "\n"), "")
			}
			assert.Equal(t, commands(english), commands(japanese), page)
		}
	}
}

// The collision tables in both READMEs match the package's.
func TestCollisionTablesMatch(t *testing.T) {
	for line := range strings.Lines(read(t, "mykey/doc.go")) {
		fields := strings.Fields(strings.TrimPrefix(line, "//\t"))
		if !strings.HasPrefix(line, "//\t") || len(fields) != 3 || fields[0] == "3,000,000" {
			continue
		}
		for name := range languages {
			assert.Contains(t, read(t, name), fmt.Sprintf("| %s | %s | %s |", fields[0], fields[1], fields[2]))
		}
	}
}
