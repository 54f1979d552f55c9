package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The licenses of a command include every linked module with its text, and no module that
// only tests use.
func TestEveryLinkedModuleHasItsLicense(t *testing.T) {
	_, err := os.Stat(filepath.Join("..", "..", "go.mod")) // so that go test reruns when it changes
	require.NoError(t, err)
	for _, command := range []string{"card-info", "kiosk", "mykey-server"} {
		t.Run(command, func(t *testing.T) {
			path := "github.com/mykeykit/mykeykit/cmd/" + command
			program := filepath.Join(t.TempDir(), command+".exe")
			run(t, "go", "build", "-o", program, path)
			require.NoError(t, write(program))
			b, err := os.ReadFile(strings.TrimSuffix(program, ".exe") + "-licenses.txt")
			require.NoError(t, err)

			const rule = "\n========================================================================\n"
			texts := map[string]string{}
			for _, part := range strings.Split(string(b), rule)[1:] {
				title, text, _ := strings.Cut(part, "\n")
				name, _, _ := strings.Cut(title, ": ")
				texts[name] += text
			}
			linked := strings.Fields(run(t, "go", "list", "-deps", "-f",
				`{{with .Module}}{{.Path}}{{with .Version}}@{{.}}{{end}}{{end}}`, path))
			require.Greater(t, len(linked), 5)
			for _, module := range linked {
				assert.Contains(t, texts[strings.ReplaceAll(module, "@", " ")], "opyright", module)
			}
			assert.Contains(t, string(b), rule+"The Go standard library, go1.")
			for _, onlyTests := range []string{"testify", "chromedp", "rogpeppe"} {
				assert.NotContains(t, string(b), onlyTests)
			}
			assert.NotContains(t, strings.ToLower(string(b)), "axe-core")
		})
	}
}

// A module without a license is an error that names the module.
func TestModulesWithoutALicense(t *testing.T) {
	for files, licensed := range map[string]bool{
		"":                                false,
		"README.md license.go":            false,
		"NOTICE":                          false,
		"LICENSE":                         true,
		"LICENCE.md":                      true,
		"COPYING NOTICE":                  true,
		"licenses_of_others.txt main.go":  false,
		"README.md LICENSE.txt NOTICE.md": true,
	} {
		folder := t.TempDir()
		for _, file := range strings.Fields(files) {
			require.NoError(t, os.WriteFile(filepath.Join(folder, file), []byte("text of "+file+"\n"+mit), 0o600))
		}
		var b bytes.Buffer
		err := appendFolder(&b, "example.com/module v1.0.0", folder)
		if !licensed {
			require.ErrorIs(t, err, errNoLicense, files)
			assert.ErrorContains(t, err, "example.com/module v1.0.0")
			continue
		}
		require.NoError(t, err, files)
		for _, file := range strings.Fields(files) {
			if file != "README.md" {
				assert.Contains(t, b.String(), "text of "+file)
			}
		}
	}
	assert.Error(t, appendFolder(&bytes.Buffer{}, "", filepath.Join(t.TempDir(), "not there")))
	assert.Error(t, write(filepath.Join(t.TempDir(), "not there")))
}

// mit is a license, and gplHead the beginning of one that the programs can't be distributed with.
const mit = `Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation files (the "Software"), to deal in the Software without restriction, including without limitation the rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.`

const gplHead = "This program is free software: you can redistribute it and/or modify it under the terms of the GNU General Public License as published by the Free Software Foundation, either version 3 of the License, or (at your option) any later version."

// A license that is not allowed, or that is not known, is an error that names the module and the file.
func TestOnlyAllowedLicenses(t *testing.T) {
	for text, allowed := range map[string]bool{
		mit:                                   true,
		gplHead:                               false,
		mit + "\n\n" + gplHead:                false,
		"All rights reserved. Ask the author": false,
	} {
		folder := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(folder, "LICENSE"), []byte(text), 0o600))
		err := appendFolder(&bytes.Buffer{}, "example.com/module v1.0.0", folder)
		if allowed {
			require.NoError(t, err)
			continue
		}
		require.ErrorIs(t, err, errLicense)
		assert.ErrorContains(t, err, "example.com/module v1.0.0: LICENSE")
	}
}

func run(t *testing.T, command ...string) string {
	t.Helper()
	c := exec.Command(command[0], command[1:]...)
	c.Stderr = os.Stderr
	output, err := c.Output()
	require.NoError(t, err)
	return string(output)
}
