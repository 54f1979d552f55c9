package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/mykeykit/mykeykit/internal/cafile"
	"github.com/mykeykit/mykeykit/internal/cli"
	"github.com/mykeykit/mykeykit/jpki"
)

// caCertificateFlag adds the flag --ca-certificate to a command.
func caCertificateFlag(c *cobra.Command, p *program, files *[]string) {
	c.Flags().StringArrayVar(files, "ca-certificate", nil, p.Say(textFlagCACertificate))
}

// chainOptions returns the options to check a certificate's issuer: J-LIS, the CA
// certificates in files and, with --simulator, the simulator's CA.
func (p *program) chainOptions(files []string) ([]jpki.CardOption, error) {
	options := []jpki.CardOption{jpki.WithClock(p.now)}
	for _, file := range files {
		certificates, err := cafile.Read(file)
		if err != nil {
			return nil, cli.Because(fmt.Errorf("--ca-certificate: %w", err), cli.CodeCACertificate, textCACertificateFile, textCACertificateFileNext)
		}
		options = append(options, jpki.WithChain(certificates...))
	}
	if p.simulated != nil && p.simulated.CACertificate() != nil {
		options = append(options, jpki.TrustSimulator(p.simulated.CACertificate()))
	}
	return append(options, jpki.WithChain()), nil
}
