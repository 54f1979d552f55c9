package main

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/mykeykit/mykeykit/internal/message"
	"github.com/mykeykit/mykeykit/jpki"
)

// maxAuthorities bounds a file of authorities' certificates, in bytes. One has
// about 1300.
const maxAuthorities = 1 << 20

// authorityFlag is --authority, of a command that shows who issued a certificate.
func authorityFlag(c *cobra.Command, p *program, files *[]string) {
	c.Flags().StringArrayVar(files, "authority", nil, p.say(textFlagAuthority))
}

// trust is by whom a certificate may have been issued: J-LIS, an authority in one
// of the files, or the simulator where --simulator asks for it.
func (p *program) trust(files []string) ([]jpki.Option, error) {
	options := []jpki.Option{jpki.WithClock(p.now)}
	for _, file := range files {
		authorities, err := readAuthorities(file)
		if err != nil {
			return nil, &failure{err: err, message: message.Message{Code: codeAuthorityFile, What: textAuthorityFile, Next: textAuthorityFileNext}}
		}
		options = append(options, jpki.WithChain(authorities...))
	}
	if p.simulated != nil && p.simulated.Authority() != nil {
		options = append(options, jpki.TrustSimulator(p.simulated.Authority()))
	}
	return append(options, jpki.WithChain()), nil
}

// readAuthorities reads a file of authorities' certificates, as PEM or DER.
func readAuthorities(path string) ([]*x509.Certificate, error) {
	content, _, err := readFile(path, maxAuthorities)
	if err != nil {
		return nil, err
	}
	der := content
	if block, rest := pem.Decode(content); block != nil {
		der = nil
		for ; block != nil; block, rest = pem.Decode(rest) {
			if block.Type != "CERTIFICATE" {
				return nil, errors.New("--authority: PEM of something else than certificates")
			}
			der = append(der, block.Bytes...)
		}
	}
	authorities, err := x509.ParseCertificates(der)
	if err != nil || len(authorities) == 0 {
		return nil, errors.New("--authority: not a certificate") // the parser's words may quote it
	}
	for i, c := range authorities {
		if !c.IsCA {
			return nil, fmt.Errorf("--authority: certificate %d is not an authority's", i+1)
		}
	}
	return authorities, nil
}
