package keyfile_test

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const module = "github.com/mykeykit/mykeykit"

// openFuncs are the functions that open a file by its name.
var openFuncs = []string{
	"os.Open", "os.OpenFile", "os.Create", "os.CreateTemp", "os.ReadFile", "os.WriteFile", "os.OpenRoot", "os.OpenInRoot", "os.CopyFS",
	"ioutil.ReadFile", "ioutil.WriteFile", "syscall.Open", "unix.Open", "unix.Openat", "windows.CreateFile", "windows.Open",
	"toml.DecodeFile", "http.ServeFile", "tls.LoadX509KeyPair", "template.ParseFiles", "template.ParseGlob", "parser.ParseFile",
}

// exceptions are the files that open other files than small ones named by the user.
var exceptions = map[string]string{
	"internal/sshagent/listen_unix.go": "the folder of a socket, to be checked",
	"internal/sshagent/peer_linux.go":  "a process's name, in /proc",
	"mykey/registry/backup.go":         "a database and its backup, regular files",
	"mykey/registry/filelock.go":       "a database's lock",
	"mykey/registry/folder.go":         "the files of a verification, of any size",
	"mykey/registry/sqlite_header.go":  "a database",
}

// programFiles returns the source files of the programs, for all systems.
func programFiles(t *testing.T) (files []string) {
	t.Helper()
	list := exec.Command("go", "list", "-deps", "-json=ImportPath,Dir,GoFiles,CgoFiles,IgnoredGoFiles", module+"/cmd/...")
	out, err := list.Output()
	require.NoError(t, err)
	root, err := filepath.Abs(filepath.Join("..", ".."))
	require.NoError(t, err)
	for decoder := json.NewDecoder(strings.NewReader(string(out))); decoder.More(); {
		var p struct {
			ImportPath, Dir                   string
			GoFiles, CgoFiles, IgnoredGoFiles []string
		}
		require.NoError(t, decoder.Decode(&p))
		if p.ImportPath != module && !strings.HasPrefix(p.ImportPath, module+"/") {
			continue
		}
		folder, err := filepath.Rel(root, p.Dir)
		require.NoError(t, err)
		for _, name := range slices.Concat(p.GoFiles, p.CgoFiles, p.IgnoredGoFiles) {
			if !strings.HasSuffix(name, "_test.go") {
				files = append(files, filepath.ToSlash(filepath.Join(folder, name)))
			}
		}
	}
	return files
}

// openCalls returns the calls in a file that open a file by a variable name.
func openCalls(t *testing.T, path string, source any) (found []string) {
	t.Helper()
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, path, source, parser.SkipObjectResolution)
	require.NoError(t, err)
	alias := map[string]string{}
	for _, spec := range file.Imports {
		if spec.Name != nil {
			name, _ := strconv.Unquote(spec.Path.Value)
			alias[spec.Name.Name] = name[strings.LastIndex(name, "/")+1:]
		}
	}
	fixed := map[ast.Expr]bool{}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			if len(n.Args) > 0 {
				if _, ok := n.Args[0].(*ast.BasicLit); ok {
					fixed[n.Fun] = true // a device
				}
			}
		case *ast.SelectorExpr: // called or kept in a variable
			from, ok := n.X.(*ast.Ident)
			if !ok || fixed[n] {
				return true
			}
			name := from.Name
			if alias[name] != "" {
				name = alias[name]
			}
			if name += "." + n.Sel.Name; slices.Contains(openFuncs, name) {
				found = append(found, name)
			}
		}
		return true
	})
	return found
}

// Every small file that the user names, such as a key, a certificate or a campaign
// file, is opened by this package: it does not block on pipes, limits the length, and
// detects exposed files.
//
// Faults: F124.
func TestFilesAreOpenedByKeyfile(t *testing.T) {
	files := programFiles(t)
	require.Contains(t, files, "cmd/card-info/key.go")
	require.Contains(t, files, "internal/keyfile/access_windows.go")
	used := map[string]bool{}
	for _, path := range files {
		if strings.HasPrefix(path, "internal/keyfile/") {
			continue
		}
		found := openCalls(t, filepath.Join("..", "..", path), nil)
		if exceptions[path] != "" && len(found) > 0 {
			used[path] = true
			continue
		}
		assert.Empty(t, found, path)
	}
	assert.Len(t, used, len(exceptions), "every exception is used")

	const source = `package p
import (
	system "os"
	"os"
)
var read = os.ReadFile
func f(path string) { system.Open(path); os.OpenFile("/dev/tty", os.O_RDWR, 0); os.Remove(path) }`
	assert.Equal(t, []string{"os.ReadFile", "os.Open"}, openCalls(t, "p.go", source), "openCalls finds calls and function values")
}
