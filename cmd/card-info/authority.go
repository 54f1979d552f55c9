package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/mykeykit/mykeykit/internal/authority"
	"github.com/mykeykit/mykeykit/internal/cli"
	"github.com/mykeykit/mykeykit/jpki"
)

// authorityFlag is --authority, of a command that shows who issued a certificate.
func authorityFlag(c *cobra.Command, p *program, files *[]string) {
	c.Flags().StringArrayVar(files, "authority", nil, p.Say(textFlagAuthority))
}

// trust is by whom a certificate may have been issued: J-LIS, an authority in one
// of the files, or the simulator where --simulator asks for it.
func (p *program) trust(files []string) ([]jpki.CardOption, error) {
	options := []jpki.CardOption{jpki.WithClock(p.now)}
	for _, file := range files {
		authorities, err := authority.Read(file)
		if err != nil {
			return nil, cli.Because(fmt.Errorf("--authority: %w", err), cli.CodeCACertificate, textAuthorityFile, textAuthorityFileNext)
		}
		options = append(options, jpki.WithChain(authorities...))
	}
	if p.simulated != nil && p.simulated.CACertificate() != nil {
		options = append(options, jpki.TrustSimulator(p.simulated.CACertificate()))
	}
	return append(options, jpki.WithChain()), nil
}
