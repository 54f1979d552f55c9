// Command typecheck checks the types of all packages of the module and their tests, for other systems than this
// one. It compiles nothing, and of other modules it reads only declarations: compiling SQLite for one more system
// would take a minute.
//
//	go run ./internal/typecheck windows/amd64 darwin/arm64
//
// It prints the errors. It exits with 1 if there are any.
package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/tools/go/packages"
)

func main() {
	ok := true
	for _, system := range os.Args[1:] {
		fmt.Println("typecheck:", system)
		problems, err := check(".", system)
		if err != nil {
			problems = append(problems, err.Error())
		}
		for _, problem := range problems {
			fmt.Println(problem)
			ok = false
		}
	}
	if !ok {
		os.Exit(1)
	}
}

// check returns the errors in the packages below folder for a system such as "windows/amd64".
func check(folder, system string) (problems []string, err error) {
	root, err := filepath.Abs(folder)
	if err != nil {
		return nil, err
	}
	goos, goarch, _ := strings.Cut(system, "/")
	loaded, err := packages.Load(&packages.Config{
		Mode: packages.LoadAllSyntax, Tests: true, Dir: root,
		Env: append(os.Environ(), "CGO_ENABLED=0", "GOOS="+goos, "GOARCH="+goarch),
		ParseFile: func(files *token.FileSet, name string, source []byte) (*ast.File, error) {
			file, err := parser.ParseFile(files, name, source, parser.SkipObjectResolution)
			if file != nil && !strings.HasPrefix(name, root+string(filepath.Separator)) {
				removeBodies(file)
			}
			return file, err
		},
	}, "./...")
	if err != nil {
		return nil, err
	}
	if len(loaded) == 0 {
		return nil, fmt.Errorf("no packages in %s", folder)
	}
	found := map[string]bool{} // a package and its variant for tests have the same files
	for _, p := range loaded {
		if strings.HasSuffix(p.ID, ".test") {
			continue // a test's main package: it is generated, outside the module
		}
		for _, e := range p.Errors {
			if text := e.Error(); !found[text] {
				found[text] = true
				problems = append(problems, text)
			}
		}
	}
	return problems, nil
}

func removeBodies(file *ast.File) {
	for _, declaration := range file.Decls {
		if function, ok := declaration.(*ast.FuncDecl); ok {
			function.Body = nil
		}
	}
}
