// Command licenses writes, beside a program, the licenses of what is compiled
// into it: card-info-licenses.txt for card-info. They go with the program to
// whoever gets it.
//
//	go run ./internal/licenses bin/card-info
//
// Which modules those are is read from the program, so it may have been built for
// another system. Their licenses come from the module cache, Go's own from GOROOT.
// A module without a license is an error.
package main

import (
	"bytes"
	"debug/buildinfo"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"strings"
)

// legal are the names of files in a module's folder that go with it.
var legal = regexp.MustCompile(`(?i)^(licen[cs]e|copying|copyright|notice|patents|unlicense)([-_.]|$)`)

// license is the one of them without which nothing may be handed on.
var license = regexp.MustCompile(`(?i)^(licen[cs]e|copying|unlicense)([-_.]|$)`)

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: licenses PROGRAM...")
		os.Exit(2)
	}
	for _, program := range os.Args[1:] {
		if err := write(program); err != nil {
			fmt.Fprintln(os.Stderr, "licenses:", err)
			os.Exit(1)
		}
	}
}

// write writes the licenses of a program beside it.
func write(program string) error {
	text, err := texts(program)
	if err != nil {
		return err
	}
	return os.WriteFile(strings.TrimSuffix(program, ".exe")+"-licenses.txt", text, 0o644)
}

// texts are the licenses of a program.
func texts(program string) ([]byte, error) {
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		return nil, err
	}
	folders, err := modules(append([]*debug.Module{&info.Main}, info.Deps...))
	if err != nil {
		return nil, err
	}
	goroot, err := goroot(folders)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s contains what is listed below, each under its own license.\n",
		strings.TrimSuffix(filepath.Base(program), ".exe"))
	err = appendFolder(&b, info.Main.Path, folders[info.Main.Path])
	err = errors.Join(err, appendFolder(&b, "The Go standard library, "+info.GoVersion, goroot))
	for _, m := range info.Deps {
		err = errors.Join(err, appendFolder(&b, m.Path+" "+m.Version, folders[m.Path]))
	}
	return b.Bytes(), err
}

// modules finds the folders of modules, by path. They have to be those that this
// module would be built with now.
func modules(linked []*debug.Module) (map[string]string, error) {
	arguments := []string{"list", "-m", "-json"}
	for _, m := range linked {
		arguments = append(arguments, m.Path)
	}
	command := exec.Command("go", arguments...)
	command.Stderr = os.Stderr
	output, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("go list -m: %w", err)
	}
	folders := map[string]string{}
	decoder := json.NewDecoder(bytes.NewReader(output))
	for i, m := range linked {
		var here struct{ Path, Version, Dir string }
		if err := decoder.Decode(&here); err != nil {
			return nil, err
		}
		if i > 0 && here.Version != m.Version {
			return nil, fmt.Errorf("built with %s %s, but go.mod has %s: build it again", m.Path, m.Version, here.Version)
		}
		folders[m.Path] = here.Dir
	}
	return folders, nil
}

// goroot finds a folder with Go's license. Packages of some systems keep it
// elsewhere; the modules of the Go project have the same.
func goroot(folders map[string]string) (string, error) {
	output, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return "", fmt.Errorf("go env GOROOT: %w", err)
	}
	candidates := []string{strings.TrimSpace(string(output))}
	for module, folder := range folders {
		if strings.HasPrefix(module, "golang.org/x/") {
			candidates = append(candidates, folder)
		}
	}
	for _, folder := range candidates {
		if _, err := os.Stat(filepath.Join(folder, "LICENSE")); err == nil {
			return folder, nil
		}
	}
	return "", fmt.Errorf("no license of Go in %s", candidates[0])
}

// appendFolder writes the legal files of a folder.
func appendFolder(b *bytes.Buffer, name, folder string) error {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	licensed := false
	for _, entry := range entries {
		if entry.IsDir() || !legal.MatchString(entry.Name()) || filepath.Ext(entry.Name()) == ".go" {
			continue
		}
		licensed = licensed || license.MatchString(entry.Name())
		text, err := os.ReadFile(filepath.Join(folder, entry.Name()))
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		fmt.Fprintf(b, "\n%s\n%s: %s\n\n%s\n", strings.Repeat("=", 72), name, entry.Name(), bytes.TrimSpace(text))
	}
	if !licensed {
		return fmt.Errorf("%s: %w", name, errNoLicense)
	}
	return nil
}

var errNoLicense = errors.New("its folder has no license file")
