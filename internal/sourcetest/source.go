// Package sourcetest lists declarations in the module's source, so that tests cover all
// of them, including new ones.
package sourcetest

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

// Packages returns the directories below root that hold packages which a program
// can import, internal ones too.
func Packages(t *testing.T, root string) (directories []string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := entry.Name()
		switch {
		case entry.IsDir() && path != root && (name == "testdata" || strings.HasPrefix(name, ".")):
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

// IsInternal tells whether a directory's package is for this module alone.
func IsInternal(directory string) bool {
	return slices.Contains(strings.Split(filepath.ToSlash(directory), "/"), "internal")
}

func isSource(name string) bool {
	return strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go")
}

// Types returns the types that a package exports on any system, with its name, as
// in "jpki.PIN". Interfaces and aliases have no values of their own and are left
// out.
func Types(t *testing.T, directory string) []string {
	t.Helper()
	return exported(t, directory, func(d ast.Decl) (names []string) {
		for _, spec := range specs(d) {
			if spec, ok := spec.(*ast.TypeSpec); ok && !spec.Assign.IsValid() {
				if _, isInterface := spec.Type.(*ast.InterfaceType); !isInterface {
					names = append(names, spec.Name.Name)
				}
			}
		}
		return names
	})
}

// Errors returns the errors that a package exports on any system: variables whose
// names begin with Err, and types with a method Error.
func Errors(t *testing.T, directory string) []string {
	t.Helper()
	return exported(t, directory, func(d ast.Decl) (names []string) {
		if method, ok := d.(*ast.FuncDecl); ok && method.Recv != nil && method.Name.Name == "Error" {
			receiver := method.Recv.List[0].Type
			if pointer, ok := receiver.(*ast.StarExpr); ok {
				receiver = pointer.X
			}
			if name, ok := receiver.(*ast.Ident); ok {
				names = append(names, name.Name)
			}
		}
		for _, spec := range specs(d) {
			if spec, ok := spec.(*ast.ValueSpec); ok {
				for _, name := range spec.Names {
					if strings.HasPrefix(name.Name, "Err") {
						names = append(names, name.Name)
					}
				}
			}
		}
		return names
	})
}

func specs(d ast.Decl) []ast.Spec {
	if general, ok := d.(*ast.GenDecl); ok {
		return general.Specs
	}
	return nil
}

// exported collects names from a package's declarations.
func exported(t *testing.T, directory string, of func(ast.Decl) []string) (names []string) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(directory, "*.go"))
	require.NoError(t, err)
	for _, path := range slices.DeleteFunc(paths, func(path string) bool { return !isSource(path) }) {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		for _, declaration := range file.Decls {
			for _, name := range of(declaration) {
				if ast.IsExported(name) {
					names = append(names, file.Name.Name+"."+name)
				}
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
