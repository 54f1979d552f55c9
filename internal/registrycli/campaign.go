package registrycli

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/mykeykit/mykeykit/internal/cafile"
	"github.com/mykeykit/mykeykit/internal/campaign"
	"github.com/mykeykit/mykeykit/internal/cli"
	"github.com/mykeykit/mykeykit/internal/keyfile"
	"github.com/mykeykit/mykeykit/jpki/trust"
	"github.com/mykeykit/mykeykit/mykey/registry"
)

// maxCampaignSize is the maximum size of a campaign file, in bytes.
const maxCampaignSize = 1 << 20

// ReadCampaign reads the campaign file of --campaign.
func ReadCampaign(c *cli.Console, path string) (*campaign.Campaign, error) {
	read, _, err := ReadCampaignText(c, path)
	return read, err
}

// ReadCampaignText is like [ReadCampaign] and also returns the file's text.
func ReadCampaignText(c *cli.Console, path string) (*campaign.Campaign, []byte, error) {
	if path == "" {
		return nil, nil, c.Misuse(Text{JA: "--campaign で事業設定ファイルを指定してください。", EN: "Give the campaign file with --campaign."}, errors.New("--campaign: not given"))
	}
	text, _, err := keyfile.Read(path, maxCampaignSize)
	if err != nil {
		return nil, nil, err
	}
	read, err := campaign.Parse(bytes.NewReader(text))
	return read, text, err
}

// ApplicationOptions returns the registry options for accepting applications, with the public
// key file of --operator-key. The file is required unless the campaign has ended.
func ApplicationOptions(c *cli.Console, operatorKey string, of *campaign.Campaign, now time.Time) ([]registry.Option, error) {
	if operatorKey != "" {
		operator, err := readOperator(c, operatorKey)
		if err != nil {
			return nil, KeyFailure(fmt.Errorf("--operator-key: %w", err))
		}
		return []registry.Option{registry.WithOperator(operator)}, nil
	}
	if of.Ended(now) {
		return nil, nil
	}
	return nil, missingOperatorKey(c.Command)
}

// TrustPolicy returns the policy that trusts J-LIS and the CA certificate files of
// --ca-certificate.
func TrustPolicy(files []string) (trust.Policy, error) {
	policy := trust.Policy{Anchors: trust.JLIS(), Required: true}
	for _, file := range files {
		certificates, err := cafile.Read(file)
		if err != nil {
			return policy, cli.Because(fmt.Errorf("--ca-certificate: %s: %w", file, err), cli.CodeCACertificate,
				Text{JA: "--ca-certificate のファイルは、認証局の証明書として使えません。", EN: "The --ca-certificate file can't be used as a CA certificate."},
				Text{JA: "認証局の証明書（PEMまたはDER）のファイルを指定してください。", EN: "Give a file with CA certificates in PEM or DER."})
		}
		policy.CAs = append(policy.CAs, certificates...)
	}
	return policy, nil
}

// Engine returns the database engine of a registry URL, without the rest, which may contain a
// password.
func Engine(url string) string {
	scheme, _, _ := strings.Cut(url, ":")
	switch scheme {
	case "postgres", "postgresql":
		return "postgres"
	case "sqlite":
		return "sqlite"
	}
	return "unknown"
}

// IsMissing reports whether a registry URL names a file that does not exist.
func IsMissing(url string) bool {
	path, ok := strings.CutPrefix(url, "sqlite:")
	_, err := os.Stat(path)
	return ok && path != "" && errors.Is(err, fs.ErrNotExist)
}
