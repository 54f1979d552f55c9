package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/doctest"
)

var namedPath = regexp.MustCompile("`([a-z][a-z0-9-]*(?:/[a-zA-Z0-9_.-]+)+)`")

// Links between the documents lead to files, the map has every document, and the paths that contributors are sent to
// exist.
func TestLinksAndPaths(t *testing.T) {
	root := filepath.Join("..", "..")
	var pages []string
	for _, pattern := range []string{"*.md", "docs/*.md", "cmd/kiosk/campaigns/*.md"} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		require.NoError(t, err)
		pages = append(pages, found...)
	}
	linked := map[string]bool{}
	for _, page := range pages {
		content, err := os.ReadFile(page)
		require.NoError(t, err)
		for _, to := range doctest.Links(string(content)) {
			path := filepath.Join(filepath.Dir(page), to)
			_, err := os.Stat(path)
			assert.NoError(t, err, "%s links to %s", page, to)
			linked[path] = linked[path] || filepath.Base(page) == "README.md" && filepath.Dir(page) == filepath.Join(root, "docs")
		}
		if strings.HasPrefix(filepath.Base(page), "CONTRIBUTING") {
			for _, path := range namedPath.FindAllStringSubmatch(string(content), -1) {
				_, err := os.Stat(filepath.Join(root, path[1]))
				assert.NoError(t, err, "%s names %s", page, path[1])
			}
		}
	}
	for _, page := range pages {
		if filepath.Base(page) != "CHANGELOG.md" && page != filepath.Join(root, "docs", "README.md") {
			assert.True(t, linked[page], "docs/README.md does not link to %s", page)
		}
	}
}
