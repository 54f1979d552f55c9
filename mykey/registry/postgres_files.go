package registry

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"

	"github.com/mykeykit/mykeykit/internal/keyfile"
)

// longestNamed bounds a file that a URL names: a bundle of CA certificates has about
// 250,000 bytes.
const maxReferencedFile = 4 << 20

// checkNamedFiles looks at the files that a PostgreSQL URL names. The driver reads them
// without a bound, and waits for whoever writes into a pipe.
func checkReferencedFiles(address string) error {
	parsed, err := url.Parse(address)
	if err != nil {
		return nil // the driver says it better, without the password
	}
	query := parsed.Query()
	for _, name := range []string{"sslrootcert", "sslcert", "sslkey", "passfile", "servicefile"} {
		path := query.Get(name)
		if path == "" || name == "sslrootcert" && path == "system" {
			continue
		}
		content, _, err := keyfile.Read(path, maxReferencedFile)
		clear(content)
		if err != nil && !errors.Is(err, fs.ErrNotExist) { // which the driver refuses, or does without
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}
