package main

import (
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"github.com/mykeykit/mykeykit/internal/cli"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// completeFlags has shells complete the flags that have a fixed set of values.
func completeFlags(root *cobra.Command) {
	var profiles []string
	for _, profile := range simulator.Profiles() {
		profiles = append(profiles, string(profile))
	}
	cli.CompleteFlag(root, "simulator", profiles...)
	for _, c := range root.Commands() {
		for flag, values := range map[string]map[string][]string{
			"simulate":   {"profile": profiles},
			"sign":       {"hash": slices.Sorted(maps.Keys(hashes)), "corner": slices.Sorted(maps.Keys(corners))},
			"attributes": {"by": {byNumberB, byPIN}, "from": {"signature"}},
			"face":       {"by": {byNumberB, byNumberA}},
			"number":     {"by": {byPIN, byNumberA}},
		}[c.Name()] {
			cli.CompleteFlag(c, flag, values...)
		}
	}
}
