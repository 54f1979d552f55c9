// Command licenses writes the licenses of all modules in a program to a file next to it:
// card-info-licenses.txt for card-info. The file must be distributed with the program.
//
//	go run ./internal/licenses bin/card-info
//
// It reads the list of modules from the program, which may have been built for another
// system. It reads their licenses from the module cache, and Go's from GOROOT. A module
// without a license is an error, and so is a license that is not in the list of those that
// the programs may be distributed with.
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

	"github.com/google/licensecheck"
)

// legal matches the names of files that must be distributed with a module.
var legal = regexp.MustCompile(`(?i)^(licen[cs]e|copying|copyright|notice|patents|unlicense)([-_.]|$)`)

// license matches the names of files with a module's own license. A module must have one.
// Others, such as LICENSE-3RD-PARTY.md, list the licenses of what is in it.
var license = regexp.MustCompile(`(?i)^(licen[cs]e|copying|unlicense)(\.md|\.txt)?$`)

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

// write writes the licenses of a program to a file next to it.
func write(program string) error {
	text, err := texts(program)
	if err != nil {
		return err
	}
	return os.WriteFile(strings.TrimSuffix(program, ".exe")+"-licenses.txt", text, 0o644)
}

// texts returns the licenses of a program.
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
	fmt.Fprintf(&b, "%s contains the following software, each under its own license.\n",
		strings.TrimSuffix(filepath.Base(program), ".exe"))
	err = appendFolder(&b, info.Main.Path, folders[info.Main.Path])
	err = errors.Join(err, appendFolder(&b, "The Go standard library, "+info.GoVersion, goroot))
	for _, m := range info.Deps {
		err = errors.Join(err, appendFolder(&b, m.Path+" "+m.Version, folders[m.Path]))
	}
	return b.Bytes(), err
}

// modules returns the folders of modules by path. It returns an error if go.mod now selects
// another version.
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
		var current struct{ Path, Version, Dir string }
		if err := decoder.Decode(&current); err != nil {
			return nil, err
		}
		if i > 0 && current.Version != m.Version {
			return nil, fmt.Errorf("built with %s %s, but go.mod has %s: build it again", m.Path, m.Version, current.Version)
		}
		folders[m.Path] = current.Dir
	}
	return folders, nil
}

// goroot returns a folder with Go's license. Some distributions keep it outside GOROOT; the
// modules of the Go project have the same license.
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

// appendFolder appends the legal files in a folder.
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
		text, err := os.ReadFile(filepath.Join(folder, entry.Name()))
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if license.MatchString(entry.Name()) {
			licensed = true
			if err := checkLicense(text); err != nil {
				return fmt.Errorf("%s: %s: %w", name, entry.Name(), err)
			}
		}
		fmt.Fprintf(b, "\n%s\n%s: %s\n\n%s\n", strings.Repeat("=", 72), name, entry.Name(), bytes.TrimSpace(text))
	}
	if !licensed {
		return fmt.Errorf("%s: %w", name, errNoLicense)
	}
	return nil
}

// allowed are the licenses (SPDX identifiers) under which a module may be distributed in a
// program. They ask for their text and for notices, which this command writes.
var allowed = map[string]bool{"MIT": true, "BSD-2-Clause": true, "BSD-3-Clause": true, "Apache-2.0": true, "ISC": true}

// checkLicense returns an error if a text contains another license than the allowed ones, or much
// text that belongs to none.
func checkLicense(text []byte) error {
	found := licensecheck.Scan(text)
	for _, m := range found.Match {
		if !allowed[m.ID] {
			return fmt.Errorf("%w: %s", errLicense, m.ID)
		}
	}
	if found.Percent < 75 {
		return fmt.Errorf("%w: %.0f%% of the text belongs to a known license", errLicense, found.Percent)
	}
	return nil
}

var errLicense = errors.New("the license is not in the list of this command")

var errNoLicense = errors.New("no license file in its folder")
