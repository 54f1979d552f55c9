// Package doctest finds the commands and links in documents, so that tests run and follow them as they are written.
package doctest

import (
	"regexp"
	"strings"
)

// Blocks returns the fenced code blocks of a language, such as "sh". Each ends with a line end.
func Blocks(text, language string) (blocks []string) {
	for _, part := range strings.Split(text, "\n```"+language+"\n")[1:] {
		block, _, _ := strings.Cut(part, "\n```")
		blocks = append(blocks, block+"\n")
	}
	return blocks
}

var comment = regexp.MustCompile(`(?m)^#.*\n`)

// Scripts returns the shell blocks without lines that are comments.
func Scripts(text string) (scripts []string) {
	for _, block := range Blocks(text, "sh") {
		scripts = append(scripts, comment.ReplaceAllString(block, ""))
	}
	return scripts
}

// Commands returns the command lines in the shell blocks. Continued lines are joined.
func Commands(text string) (lines []string) {
	for _, script := range Blocks(text, "sh") {
		for line := range strings.Lines(strings.ReplaceAll(script, "\\\n", " ")) {
			if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
				lines = append(lines, line)
			}
		}
	}
	return lines
}

var link = regexp.MustCompile(`\]\(([^)#:]+)(?:#[^)]*)?\)`)

// Links returns the files to which a document links, relative to its folder.
func Links(text string) (files []string) {
	for _, found := range link.FindAllStringSubmatch(text, -1) {
		files = append(files, found[1])
	}
	return files
}

// MakeKey is a shell script in place of card-info that makes a key: card-info itself takes longer to build.
const MakeKey = `#!/bin/sh
[ "$1" = keygen ] || exit 2
umask 077
od -An -v -tx1 -N32 /dev/urandom | tr -d ' \n' > "$2"
`
