package main

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/mykeykit/mykeykit/internal/cli"
	"github.com/mykeykit/mykeykit/internal/termtext"
	"github.com/mykeykit/mykeykit/internal/tty"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/jpki/credential"
	"github.com/mykeykit/mykeykit/jpki/trust"
	"github.com/mykeykit/mykeykit/reader"
	"github.com/mykeykit/mykeykit/reader/simulator"
	"github.com/mykeykit/mykeykit/reader/simulator/vpcd"
)

func (p *program) listCommand() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: p.Say(textListShort), Args: cli.NoArguments,
		RunE: func(c *cobra.Command, _ []string) error { return p.list(c.Context()) },
	}
}

type listedReader struct {
	Name    string `json:"name"`
	Present bool   `json:"present"`
	ATR     string `json:"atr,omitempty"`
}

// list lists the readers and whether each holds a card.
func (p *program) list(ctx context.Context) error {
	if p.wait > 0 {
		if _, err := p.find(ctx, p.reader, nil); ctx.Err() != nil {
			return err
		}
	}
	readers, err := p.driver.Readers(ctx)
	if err != nil {
		return err
	}
	if len(readers) == 0 {
		return reader.ErrNoReader
	}
	var list []listedReader
	t := table{program: p}
	for _, r := range readers {
		name := termtext.Printable(r.Name)
		list = append(list, listedReader{Name: name, Present: r.Present, ATR: fmt.Sprintf("%X", r.ATR)})
		state := textCardAbsent
		if r.Present {
			state = textCardPresent
		}
		t.row(Text{JA: name, EN: name}, state)
	}
	if p.JSON {
		return cli.WriteJSON(p.stdout, map[string]any{"readers": list})
	}
	return t.write(p.stdout)
}

func (p *program) retriesCommand() *cobra.Command {
	return &cobra.Command{
		Use: "retries", Short: p.Say(textRetriesShort), Args: cli.NoArguments,
		RunE: func(c *cobra.Command, _ []string) error { return p.retries(c.Context()) },
	}
}

// retries shows the attempts left. It uses none.
func (p *program) retries(ctx context.Context) error {
	var counters struct {
		AuthPIN           credential.Counter `json:"auth_pin"`
		SignaturePassword credential.Counter `json:"signature_password"`
	}
	err := p.withApplication(ctx, func(_ reader.Reader, a *jpki.Application) (err error) {
		if counters.AuthPIN, err = a.AuthPINCounter(ctx); err != nil {
			return err
		}
		counters.SignaturePassword, err = a.SignaturePasswordCounter(ctx)
		return err
	})
	if err != nil {
		return err
	}
	if p.JSON {
		return cli.WriteJSON(p.stdout, counters)
	}
	t := table{program: p}
	t.row(textRowPIN, attemptsText(counters.AuthPIN))
	t.row(textRowPassword, attemptsText(counters.SignaturePassword))
	return t.write(p.stdout)
}

func (p *program) certCommand() *cobra.Command {
	var o certOptions
	c := &cobra.Command{
		Use: "cert", Short: p.Say(textCertShort), Long: p.Say(textCertLong), Args: cli.NoArguments,
		RunE: func(c *cobra.Command, _ []string) error { return p.cert(c.Context(), o) },
	}
	c.Flags().BoolVar(&o.ca, "ca", false, p.Say(textFlagCA))
	c.Flags().BoolVar(&o.der, "der", false, p.Say(textFlagDER))
	c.Flags().BoolVar(&o.signature, "signature", false, p.Say(textFlagSignatureCert))
	p.passwordFlags(c, &o.passwordOptions)
	return c
}

// certOptions are the flags of cert.
type certOptions struct {
	passwordOptions
	ca, der, signature bool
}

// cert writes a certificate. It is personal data, so no other command prints it.
func (p *program) cert(ctx context.Context, o certOptions) error {
	if o.der && tty.IsTerminal(p.stdout) {
		// The card chooses these bytes; a terminal would interpret them.
		return p.Misuse(textDERToTerminal, errors.New("--der: standard output is a terminal"))
	}
	if o.signature && !o.ca {
		signer, err := p.signatureSigner(ctx, o.passwordOptions, jpki.AllowExpired())
		if err != nil {
			return err
		}
		return errors.Join(signer.Close(), p.writeCertificate(signer.Certificate().Raw, o.der))
	}
	var found []byte
	err := p.withApplication(ctx, func(_ reader.Reader, a *jpki.Application) (err error) {
		read, readDER := a.AuthCertificate, a.AuthCertificateDER
		switch {
		case o.ca && o.signature:
			read, readDER = a.SignatureCACertificate, nil
		case o.ca:
			read, readDER = a.AuthCACertificate, a.AuthCACertificateDER
		}
		certificate, err := read(ctx)
		if errors.Is(err, trust.ErrMalformed) && readDER != nil {
			// Written all the same, so that the user can examine it with other tools.
			found, err = readDER(ctx)
			return err
		}
		if err == nil {
			found = certificate.Raw
		}
		return err
	})
	if err != nil {
		return err
	}
	return p.writeCertificate(found, o.der)
}

func (p *program) writeCertificate(found []byte, der bool) error {
	if der {
		_, err := p.Stdout.WriteBytes(found)
		return err
	}
	// pem.Encode would write each line in pieces.
	_, err := p.stdout.Write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: found}))
	return err
}

func (p *program) simulateCommand() *cobra.Command {
	var profile, address string
	c := &cobra.Command{
		Use: "simulate [--profile PROFILE] [--vpcd HOST:PORT]", Short: p.Say(textSimulateShort), Long: p.Say(textSimulateLong()), Args: cli.NoArguments,
		RunE: func(c *cobra.Command, _ []string) error { return p.simulate(c.Context(), profile, address) },
	}
	c.Flags().StringVar(&profile, "profile", string(simulator.Contact), p.Say(textFlagProfile))
	c.Flags().StringVar(&address, "vpcd", "127.0.0.1:35963", p.Say(textFlagVPCD))
	for _, name := range []string{"profile", "vpcd"} {
		c.Flags().Lookup(name).DefValue = "" // the texts have it; cobra would print it in English
	}
	return c
}

// simulate connects a simulated card to pcscd's virtual reader until it is interrupted.
func (p *program) simulate(ctx context.Context, profile, address string) error {
	if host, port, err := net.SplitHostPort(address); err != nil || host == "" {
		return p.WrongUsage(errors.New("--vpcd: not HOST:PORT"))
	} else if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return p.WrongUsage(errors.New("--vpcd: invalid port"))
	}
	card, err := p.simulatedCard("--profile", profile)
	if err != nil {
		return err
	}
	p.caught()
	var reported string // the last reported cause
	err = vpcd.Serve(ctx, address, card, func(cause error) {
		if cause == nil {
			fmt.Fprintf(p.stderr, p.Say(textSimulateInserted), profile, address)
			reported = ""
		} else if reported != cause.Error() {
			fmt.Fprintf(p.stderr, p.Say(textSimulateWaiting), address, termtext.Printable(cause.Error()))
			reported = cause.Error()
		}
	})
	if errors.Is(err, context.Canceled) {
		return nil // interrupted: the normal end
	}
	return err
}
