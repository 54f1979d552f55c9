package redacttest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Packages returns the directories below root of the packages that other modules
// can import.
func Packages(t *testing.T, root string) (directories []string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := entry.Name()
		switch {
		case entry.IsDir() && path != root && (name == "internal" || name == "testdata" || strings.HasPrefix(name, ".")):
			return fs.SkipDir
		case entry.IsDir() || !isSource(name):
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.PackageClauseOnly)
		directory := filepath.Dir(path)
		if err == nil && file.Name.Name != "main" && !slices.Contains(directories, directory) {
			directories = append(directories, directory)
		}
		return err
	}))
	return directories
}

func isSource(name string) bool {
	return strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go")
}

// exportedTypes returns the names of the types that a package exports, for any
// system. Of interfaces and aliases there are no values of their own.
func exportedTypes(t *testing.T, directory string) (names []string) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(directory, "*.go"))
	require.NoError(t, err)
	for _, path := range paths {
		if !isSource(path) {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				return false // what it declares is its own
			case *ast.TypeSpec:
				_, isInterface := n.Type.(*ast.InterfaceType)
				if n.Name.IsExported() && !isInterface && !n.Assign.IsValid() {
					names = append(names, file.Name.Name+"."+n.Name.Name)
				}
			}
			return true
		})
	}
	return slices.Compact(slices.Sorted(slices.Values(names)))
}
