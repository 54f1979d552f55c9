package docs

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/cli"
	"github.com/mykeykit/mykeykit/mykey/message"
)

var (
	keyRow   = regexp.MustCompile("(?m)^\\| ((?:`[a-z0-9_]+`(?:, )?)+) \\| [^|]+ \\|$")
	codeRow  = regexp.MustCompile("(?m)^\\| `([A-Z_]+)` \\| (\\d) \\|")
	quoted   = regexp.MustCompile("`([a-z][a-z0-9_-]*)`")
	codeList = regexp.MustCompile(`(?s)(<!-- codes -->\n).*?(<!-- end -->)`)
)

// source is what Go files of the commands say.
type source struct {
	keys     map[string]bool // of JSON objects
	literals map[string]bool // strings
	codes    map[string]string
	exits    map[string]string // the names of codes, or literal codes, and the names of exit codes
}

// read adds a folder's files, without its tests.
func (s *source) read(t *testing.T, folder string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "..", folder, "*.go"))
	require.NoError(t, err)
	text := func(e ast.Expr) string {
		literal, ok := e.(*ast.BasicLit)
		if !ok || literal.Kind != token.STRING {
			return ""
		}
		value, err := strconv.Unquote(literal.Value)
		require.NoError(t, err)
		return value
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		require.NoError(t, err)
		ast.Inspect(parsed, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.BasicLit:
				if words := strings.Fields(text(n)); len(words) > 0 {
					s.literals[words[0]] = true
				}
			case *ast.Field:
				if n.Tag != nil {
					key, _, _ := strings.Cut(reflect.StructTag(text(n.Tag)).Get("json"), ",")
					s.keys[key] = key != "" && key != "-"
				}
			case *ast.CallExpr:
				called := strings.TrimSuffix(fmt.Sprint(n.Fun), "}")
				switch {
				case strings.HasSuffix(called, "Because") && text(n.Args[1]) != "":
					s.codes[text(n.Args[1])] = text(n.Args[1])
				case strings.HasSuffix(called, "report") && len(n.Args) == 4:
					s.keys[text(n.Args[2])] = true
				}
				if !strings.HasSuffix(called, "WriteJSON") {
					break
				}
				ast.Inspect(n, func(n ast.Node) bool {
					if m, ok := n.(*ast.CompositeLit); ok {
						for _, e := range m.Elts {
							if pair, ok := e.(*ast.KeyValueExpr); ok {
								s.keys[text(pair.Key)] = true // "" for a field
							}
						}
					}
					return true
				})
			case *ast.ValueSpec:
				if n.Type != nil && strings.HasSuffix(fmt.Sprint(n.Type), "Code}") || fmt.Sprint(n.Type) == "Code" {
					for i, name := range n.Names {
						if i < len(n.Values) {
							s.codes[name.Name] = text(n.Values[i])
						}
					}
				}
			case *ast.CompositeLit: // of the codes for wrong usage
				if list, ok := n.Type.(*ast.ArrayType); ok && strings.HasSuffix(fmt.Sprint(list.Elt), "Code}") {
					for _, e := range n.Elts {
						if code := text(e); code != "" {
							s.codes[code] = code
						}
						s.exits[cmp.Or(text(e), fmt.Sprint(e))] = "ExitUsage"
					}
				}
			case *ast.KeyValueExpr:
				if code := text(n.Value); code != "" && fmt.Sprint(n.Key) == "Code" {
					s.codes[code] = code
				}
				if to, ok := n.Value.(*ast.SelectorExpr); ok && strings.HasPrefix(to.Sel.Name, "Exit") {
					s.exits[fmt.Sprint(n.Key)] = to.Sel.Name
				}
			}
			return true
		})
	}
}

// The pages about JSON list every key and every code of the commands with its exit code, and no other. What they quote
// is in the source.
func TestJSONPagesAreComplete(t *testing.T) {
	s := source{map[string]bool{}, map[string]bool{}, map[string]string{}, map[string]string{}}
	for _, folder := range []string{
		"cmd/card-info", "internal/cli", "mykey/message", "jpki", "jpki/credential", "jpki/trust", "reader",
		"cmd/kiosk", "cmd/mykey-server", "cmd/mykey-server/internal/pki", "internal/registrycli",
	} {
		s.read(t, folder)
	}
	delete(s.keys, "")
	for _, ofOthers := range []string{"nonce", "audience", "purpose"} {
		delete(s.keys, ofOthers)
	}
	exits := map[string]int{"ExitDone": 0, "ExitFailed": 1, "ExitUsage": cli.ExitUsage, "ExitOtherCard": cli.ExitOtherCard, "ExitCertificate": cli.ExitCertificate, "ExitTampered": cli.ExitTampered}
	require.Greater(t, len(s.codes), 120)
	for _, key := range []string{"chain", "number", "hash"} { // of registry.Head
		s.keys[key] = true
	}
	own := map[string]int{} // exit codes that a command has for a code
	for name, exit := range s.exits {
		own[cmp.Or(s.codes[name], name)] = exits[exit]
	}

	var structure []string
	for _, language := range []message.Language{message.English, message.Japanese} {
		path := map[message.Language]string{message.English: "docs/json.md", message.Japanese: "docs/json.ja.md"}[language]
		page := read(t, path)
		written := codeList.ReplaceAllString(page, "${1}"+codeTable(language)+"$2")
		if *update {
			require.NoError(t, os.WriteFile(filepath.Join("..", "..", path), []byte(written), 0o644))
		} else {
			assert.Equal(t, written, page, "%s: run this test with -update", path)
		}

		documented := map[string]bool{}
		var order []string
		for _, row := range keyRow.FindAllStringSubmatch(written, -1) {
			order = append(order, row[1])
			for _, key := range quoted.FindAllStringSubmatch(row[1], -1) {
				documented[key[1]] = true
				assert.True(t, s.keys[key[1]], "%s: no key %s", path, key[1])
			}
		}
		for key := range s.keys {
			assert.True(t, documented[key], "%s: the key %s is missing", path, key)
		}
		listed := map[string]int{}
		for _, row := range codeRow.FindAllStringSubmatch(written, -1) {
			listed[row[1]], _ = strconv.Atoi(row[2])
			order = append(order, row[1])
		}
		for _, code := range slices.Compact(slices.Sorted(maps.Values(s.codes))) {
			exit, ok := listed[code]
			if !assert.True(t, ok, "%s: the code %s is missing", path, code) {
				continue
			}
			want := cli.ExitOf(nil, message.Code(code), nil)
			if exit, ok := own[code]; ok {
				want = exit
			}
			if code == "SSH_SIGNED" || code == "KEY_READABLE" { // the command goes on
				want = cli.ExitDone
			}
			assert.Equal(t, want, exit, "%s: %s", path, code)
			delete(listed, code)
		}
		assert.Empty(t, listed, "%s: codes that do not exist", path)
		for _, word := range quoted.FindAllStringSubmatch(written, -1) {
			assert.True(t, s.literals[word[1]] || s.keys[word[1]], "%s: `%s` is not in the source", path, word[1])
		}
		if structure == nil {
			structure = order
		}
		assert.Equal(t, structure, order, "the pages have the same rows")
	}
}

// codeTable lists the codes of package message.
func codeTable(language message.Language) string {
	heads := map[message.Language]string{message.English: "| code | exit code | message |", message.Japanese: "| コード | 終了コード | メッセージ |"}
	rows := []string{heads[language], "|---|---|---|"}
	var listed []message.Code
	for m := range message.All() {
		if !slices.Contains(listed, m.Code) {
			listed = append(listed, m.Code)
			separator := map[message.Language]string{message.English: " ", message.Japanese: ""}[language]
			text := strings.ReplaceAll(m.What.In(language), "\n", separator)
			rows = append(rows, fmt.Sprintf("| `%s` | %d | %s |", m.Code, cli.ExitOf(nil, m.Code, nil), text))
		}
	}
	return strings.Join(rows, "\n") + "\n"
}
