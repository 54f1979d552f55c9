package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/mykeykit/mykeykit/internal/registrycli"
	"github.com/mykeykit/mykeykit/mykey/registry"
)

// operator makes the commands that programs with a registry share.
func (p *program) operator() registrycli.Operator {
	return registrycli.Operator{
		Console: p.Console, RegistryFlag: p.registryFlag, CampaignFlag: p.campaignFlag, HeadsFlag: p.headsFlag, DeskFlags: p.deskFlags,
	}
}

// deskFlags adds the flags for the key of a desk and the public keys of all servers and desks.
func (p *program) deskFlags(c *cobra.Command) registrycli.OpenDesk {
	var folder, keys, deskKey string
	p.folderFlag(c, &folder)
	p.keysFlag(c, &keys)
	p.deskFlag(c, &deskKey)
	return func(ctx context.Context, url, namespace string) (*registry.Desk, error) {
		as, err := p.readDesk(folder, deskKey)
		if err != nil {
			return nil, err
		}
		public, err := publicKeys(ctx, folder, keys, url, namespace)
		if err != nil {
			return nil, err
		}
		return registry.OpenDesk(ctx, url, namespace, public, as)
	}
}
