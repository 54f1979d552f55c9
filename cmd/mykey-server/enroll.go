package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/mykeykit/mykeykit/cmd/mykey-server/internal/pki"
	"github.com/mykeykit/mykeykit/internal/cli"
	"github.com/mykeykit/mykeykit/internal/fleettls"
	"github.com/mykeykit/mykeykit/internal/keyfile"
	"github.com/mykeykit/mykeykit/internal/registrycli"
	"github.com/mykeykit/mykeykit/internal/termtext"
	"github.com/mykeykit/mykeykit/mykey/registry"
)

// enrollOptions are the flags of enroll.
type enrollOptions struct {
	folder, registry, campaign, deskKey, out, certificate string
	clerk                                                 bool
	days                                                  int
}

// enrollDays is how long a terminal's certificate is valid unless --days is given: 13 months.
const enrollDays = 396

// enrollCommand makes the bundle of a terminal or a clerk and enrolls it.
func (p *program) enrollCommand() *cobra.Command {
	var o enrollOptions
	c := &cobra.Command{
		Use: "enroll --campaign FILE NAME", Short: p.Say(textEnroll), Long: p.Say(textEnrollLong), Args: cli.Arguments("NAME"),
		Example: "  mykey-server enroll --folder /var/lib/mykey-server --campaign campaign.toml \\\n    --registry sqlite:/var/lib/mykey-server/registry.db counter-1",
		RunE: func(c *cobra.Command, args []string) error {
			if o.certificate != "" {
				return p.enrollCertificate(c.Context(), args[0], o)
			}
			return p.enroll(c.Context(), args[0], o)
		},
	}
	p.folderFlag(c, &o.folder)
	p.fleetFlags(c, &o.registry, &o.campaign)
	p.deskFlag(c, &o.deskKey)
	c.Flags().StringVar(&o.out, "out", "", p.Say(textFlagOut))
	c.Flags().StringVar(&o.certificate, "certificate", "", p.Say(textFlagEnrollCertificate))
	c.Flags().BoolVar(&o.clerk, "clerk", false, p.Say(textFlagClerk))
	c.Flags().IntVar(&o.days, "days", enrollDays, p.Say(textFlagDays))
	c.Flags().Lookup("days").DefValue = "0"
	return c
}

// enroll writes the bundle before it enrolls the key: a bundle that is not enrolled is useless,
// and an enrolled name whose bundle was lost could not be used again. If the command was killed in
// between, or the answer of the database was lost, the same command completes it.
func (p *program) enroll(ctx context.Context, name string, o enrollOptions) error {
	if o.out == "" {
		o.out = name + ".pem"
	}
	ca, err := pki.ReadCA(o.folder)
	if err != nil {
		return err
	}
	d, err := p.deskOf(ctx, o.folder, o.deskKey, o.registry, o.campaign)
	if err != nil {
		return err
	}
	defer d.Close()
	bundle, written, err := p.writeBundle(ca, name, o)
	if err != nil {
		return err
	}
	role := bundle.Identity().Role
	err = d.Enroll(ctx, registry.NewOperation(), registry.Enrolled{
		Name: name, Role: role, Key: bundle.Identity().Key, Serial: bundle.Serial(), NotAfter: bundle.NotAfter(),
	})
	if err != nil {
		err = fmt.Errorf("%s: %w", name, err)
		if written && !errors.Is(err, registry.ErrUnavailable) { // then it may be enrolled
			err = errors.Join(err, os.Remove(o.out))
		}
		return err
	}
	return p.reportEnrolled(textEnrolled, name, role, o.out, bundle.NotAfter())
}

// enrollCertificate enrolls the key of a certificate that another CA issued.
func (p *program) enrollCertificate(ctx context.Context, name string, o enrollOptions) error {
	text, err := registrycli.ReadKeyFile(p.Console, o.certificate, registrycli.PublicKey)
	if err != nil {
		return err
	}
	certificates, err := fleettls.ParseCertificates(text)
	if err != nil {
		return certificateFailure(fmt.Errorf("--certificate: %s: %w", o.certificate, err))
	}
	identity, err := fleettls.Identify(certificates[0])
	if err != nil {
		return err
	}
	if identity.Name != name {
		return fmt.Errorf("%w: its name is %s", fleettls.ErrIdentity, identity.Name)
	}
	d, err := p.deskOf(ctx, o.folder, o.deskKey, o.registry, o.campaign)
	if err != nil {
		return err
	}
	defer d.Close()
	err = d.Enroll(ctx, registry.NewOperation(), registry.Enrolled{
		Name: name, Role: identity.Role, Key: identity.Key, Serial: certificates[0].SerialNumber.Text(16), NotAfter: certificates[0].NotAfter,
	})
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return p.reportEnrolled(textCertificateEnrolled, name, identity.Role, o.certificate, certificates[0].NotAfter)
}

// reportEnrolled says who was enrolled, with which file.
func (p *program) reportEnrolled(text Text, name string, role registry.Role, file string, notAfter time.Time) error {
	if p.JSON {
		return cli.WriteJSON(p.Stdout, struct {
			Name     string        `json:"name"`
			Role     registry.Role `json:"role"`
			File     string        `json:"file"`
			NotAfter time.Time     `json:"not_after"`
		}{name, role, file, notAfter})
	}
	return p.print(text, name, termtext.Printable(file), day(notAfter))
}

// writeBundle makes a bundle and writes its file, or reads the file of an earlier run.
func (p *program) writeBundle(ca *fleettls.CA, name string, o enrollOptions) (bundle fleettls.Bundle, written bool, err error) {
	role := registry.RoleTerminal
	if o.clerk {
		role = registry.RoleClerk
	}
	if bundle, err = ca.NewBundle(name, role, o.days, p.now()); err != nil {
		return bundle, false, err
	}
	text, err := bundle.RevealText()
	defer clear(text)
	if err != nil {
		return bundle, false, err
	}
	if err = keyfile.WriteNew(o.out, text); err == nil {
		return bundle, true, nil
	}
	if !errors.Is(err, fs.ErrExist) {
		return bundle, false, err
	}
	earlier, readErr := p.readBundle(o.out)
	if i := earlier.Identity(); readErr != nil || i.Name != name || i.Role != role || !ca.Issued(earlier) || earlier.ValidAt(p.now()) != nil {
		return bundle, false, cli.Because(err, registrycli.CodeFileExists, textBundleExists, textBundleExistsNext)
	}
	return earlier, false, nil
}

func (p *program) readBundle(path string) (fleettls.Bundle, error) {
	text, err := registrycli.ReadKeyFile(p.Console, path, registrycli.SecretKey)
	defer clear(text)
	if err != nil {
		return fleettls.Bundle{}, err
	}
	return fleettls.ParseBundle(text)
}

func (p *program) deskFlag(c *cobra.Command, path *string) {
	c.Flags().StringVar(path, "desk-key", "", p.Say(textFlagDeskKey))
}

// deskOf opens the desk of a server's folder, or of a key file, in the registry of a campaign.
func (p *program) deskOf(ctx context.Context, folder, key, url, campaign string) (desk, error) {
	c, err := registrycli.ReadCampaign(p.Console, campaign)
	if err != nil {
		return nil, err
	}
	as, err := p.readDesk(folder, key)
	if err != nil {
		return nil, err
	}
	return p.openDesk(ctx, url, c.Namespace, as)
}

// readDesk reads the key of the desk of a server's folder, or the one of --desk-key.
func (p *program) readDesk(folder, key string) (registry.Terminal, error) {
	return registrycli.ReadTerminal(p.Console, "--desk-key", cmp.Or(key, pki.Path(folder, pki.DeskKey)))
}

// revokeCommand revokes a terminal or a clerk.
func (p *program) revokeCommand() *cobra.Command {
	var folder, key, url, campaign string
	c := &cobra.Command{
		Use: "revoke --campaign FILE NAME", Short: p.Say(textRevoke), Long: p.Say(textRevokeLong), Args: cli.Arguments("NAME"),
		RunE: func(c *cobra.Command, args []string) error {
			d, err := p.deskOf(c.Context(), folder, key, url, campaign)
			if err != nil {
				return err
			}
			defer d.Close()
			if err := d.Revoke(c.Context(), registry.NewOperation(), args[0]); err != nil {
				return fmt.Errorf("%s: %w", termtext.Printable(args[0]), err)
			}
			if p.JSON {
				return cli.WriteJSON(p.Stdout, map[string]string{"revoked": args[0]})
			}
			return p.print(textRevoked, termtext.Printable(args[0]))
		},
	}
	p.folderFlag(c, &folder)
	p.fleetFlags(c, &url, &campaign)
	p.deskFlag(c, &key)
	return c
}
